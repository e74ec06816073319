"""The one step that all training is made of."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor, nn
from torch.optim import Optimizer

from lrlib._given import require_gradient, require_loss_function, require_no_closure

LossFunction = Callable[[Tensor, Tensor], Tensor]


def train_step(
    model: nn.Module, optimizer: Optimizer, loss_fn: LossFunction, batch: tuple[Tensor, Tensor]
) -> float:
    r"""Make one optimizer step on one batch.

    Plain SGD moves the parameters :math:`\theta` against the gradient of the loss :math:`L`:

    .. math:: \theta \leftarrow \theta - \eta \, \nabla_\theta L(\theta)

    Args:
        model: Maps x to an output, such as logits. It stays in train or in eval mode, as it is.
        optimizer: Holds the model's parameters and the learning rate :math:`\eta`.
        loss_fn: Maps the output and y to a scalar tensor, as `torch.nn.functional.cross_entropy`
            does.
        batch: The pair (x, y), on the model's device.

    Returns:
        The loss before the update, a float.

    Raises:
        ValueError: `loss_fn` is a class or no function, its loss isn't one number or has no
            gradient, or the optimizer needs a closure. No parameter has changed by then.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.constant_(model.weight, 1.0)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
        >>> x, y = torch.tensor([[1.0]]), torch.tensor([[0.0]])
        >>> train_step(model, optimizer, torch.nn.functional.mse_loss, (x, y))
        1.0
        >>> model.weight.item()
        0.5
    """
    require_loss_function(loss_fn)
    require_no_closure(optimizer, "write a step of your own that passes one")
    return make_step(model, optimizer, loss_fn, batch, nullcontext()).item()


def make_step(
    model: nn.Module,
    optimizer: Optimizer,
    loss_fn: LossFunction,
    batch: tuple[Tensor, Tensor],
    precision: AbstractContextManager[object],
) -> Tensor:
    """Make a step without waiting for its loss, which stays on the device."""
    x, y = batch
    optimizer.zero_grad()
    with precision:
        loss = loss_fn(model(x), y)
    require_gradient(loss)
    loss.backward()
    optimizer.step()
    return loss.detach()
