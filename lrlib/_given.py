"""What no step can be made with, or makes no step of a part: the refusals say what was given."""

import inspect
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer


def described(value: Any) -> str:
    """Say what was given: a class by its name, else the value, or its kind if it is long."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text = repr(value)
    return text if len(text) <= 80 else f"an object of the class {type(value).__name__}"


def require_loss_function(loss_fn: Any) -> None:
    """Refuse above all a class, which would take the output and y for its options."""
    if isinstance(loss_fn, type):
        raise ValueError(
            f"loss_fn must be a function of the output and y, got {described(loss_fn)}; pass an "
            f"object of it: {loss_fn.__name__}()"
        )
    if not callable(loss_fn):
        raise ValueError(
            f"loss_fn must be a function of the output and y, got {described(loss_fn)}; "
            "torch.nn.functional.cross_entropy is the usual one for classes"
        )


def require_no_closure(optimizer: Optimizer, way_out: str) -> None:
    """Refuse an optimizer whose step can't be called without an argument, such as LBFGS."""
    kind: Any = type(optimizer)
    if _needs_closure(kind):
        raise ValueError(f"{kind.__name__} needs a closure; {way_out}")


@cache  # `train_step` asks at each step
def _needs_closure(kind: type) -> bool:
    step = getattr(kind, "step", None)
    if step is None:
        return False
    try:
        inspect.signature(step).bind(None)
    except TypeError:
        return True
    return False


def require_gradient(loss: Any) -> None:
    """Refuse a loss that can't be followed back to any parameter."""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        given = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else described(loss)
        raise ValueError(
            f"loss_fn must return a tensor with one number, got {given}; return the mean, for "
            "instance"
        )
    if not loss.requires_grad:
        raise ValueError(
            "the loss must depend on parameters that can be trained, got a loss without a "
            "gradient; look for detach(), no_grad(), item() or numpy between the parameters and "
            "the loss, and for parameters that all have requires_grad=False"
        )


def warn_of_what_is_left_out(
    model: nn.Module, optimizers: Iterable[Optimizer], stacklevel: int
) -> None:
    """Warn of parameters that could be trained and that no optimizer holds, such as a new head."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    held = {id(parameter) for group in groups for parameter in group["params"]}
    names = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and id(parameter) not in held
    ]
    if names:
        warnings.warn(
            f"the optimizer doesn't hold {listed(names)} of the model, so training leaves them as "
            "they are; add them with optimizer.add_param_group, or call requires_grad_(False) on "
            "what is meant to stay",
            stacklevel=stacklevel + 1,
        )


def listed(names: Sequence[str]) -> str:
    """List names, the first three where there are more."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return ", ".join(names)
