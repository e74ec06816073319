"""The rates of a test: set before each step, and looked at again when the optimizer makes it."""

import math
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

from torch.optim import Optimizer

from lrlib.finder.no_trace import inner_optimizers
from lrlib.finder.response import Guard, require_response, set_rates


class Rates:
    """Sets the rates of the groups, and refuses updates that are made at others or follow none.

    Args:
        optimizer: Its steps are watched inside of the block, and those of the ones that it wraps.
        ratios: The rate of each group, divided by that of the test.
        ends: The first and the last rate of the test.
        guard: Makes a block that leaves no trace, to try an update in.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        ratios: Sequence[float],
        ends: tuple[float, float],
        guard: Guard,
    ) -> None:
        self._optimizer, self._ratios = optimizer, ratios
        self._ends, self._guard = ends, guard
        self._lr = math.nan
        self._updates: dict[int, int] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> "Rates":
        for each in (self._optimizer, *inner_optimizers(self._optimizer)):
            # What only looks like torch's may have none.
            if hasattr(each, "register_step_pre_hook"):
                self._hooks.append(each.register_step_pre_hook(self._look))
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def set(self, lr: float) -> None:
        """Set the rates for the next step."""
        self._lr = lr
        set_rates(self._optimizer, self._wanted())

    def require_updates(self, moved: bool) -> None:
        """Refuse a test that moved parameters without one step of the optimizer."""
        if moved and self._hooks and not self._updates:
            raise ValueError(
                f"the parameters changed without a step of {type(self._optimizer).__name__}, so "
                "the rates of the test had no effect; let step_fn call optimizer.step() on the "
                "optimizer that is passed to range_test"
            )

    def _wanted(self) -> list[float]:
        return [self._lr * ratio for ratio in self._ratios]

    def _look(self, stepping: Optimizer, args: Any, kwargs: Any) -> None:
        for group, rate in zip(self._optimizer.param_groups, self._wanted(), strict=False):
            # A tensor of float32 holds a rate to seven digits.
            if not math.isclose(group["lr"], rate, rel_tol=1e-6):
                raise ValueError(
                    f"an update was made at the rate {float(group['lr']):.3g}, where the test had "
                    f"set {rate:.3g}; take out what changes it, such as a scheduler that step_fn "
                    "calls before the update, or a tensor of whole numbers as lr"
                )
        if id(self._optimizer) in self._updates and stepping is not self._optimizer:
            return  # a part of a step that has been looked at
        self._updates[id(stepping)] = count = self._updates.get(id(stepping), 0) + 1
        # The second update: in the first, a rate may go into the state, and from then on be there.
        if count == 2:
            step = partial(type(stepping).step, *args, **kwargs)
            ratios = [float(group["lr"]) / self._lr for group in stepping.param_groups]
            require_response(stepping, step, self._guard, ratios, self._ends)
