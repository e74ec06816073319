"""The rates that an adaptive optimizer, such as Adam, gives to each parameter."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adagrad, Adam, AdamW, Optimizer, RMSprop


def effective_lr(optimizer: Optimizer) -> list[Tensor]:
    r"""Return the effective learning rates of the last step: what each gradient was multiplied by.

    An adaptive optimizer divides its rate :math:`\eta` by the root of a sum or average of the
    squared gradients, and keeps one for each entry of each parameter:

    .. math::
        \text{AdaGrad: } \frac{\eta / (1 + (t - 1) \, d)}{\sqrt{s_t} + \epsilon}, \qquad
        \text{RMSprop: } \frac{\eta}{\sqrt{v_t} + \epsilon}, \qquad
        \text{Adam, AdamW: } \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Here :math:`s_t` is the sum and :math:`v_t` the average of the squared gradients, :math:`d` is
    `lr_decay`, :math:`\epsilon` is `eps`, :math:`\beta_1` and :math:`\beta_2` are `betas`, and
    :math:`t` counts the steps from 1. With `centered`, RMSprop has :math:`v_t - \bar g_t^2` in the
    place of :math:`v_t`, where :math:`\bar g_t` is the average gradient; with `amsgrad`, Adam and
    AdamW have the largest :math:`v` so far.

    The last step changed a parameter by minus its rate times its gradient. For Adam and AdamW, read
    the average gradient :math:`m_t / (1 - \beta_1^t)` for the gradient. Three options change that:

    - `weight_decay` is part of the gradient, except in AdamW, which shrinks the parameter apart
      from this change.
    - `maximize` turns the gradient's sign.
    - With `momentum`, RMSprop adds `momentum` times its last change, rescaled to the
      current rate.

    Call it after `optimizer.step()` and before `scheduler.step()`: :math:`\eta` is read from the
    parameter group, and a scheduler sets it for the next step.

    Args:
        optimizer: torch's Adagrad, RMSprop, Adam or AdamW, after at least one step.

    Returns:
        One tensor per parameter, in the order of the parameter groups, with the parameter's shape
        and dtype. A parameter that hasn't been updated yet has no rate: its tensor is all NaN.

    Raises:
        TypeError: The optimizer is of another kind, or a parameter is complex.
        ValueError: The optimizer hasn't made a step yet; or a gradient was NaN, so the squares
            that it remembers are NaN; or :math:`v_t - \bar g_t^2` of centred RMSprop was rounded
            below zero.

    Source:
        Duchi et al. (2011); Tieleman and Hinton (2012); Kingma and Ba (2015), algorithm 1;
        Loshchilov and Hutter (2019), algorithm 2; Reddi et al. (2018) for AMSGrad.

    Example:
        >>> import torch
        >>> weights = torch.nn.Parameter(torch.zeros(2))
        >>> optimizer = torch.optim.Adagrad([weights], lr=0.1)
        >>> weights.grad = torch.tensor([0.5, 2.0])
        >>> optimizer.step()
        >>> effective_lr(optimizer)
        [tensor([0.2000, 0.0500])]
        >>> weights  # in AdaGrad's first step, each moves by lr
        Parameter containing:
        tensor([-0.1000, -0.1000], requires_grad=True)
    """
    if not isinstance(optimizer, (Adagrad, RMSprop, Adam, AdamW)):
        raise TypeError(
            "effective_lr knows Adagrad, RMSprop, Adam and AdamW of torch, got "
            f"{type(optimizer).__name__}; SGD has the same rate, lr, for every parameter"
        )
    parameters = [
        (group, parameter) for group in optimizer.param_groups for parameter in group["params"]
    ]
    for number, (_, parameter) in enumerate(parameters):
        if parameter.is_complex():
            raise TypeError(
                f"effective_lr takes real parameters, got {str(parameter.dtype)[6:]} of shape "
                f"{tuple(parameter.shape)} in parameter {number}; torch gives its real and its "
                "imaginary part a rate each: optimize torch.view_as_real of it, and make it "
                "complex in the model with torch.view_as_complex"
            )
    if all(_steps(optimizer, parameter) == 0 for _, parameter in parameters):
        raise ValueError(
            f"this {type(optimizer).__name__} has not made a step, so no rate is known yet; "
            "train for at least one step first"
        )
    return [
        _rate(optimizer, group, parameter, number)
        for number, (group, parameter) in enumerate(parameters)
    ]


def _steps(optimizer: Optimizer, parameter: Tensor) -> float:
    return float(optimizer.state.get(parameter, {}).get("step", 0))


def _rate(optimizer: Optimizer, group: dict[str, Any], parameter: Tensor, number: int) -> Tensor:
    step, lr = _steps(optimizer, parameter), float(group["lr"])
    if step == 0:
        return torch.full_like(parameter, math.nan, requires_grad=False)
    state = optimizer.state[parameter]
    if isinstance(optimizer, Adagrad):
        lr /= 1 + (step - 1) * group["lr_decay"]
        squares = state["sum"]
    elif isinstance(optimizer, RMSprop):
        squares = state["square_avg"]
    else:
        name = "max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"
        squares = state[name] / (1 - float(group["betas"][1]) ** step)
    if squares.isnan().any():
        raise ValueError(
            f"a gradient of parameter {number}, of shape {tuple(parameter.shape)}, was NaN in one "
            f"of the {step:.0f} steps, so the squares that it remembers are NaN and it has no "
            "rate; go back to a state from before, with a lower learning rate"
        )
    if isinstance(optimizer, RMSprop) and group["centered"]:
        # In one operation, as torch does it: where it rounds below zero there, it does here.
        squares = squares.addcmul(state["grad_avg"], state["grad_avg"], value=-1)
        if (squares < 0).any():
            raise ValueError(
                f"the centred squares of parameter {number}, of shape {tuple(parameter.shape)}, "
                "have been rounded below zero, so it has no rate and torch's update was NaN; "
                "its gradients hardly vary: use centered=False"
            )
    return lr / (squares.sqrt() + group["eps"])
