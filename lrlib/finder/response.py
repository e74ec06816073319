"""Whether an update follows its rate: it is tried at two rates, and undone."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lrlib._interrupts import Interrupts
from lrlib.finder.no_trace import inner_optimizers

Guard = Callable[[], AbstractContextManager[Any]]


def set_rates(optimizer: Optimizer, rates: Sequence[float]) -> None:
    """Set the rate of each parameter group."""
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def require_response(
    optimizer: Optimizer,
    step: Callable[[], Any],
    guard: Guard,
    ratios: Sequence[float],
    ends: tuple[float, float],
) -> None:
    """Refuse an update that moves a group equally at both ends of the rates of a test."""
    before = _parameters(optimizer)
    low, high = (_after(optimizer, step, guard, [lr * r for r in ratios]) for lr in ends)
    for number, ratio in enumerate(ratios):
        moved = any(map(_differ, before[number], high[number]))
        if ratio > 0 and moved and not any(map(_differ, low[number], high[number])):
            raise ValueError(
                f"parameter group {number} of {type(optimizer).__name__} made the same update at "
                f"the rates {ends[0] * ratio:.3g} and {ends[1] * ratio:.3g}, so the test can't set "
                'its rate; let step read group["lr"], not an attribute or a variable. (Rprop reads '
                "it in its first step alone, and has no learning rate to find.)"
            )


def _differ(one: Tensor, other: Tensor) -> bool:
    return not torch.equal(one, other)


def _parameters(optimizer: Optimizer) -> list[list[Tensor]]:
    return [[p.detach() for p in group["params"]] for group in optimizer.param_groups]


def _after(
    optimizer: Optimizer, step: Callable[[], Any], guard: Guard, rates: Sequence[float]
) -> list[list[Tensor]]:
    """Return what the parameters would be after two updates, by group."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    gradients = [p.grad for p in parameters]
    with Interrupts(), guard():  # Ctrl-C waits: what undoes this must not come late
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else gradient.clone()  # a step may change it
        for each in (optimizer, *inner_optimizers(optimizer)):
            # Who counts or watches the steps must not see these.
            vars(each).update(
                _optimizer_step_pre_hooks=OrderedDict(), _optimizer_step_post_hooks=OrderedDict()
            )
        set_rates(optimizer, rates)
        for _ in range(2):  # ASGD moves at the rate of the step before
            step()
        return [[p.clone() for p in group] for group in _parameters(optimizer)]
