"""The rates of a test: set before each step, and looked at again when the optimizer makes it."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from lrlib.finder.no_trace import inner_optimizers


@contextmanager
def rates_of(optimizer: Optimizer, ratios: Sequence[float]) -> Iterator[Callable[[float], None]]:
    """Give a function that sets the groups' rates, and refuse an update that is made at others."""
    wanted: list[float] = []

    def set_lr(lr: float) -> None:
        wanted[:] = [lr * ratio for ratio in ratios]
        for group, rate in zip(optimizer.param_groups, wanted, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def look(*_: Any) -> None:
        for group, rate in zip(optimizer.param_groups, wanted, strict=False):
            # A tensor of float32 holds a rate to seven digits.
            if not math.isclose(group["lr"], rate, rel_tol=1e-6):
                raise ValueError(
                    f"an update was made at the rate {float(group['lr']):.3g}, where the test had "
                    f"set {rate:.3g}; take out what changes it, such as a scheduler that step_fn "
                    "calls before the update, or a tensor of whole numbers as lr"
                )

    hooks = [
        each.register_step_pre_hook(look)
        for each in (optimizer, *inner_optimizers(optimizer))
        if hasattr(each, "register_step_pre_hook")  # what only looks like torch's may have none
    ]
    try:
        yield set_lr
    finally:
        for hook in hooks:
            hook.remove()
