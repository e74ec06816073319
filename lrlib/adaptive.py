"""The learning rate that each parameter sees under an adaptive optimizer."""

from typing import Any

from torch import Tensor
from torch.optim import Adagrad, Adam, AdamW, Optimizer, RMSprop


def effective_lr(optimizer: Optimizer) -> list[Tensor]:
    r"""Return the rate that each parameter saw in the last step, from the optimizer's state.

    With the learning rate :math:`\eta`, the step count :math:`t` and the optimizer's
    :math:`\epsilon`:

    .. math::
        \text{AdaGrad:} \quad & \frac{\eta}{1 + (t - 1)\,\text{lr\_decay}} \cdot
        \frac{1}{\sqrt{\sum g^2} + \epsilon} \\
        \text{RMSprop:} \quad & \frac{\eta}{\sqrt{v} + \epsilon}, \quad
        \text{centred: } \frac{\eta}{\sqrt{v - \bar g^2} + \epsilon} \\
        \text{Adam, AdamW:} \quad & \frac{\eta}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    For AdaGrad and RMSprop the last update is this rate times the gradient. For Adam and AdamW it
    is this rate times the bias-corrected momentum :math:`m / (1 - \beta_1^t)`. The gradient
    includes an L2 penalty (`weight_decay` of all but AdamW). AdamW's decay of the weights and
    RMSprop's momentum come on top and are not part of the rate.

    Args:
        optimizer: `Adagrad`, `RMSprop`, `Adam` or `AdamW`, after at least one step and before a
            scheduler changes its rate.

    Returns:
        One tensor for each parameter, with its shape, dtype and device, in the order of the
        optimizer's parameter groups.

    Raises:
        TypeError: The optimizer is another one.
        ValueError: A parameter has not been stepped yet.

    Source:
        Duchi et al. (2011); Tieleman and Hinton (2012); Kingma and Ba (2015), algorithm 1.

    Example:
        The first step of Adam moves each parameter by about the learning rate, since the effective
        rate is the learning rate divided by the size of the gradient:

        >>> import torch
        >>> w = torch.tensor([1.0, 1.0], requires_grad=True)
        >>> optimizer = Adam([w], lr=0.1)
        >>> (w * torch.tensor([4.0, 0.5])).sum().backward()
        >>> optimizer.step()
        >>> effective_lr(optimizer)
        [tensor([0.0250, 0.2000])]
        >>> w.detach()
        tensor([0.9000, 0.9000])
    """
    if isinstance(optimizer, Adagrad):
        rate = _adagrad
    elif isinstance(optimizer, RMSprop):
        rate = _rmsprop
    elif isinstance(optimizer, Adam | AdamW):
        rate = _adam
    else:
        raise TypeError(
            f"optimizer must be Adagrad, RMSprop, Adam or AdamW, got {type(optimizer).__name__}; "
            "under SGD every parameter sees the rate of its group"
        )
    rates: list[Tensor] = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            if not state or int(state["step"]) == 0:
                raise ValueError(
                    f"parameter {len(rates)} has not been stepped yet; make a step with a gradient "
                    "for it first, or leave frozen parameters out of the optimizer"
                )
            rates.append(rate(group, state))
    return rates


def _adagrad(group: dict[str, Any], state: dict[str, Any]) -> Tensor:
    lr = group["lr"] / (1 + (float(state["step"]) - 1) * group["lr_decay"])
    return lr / (state["sum"].sqrt() + group["eps"])


def _rmsprop(group: dict[str, Any], state: dict[str, Any]) -> Tensor:
    mean_square = state["square_avg"]
    if group["centered"]:
        mean_square = mean_square - state["grad_avg"].square()
    return group["lr"] / (mean_square.sqrt() + group["eps"])


def _adam(group: dict[str, Any], state: dict[str, Any]) -> Tensor:
    mean_square = state["max_exp_avg_sq"] if group["amsgrad"] else state["exp_avg_sq"]
    correction = 1 - group["betas"][1] ** float(state["step"])
    return group["lr"] / ((mean_square / correction).sqrt() + group["eps"])
