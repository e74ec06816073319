"""Learning-rate schedules as pure functions of the optimizer step.

A schedule maps a step (0 is the first) to a factor. The optimizer's `lr` is the peak, and the rate
that is applied is `lr * schedule(step)`. `torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)`
is all you need to use one with torch. Every schedule is a frozen dataclass: you can print, compare
and pickle it, and nothing changes it.

Arguments and steps may be any real numbers, numpy's or a tensor's too; factors are Python floats.
An argument out of its range is a `ValueError` that names it. A schedule that is called with
anything but one number raises a `TypeError`; `lr_curve` gives the rates of many steps.

**Stopping and resuming.** Save the state of the optimizer and of the scheduler beside the model's.
The scheduler's state holds the step count, which torch calls `last_epoch`, and the schedule's text:

    >>> import torch
    >>> from lrlib.schedules import Linear
    >>> from torch.optim import SGD
    >>> from torch.optim.lr_scheduler import LambdaLR
    >>> weights = torch.nn.Parameter(torch.zeros(3))
    >>> def new_run(schedule):
    ...     optimizer = SGD([weights], lr=0.1)
    ...     return optimizer, LambdaLR(optimizer, schedule)
    >>> def train(optimizer, scheduler, steps):
    ...     rates = []
    ...     for _ in range(steps):
    ...         rates.append(round(optimizer.param_groups[0]["lr"], 3))
    ...         optimizer.step()  # a stand-in for a training step
    ...         scheduler.step()
    ...     return rates
    >>> optimizer, scheduler = new_run(Linear(10))
    >>> train(optimizer, scheduler, 4)
    [0.1, 0.09, 0.08, 0.07]
    >>> saved = {
    ...     "optimizer": optimizer.state_dict(),
    ...     "scheduler": scheduler.state_dict(),
    ... }
    >>> saved["scheduler"]["last_epoch"], saved["scheduler"]["lr_lambdas"]
    (4, [{'schedule': 'Linear(steps=10, start=1.0, end=0.0)'}])

Resume with the same schedule, and load both. The rates are those of a run that never stopped:

    >>> optimizer, scheduler = new_run(Linear(10))
    >>> optimizer.load_state_dict(saved["optimizer"])
    >>> scheduler.load_state_dict(saved["scheduler"])
    >>> train(optimizer, scheduler, 3)
    [0.06, 0.05, 0.04]

A state that was saved with another schedule is refused with a `ValueError`, so neither schedule
silently replaces the other. (By then torch has set the scheduler's step count; the optimizer and
the schedule are as they were.) The schedulers of torch itself, such as `CosineAnnealingLR`, don't
check: the saved length replaces yours.

**Extending.** To go on with another schedule, or another length, load only the optimizer's state
and say how many steps are done. The optimizer keeps its peak rate in the group's `initial_lr`:

    >>> optimizer = SGD([weights], lr=0.1)
    >>> optimizer.load_state_dict(saved["optimizer"])
    >>> steps_done = saved["scheduler"]["last_epoch"]
    >>> scheduler = LambdaLR(optimizer, Linear(20), last_epoch=steps_done - 1)
    >>> # The rates of Linear(20) from step 4 on.
    >>> train(optimizer, scheduler, 3)
    [0.08, 0.075, 0.07]

The old schedule would have gone on at 0.06. The new one jumps to 0.08, because at step 4 a decay
over 20 steps has fallen less than one over 10. A schedule that is flat until shortly before its end
has no such jump: until step 80, `Join((Fixed(), Linear(20)), (80,))` agrees with the longer
`Join((Fixed(), Linear(20)), (180,))`.
"""

import copy
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from functools import partial
from numbers import Integral, Real
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

Schedule = Callable[[float], float]


class _Schedule:
    """What all schedules share: Python numbers come out, and torch can keep their state."""

    __slots__ = ()  # no place for a `__dict__` that could be written into

    def __call__(self, step: float) -> float:
        number = _python_number(step)
        if not isinstance(number, (int, float)):
            raise TypeError(
                f"{type(self).__name__} must be called with one step, a number, got {step!r}; "
                "lr_curve(schedule, steps) gives the rates of many"
            )
        return float(self._factor(number))

    def _factor(self, step: float) -> float:
        raise NotImplementedError

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        # `LambdaLR` saves a copy of this, and loads a state by updating it.
        return _State(schedule=repr(self))


class _State(dict[str, Any]):
    """What a scheduler's state says of a schedule, so that it can be compared when it is loaded."""

    def update(self, saved: Mapping[str, Any]) -> None:  # type: ignore[override]
        if saved != self:
            raise ValueError(
                f"the state was saved with {saved.get('schedule', dict(saved))}, and this "
                f"scheduler has {self['schedule']}; to go on with the saved schedule, make the "
                "scheduler with it. To go on with another, load no state into the scheduler: load "
                "the optimizer's, and make LambdaLR(optimizer, schedule, last_epoch=steps_done - 1)"
            )


def _python_number(value: Any) -> Any:
    """Turn a real number of any library into Python's; leave what is none."""
    if isinstance(value, (np.generic, np.ndarray, torch.Tensor)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, (Real, Decimal)) else value


def _require(holds: bool, schedule: object, field: str, rule: str) -> None:
    if not holds:
        value = getattr(schedule, field)
        raise ValueError(f"{type(schedule).__name__}.{field} must be {rule}, got {value!r}")


def _require_number(
    schedule: object, field: str, holds: Callable[[float], bool], rule: str
) -> float:
    number = _python_number(getattr(schedule, field))
    _require(isinstance(number, (int, float)) and holds(number), schedule, field, rule)
    return number


def _require_steps(schedule: object, field: str) -> None:
    rule = "a positive, finite number of optimizer steps"
    steps = _require_number(schedule, field, lambda steps: 0 < steps < math.inf, rule)
    object.__setattr__(schedule, field, _whole(steps))


def _whole(steps: float) -> float:
    """Turn 100.0 steps into 100, so that equal schedules print the same."""
    return int(steps) if isinstance(steps, float) and steps.is_integer() else steps


def _require_factor(
    schedule: object, field: str, holds: Callable[[float], bool], rule: str
) -> None:
    object.__setattr__(schedule, field, float(_require_number(schedule, field, holds, rule)))


def _require_fraction(schedule: object, field: str) -> None:
    rule = "between 0 and 1, a fraction of the peak rate"
    _require_factor(schedule, field, lambda factor: 0 <= factor <= 1, rule)


def _require_share(schedule: object, field: str, why: str) -> None:
    _require_factor(schedule, field, lambda factor: 0 < factor <= 1, f"in (0, 1]: {why}")


def _is_part(part: object) -> bool:
    return callable(part) and is_dataclass(part) and not isinstance(part, type)


_PART = (
    "of lrlib.schedules, such as Fixed(0.5), or a frozen dataclass of your own with a "
    "__call__(step): what a function does cannot be told from a checkpoint"
)


def _between(start: float, end: float, position: float) -> float:
    """Go from start to end on a straight line, and stay at end after position 1."""
    if position >= 1:
        return end
    return start + (end - start) * position


def _half_cosine(start: float, end: float, position: float) -> float:
    """Go from start to end on half a period of a cosine, and stay at end after position 1."""
    if position >= 1:
        return end
    return end + (start - end) * (1 + math.cos(math.pi * position)) / 2


@dataclass(frozen=True, slots=True)
class Fixed(_Schedule):
    r"""Keep the learning rate where it is.

    .. math:: f(t) = v

    Args:
        value: The factor :math:`v`, positive and finite; 1 is the optimizer's own rate.

    Returns:
        `schedule(step)` returns the factor `value`, a float.

    Raises:
        ValueError: `value` is not positive and finite.

    Source:
        LeCun et al. (1998), section 4.1: at a fixed rate the weights keep fluctuating around a
        minimum, with a variance proportional to the rate. Robbins and Monro (1951) lower the rate
        step by step, so that the fluctuations die out.

    Example:
        >>> Fixed()(0), Fixed()(1000)
        (1.0, 1.0)
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        _require_factor(self, "value", lambda value: 0 < value < math.inf, "positive and finite")

    def _factor(self, step: float) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class StepDecay(_Schedule):
    r"""Multiply the learning rate by a constant at regular intervals.

    .. math:: f(t) = \gamma^{\lfloor t / s \rfloor}

    Args:
        every: The interval :math:`s` in optimizer steps, positive.
        factor: What the rate is multiplied by at each drop, :math:`\gamma` in (0, 1]. The default
            divides it by 10.

    Returns:
        `schedule(step)` returns the factor in (0, 1], a float.

    Raises:
        ValueError: `every` is not positive, or `factor` lies outside (0, 1].

    Source:
        He et al. (2016) divide by 10 when the error plateaus (section 3.4), or at steps 32,000 and
        48,000 of 64,000 (section 4.2). For such drops at chosen steps, use
        `Join((Fixed(), Fixed(0.1), Fixed(0.01)), (32_000, 48_000))`.
        In torch: `StepLR(step_size=every, gamma=factor)`.

    Example:
        >>> schedule = StepDecay(every=100, factor=0.1)
        >>> [round(schedule(step), 4) for step in (0, 99, 100, 200)]
        [1.0, 1.0, 0.1, 0.01]
    """

    every: float
    factor: float = 0.1

    def __post_init__(self) -> None:
        _require_steps(self, "every")
        _require_share(self, "factor", "it shrinks the rate")

    def _factor(self, step: float) -> float:
        return self.factor ** (step // self.every)


@dataclass(frozen=True, slots=True)
class ExponentialDecay(_Schedule):
    r"""Multiply the learning rate by the same number at every step.

    .. math:: f(t) = f_{\min}^{\min(t / T,\, 1)}

    Until step :math:`T`, each step multiplies the rate by :math:`\gamma = f_{\min}^{1/T}`.

    Args:
        steps: The step :math:`T` at which `floor` is reached, positive.
        floor: The last factor :math:`f_{\min}`, in (0, 1]; it can't be 0, which no product
            reaches. The default is where a step decay ends after two drops to a tenth.

    Returns:
        `schedule(step)` returns the factor in [floor, 1], a float.

    Raises:
        ValueError: `steps` is not positive, or `floor` lies outside (0, 1].

    Source:
        In torch: `ExponentialLR(gamma=floor ** (1 / steps))`, which goes on below `floor`.

    Example:
        >>> schedule = ExponentialDecay(steps=200, floor=0.01)
        >>> [round(schedule(step), 4) for step in (0, 100, 200, 300)]
        [1.0, 0.1, 0.01, 0.01]
    """

    steps: float
    floor: float = 0.01

    def __post_init__(self) -> None:
        _require_steps(self, "steps")
        _require_share(self, "floor", "a product never reaches zero")

    def _factor(self, step: float) -> float:
        return self.floor ** min(step / self.steps, 1.0)


@dataclass(frozen=True, slots=True)
class CosineAnnealing(_Schedule):
    r"""Lower the learning rate along half a period of a cosine.

    .. math::
        f(t) = f_{\min} + (1 - f_{\min}) \, c, \qquad c = \frac{1 + \cos(\pi \min(t / T,\, 1))}{2}

    Args:
        steps: The step :math:`T` at which `floor` is reached, positive.
        floor: The last factor :math:`f_{\min}`, in [0, 1], which the rate keeps after step
            :math:`T`.

    Returns:
        `schedule(step)` returns the factor in [floor, 1], a float.

    Raises:
        ValueError: `steps` is not positive, or `floor` lies outside [0, 1].

    Source:
        Loshchilov and Hutter (2017), section 3, equation 5, for one period.
        In torch: `CosineAnnealingLR(T_max=steps, eta_min=floor * lr)`, whose rate climbs again
        after step `T_max`.

    Example:
        >>> schedule = CosineAnnealing(steps=100)
        >>> [round(schedule(step), 4) for step in (0, 25, 50, 100, 150)]
        [1.0, 0.8536, 0.5, 0.0, 0.0]
    """

    steps: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        _require_steps(self, "steps")
        _require_fraction(self, "floor")

    def _factor(self, step: float) -> float:
        return _half_cosine(1.0, self.floor, step / self.steps)


@dataclass(frozen=True, slots=True)
class Cyclical(_Schedule):
    r"""Move the learning rate up and down between two bounds, in straight lines.

    .. math::
        f(t) = f_{\min} + (1 - f_{\min}) \, z, \qquad z = r^{c} \, \gamma^{t} \, (1 - |p - 1|),
        \qquad c = \lfloor t / 2h \rfloor, \quad p = t / h - 2c

    Here :math:`z` is the height above the lower bound, :math:`c` counts the whole cycles so far,
    and :math:`p` is the place in the present one: 0 at its start, 1 at its top, 2 at its end. The
    height of a cycle is that of its top.

    Args:
        half_cycle: The steps :math:`h` from one bound to the other, positive.
        floor: The lower bound :math:`f_{\min}`, in [0, 1].
        shrink: What the height is multiplied by after each cycle, :math:`r` in (0, 1]. Smith
            calls 1 "triangular" and 0.5 "triangular2".
        gamma: What the height is multiplied by at each step, :math:`\gamma` in (0, 1]. Smith calls
            it "exp_range" if it is below 1.

    Returns:
        `schedule(step)` returns the factor in [floor, 1], a float. It starts at `floor`.

    Raises:
        ValueError: `half_cycle` is not positive, `floor` lies outside [0, 1], or `shrink` or
            `gamma` outside (0, 1].

    Source:
        Smith (2017), section 3.1. There "exp_range" lowers both bounds; in torch and here it
        lowers the height above `floor`.
        In torch, for `shrink=0.5`: `CyclicLR(base_lr=floor * lr, max_lr=lr,
        step_size_up=half_cycle, mode="triangular2", cycle_momentum=False)`.

    Example:
        >>> schedule = Cyclical(half_cycle=10, floor=0.1, shrink=0.5)
        >>> [round(schedule(step), 4) for step in (0, 5, 10, 20, 30)]
        [0.1, 0.55, 1.0, 0.1, 0.55]
    """

    half_cycle: float
    floor: float = 0.1
    shrink: float = 1.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        _require_steps(self, "half_cycle")
        _require_fraction(self, "floor")
        _require_share(self, "shrink", "each cycle is at most as high")
        _require_share(self, "gamma", "each step is at most as high")

    def _factor(self, step: float) -> float:
        cycle, position = divmod(step / self.half_cycle, 2)
        height = self.shrink**cycle * self.gamma**step * (1 - abs(position - 1))
        return self.floor + (1 - self.floor) * height


@dataclass(frozen=True, slots=True)
class Linear(_Schedule):
    r"""Move the learning rate from one factor to another on a straight line.

    .. math:: f(t) = a + (b - a) \min(t / T,\, 1)

    Args:
        steps: The step :math:`T` at which `end` is reached, positive.
        start: The factor :math:`a` at step 0, at least 0 and finite.
        end: The factor :math:`b` from step :math:`T` on, at least 0 and finite. The defaults go
            from the peak to zero.

    Returns:
        `schedule(step)` returns the factor, a float between `start` and `end`.

    Raises:
        ValueError: `steps` is not positive, or a factor is negative or not finite.

    Source:
        Defazio et al. (2023), abstract, for linear decay to zero.
        In torch: `LinearLR(start_factor=start, end_factor=end, total_iters=steps)`, which refuses
        a start of 0 and factors above 1.

    Example:
        >>> schedule = Linear(steps=100)
        >>> [schedule(step) for step in (0, 25, 100, 150)]
        [1.0, 0.75, 0.0, 0.0]
    """

    steps: float
    start: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        _require_steps(self, "steps")
        for field in ("start", "end"):
            _require_factor(self, field, lambda f: 0 <= f < math.inf, "at least 0 and finite")

    def _factor(self, step: float) -> float:
        return _between(self.start, self.end, step / self.steps)


@dataclass(frozen=True, slots=True)
class InverseSquareRoot(_Schedule):
    r"""Lower the learning rate as one over the square root of the step, without an end.

    .. math:: f(t) = \frac{1}{\sqrt{1 + t / s}}

    Args:
        timescale: The steps :math:`s` after which the factor is :math:`1 / \sqrt{2}`, positive.

    Returns:
        `schedule(step)` returns the factor in (0, 1], a float.

    Raises:
        ValueError: `timescale` is not positive.

    Source:
        Vaswani et al. (2017), section 5.3, equation 3, after a warm-up of :math:`s` steps. Their
        steps count from 1, so with the warm-up it is
        `Warmup(s - 1, InverseSquareRoot(s), start=1 / s)`.

    Example:
        >>> schedule = InverseSquareRoot(timescale=100)
        >>> [round(schedule(step), 4) for step in (0, 100, 300)]
        [1.0, 0.7071, 0.5]
    """

    timescale: float

    def __post_init__(self) -> None:
        _require_steps(self, "timescale")

    def _factor(self, step: float) -> float:
        return 1 / math.sqrt(1 + step / self.timescale)


@dataclass(frozen=True, slots=True)
class OneCycle(_Schedule):
    r"""Raise the learning rate to the peak once, then lower it far below its start.

    .. math::
        f(t) = \begin{cases}
        1 + (a - 1) \, c(t / u) & t \le u \\
        b + (1 - b) \, c(\frac{t - u}{d}) & t > u
        \end{cases}
        \qquad c(x) = \frac{1 + \cos(\pi \min(x,\, 1))}{2}, \qquad u = \rho T - 1,
        \quad d = T - 1 - u

    The peak is at step :math:`u`, the fall from it takes :math:`d` steps, and :math:`c` goes from 1
    to 0 along half a cosine. The defaults of `rise`, `start` and `floor` are torch's.

    Args:
        steps: The steps :math:`T` of the whole run, positive. They count from 0, so the last one is
            :math:`T - 1`.
        rise: The fraction :math:`\rho` of the run in which the rate rises, in (1 / steps, 1): the
            rise takes more than one step.
        start: The factor :math:`a` at step 0, in [0, 1].
        floor: The last factor :math:`b`, in [0, 1].

    Returns:
        `schedule(step)` returns the factor in [min(start, floor), 1], a float.

    Raises:
        ValueError: `steps` is not positive, `rise` lies outside (1 / steps, 1), or `start` or
            `floor` outside [0, 1].

    Source:
        Smith and Topin (2019), section 3: one cycle of straight lines, then a last phase far below
        its start. The two phases of cosines are fastai's and torch's.
        In torch: `OneCycleLR(max_lr=lr, total_steps=steps, pct_start=rise, div_factor=1 / start,
        final_div_factor=start / floor)`.

    Example:
        >>> schedule = OneCycle(steps=100, rise=0.3)
        >>> [round(schedule(step), 4) for step in (0, 29, 64, 99)]
        [0.04, 1.0, 0.5, 0.0]
    """

    steps: float
    rise: float = 0.3
    start: float = 0.04
    floor: float = 4e-6

    def __post_init__(self) -> None:
        _require_steps(self, "steps")
        _require_fraction(self, "start")
        _require_fraction(self, "floor")
        _require_factor(self, "rise", lambda r: 1 / self.steps < r < 1, "in (1 / steps, 1)")

    def _factor(self, step: float) -> float:
        top = self.rise * self.steps - 1
        if step <= top:
            return _half_cosine(self.start, 1.0, step / top)
        return _half_cosine(1.0, self.floor, (step - top) / (self.steps - 1 - top))


@dataclass(frozen=True, slots=True)
class Warmup(_Schedule):
    r"""Raise the learning rate in a straight line, then hand over to another schedule.

    .. math::
        f(t) = \begin{cases} a + (1 - a) \, t / w & t < w \\ g(t - w) & t \ge w \end{cases}

    Args:
        steps: The length :math:`w` of the rise in optimizer steps, positive.
        then: The schedule :math:`g` that follows; it counts its own steps, from 0. The default
            stays at the peak. If you write a schedule yourself, make it a frozen dataclass with a
            `__call__`, since a checkpoint can't keep a function.
        start: The factor :math:`a` at step 0, in [0, 1]. `None` is :math:`1 / (w + 1)`, so that no
            step is wasted at a rate of zero.

    Returns:
        `schedule(step)` returns the factor, a float: from `start` to 1, then what `then` returns.

    Raises:
        ValueError: `steps` is not positive, `then` is a function or otherwise no schedule, or
            `start` lies outside [0, 1].

    Source:
        Goyal et al. (2017), section 2.2. They count the drops that follow from the start of the
        run; here `then` counts from the end of the warm-up.
        In torch: `SequentialLR` of `LinearLR(start_factor=start, total_iters=steps)` and what
        follows, with `milestones=[steps]`.

    Example:
        >>> schedule = Warmup(steps=4, then=CosineAnnealing(steps=100))
        >>> [round(schedule(step), 4) for step in (0, 1, 3, 4, 54)]
        [0.2, 0.4, 0.8, 1.0, 0.5]
    """

    steps: float
    then: Schedule = Fixed()
    start: float | None = None

    def __post_init__(self) -> None:
        _require_steps(self, "steps")
        _require(_is_part(self.then), self, "then", f"a schedule {_PART}")
        if self.start is not None:
            _require_fraction(self, "start")

    def _factor(self, step: float) -> float:
        if step >= self.steps:
            return self.then(step - self.steps)
        start = 1 / (self.steps + 1) if self.start is None else self.start
        return _between(start, 1.0, step / self.steps)


@dataclass(frozen=True, slots=True)
class Join(_Schedule):
    r"""Run schedules one after the other; each counts its own steps, from 0.

    .. math:: f(t) = f_i(t - b_i), \qquad b_i \le t < b_{i+1}, \quad b_0 = 0

    Drops at chosen steps, warm restarts (a decay that starts over) and warm-up–stable–decay (a
    rise, a long flat part, a fall) are all joins.

    Args:
        parts: The schedules :math:`f_0, f_1, \dots`, at least one. One of your own must be a frozen
            dataclass with a `__call__`, as in `Warmup`.
        boundaries: The steps :math:`b_1 < b_2 < \dots` at which the next part begins, positive:
            one fewer than the parts.

    Returns:
        `schedule(step)` returns the factor of the part that the step is in, a float.

    Raises:
        ValueError: There is no part, a part is a function or otherwise no schedule, the boundaries
            are not one fewer than the parts, or they are not positive and rising numbers.

    Source:
        In torch: `SequentialLR(optimizer, schedulers, milestones=boundaries)`.

    Example:
        Cosine annealing with warm restarts, as in Loshchilov and Hutter (2017), where the second
        period is twice as long as the first:

        >>> restarts = Join((CosineAnnealing(100), CosineAnnealing(200)), (100,))
        >>> [round(restarts(step), 4) for step in (0, 50, 99, 100, 200, 300)]
        [1.0, 0.5, 0.0002, 1.0, 0.5, 0.0]

        Warm-up–stable–decay, Hu et al. (2024), section 4.2, equation 1, with the linear cooldown
        of Hägele et al. (2024):

        >>> stable_then_decay = Join((Fixed(), Linear(20)), (70,))
        >>> schedule = Warmup(10, then=stable_then_decay)
        >>> [round(schedule(step), 4) for step in (0, 10, 79, 90, 100)]
        [0.0909, 1.0, 1.0, 0.5, 0.0]
    """

    parts: Sequence[Schedule]
    boundaries: Sequence[float]

    def __post_init__(self) -> None:
        # Tuples, whatever was given: a frozen schedule can be compared and used as a key.
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "boundaries", tuple(self.boundaries))
        playable = len(self.parts) > 0 and all(_is_part(part) for part in self.parts)
        _require(playable, self, "parts", f"schedules, at least one, {_PART}")
        fits = len(self.boundaries) == len(self.parts) - 1
        rule = f"one fewer than the parts, which are {len(self.parts)}"
        _require(fits, self, "boundaries", rule)
        starts = [0, *map(_python_number, self.boundaries)]
        rising = all(isinstance(start, (int, float)) for start in starts) and all(
            a < b for a, b in itertools.pairwise(starts)
        )
        _require(rising, self, "boundaries", "positive and rising numbers of steps")
        object.__setattr__(self, "boundaries", tuple(map(_whole, starts[1:])))

    def _factor(self, step: float) -> float:
        begun = sum(boundary <= step for boundary in self.boundaries)
        start = (0, *self.boundaries)[begun]
        return self.parts[begun](step - start)


def lr_curve(schedule: Schedule | LRScheduler, steps: int, peak_lr: float = 1.0) -> np.ndarray:
    r"""Return the learning rates that a schedule would apply, and leave the schedule as it is.

    .. math:: \eta_t = \eta_{\text{peak}} f(t), \qquad t = 0, \dots, n - 1

    A torch scheduler is copied together with its optimizer's settings, and only the copy is
    stepped, so your run isn't disturbed. The curve starts at the rate that the optimizer has now.

    If a scheduler such as `LambdaLR` calls a function or a method of yours, that isn't copied, nor
    is the object that the method belongs to. So its result must depend on the step alone, and it
    must change nothing. Other objects inside the scheduler are copied.

    Args:
        schedule: A schedule of this module, any function of the step, or a torch scheduler.
        steps: How many optimizer steps :math:`n`, a positive integer.
        peak_lr: The peak rate :math:`\eta_{\text{peak}}`, positive and finite. The default gives
            the factors themselves. With a torch scheduler it is ignored, since the peak is in the
            scheduler's optimizer.

    Returns:
        The rates, float64, shape (steps,), or (steps, groups) for a torch scheduler over several
        parameter groups.

    Raises:
        ValueError: `steps` is not a positive integer, or `peak_lr` is not positive and finite.
        TypeError: The scheduler is `ReduceLROnPlateau`, which decides from a metric of the run, or
            it holds an object that can't be copied; or `schedule` is neither a schedule, nor a
            function, nor a torch scheduler.

    Example:
        >>> lr_curve(StepDecay(every=2, factor=0.5), steps=4, peak_lr=0.1)
        array([0.1 , 0.1 , 0.05, 0.05])

        >>> import torch
        >>> from torch.optim.lr_scheduler import StepLR
        >>> weight = torch.zeros(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([weight], lr=0.1)
        >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
        >>> lr_curve(scheduler, steps=4)
        array([0.1 , 0.1 , 0.05, 0.05])
        >>> scheduler.get_last_lr()
        [0.1]
    """
    if not isinstance(steps, Integral) or steps < 1:
        raise ValueError(f"steps must be a positive integer, got {steps!r}")
    if isinstance(schedule, ReduceLROnPlateau):
        raise TypeError(
            "ReduceLROnPlateau decides from a metric at each step, so it has no curve before the "
            "run; plot the learning rate of a run's history instead"
        )
    if isinstance(schedule, LRScheduler):
        return _torch_curve(schedule, steps)
    if not callable(schedule) or isinstance(schedule, type):
        raise TypeError(
            "lr_curve takes a schedule, a function of the step or a torch scheduler, got "
            f"{schedule!r}; Fixed() is the schedule of a constant rate"
        )
    if not 0 < peak_lr < math.inf:
        raise ValueError(f"peak_lr must be positive and finite, got {peak_lr!r}")
    return np.array([peak_lr * schedule(step) for step in range(steps)], dtype=np.float64)


def _torch_curve(scheduler: LRScheduler, steps: int) -> np.ndarray:
    # The copy of the scheduler must move rates that nobody trains with. So its optimizer, which
    # may hold a large model, is replaced during the copy by one with copies of the settings alone.
    optimizer = scheduler.optimizer
    stand_in = copy.copy(optimizer)
    # A deep copy, since a rate may be a tensor, which torch's schedulers change in place.
    stand_in.param_groups = [
        copy.deepcopy({**group, "params": []}) for group in optimizer.param_groups
    ]
    kept = {id(optimizer): stand_in, **{id(f): f for f in _functions(scheduler)}}
    try:
        twin = copy.deepcopy(scheduler, kept)
    except Exception as error:  # whatever an object of the reader's raises when it is copied
        raise TypeError(
            f"lr_curve steps a copy of the scheduler, got a {type(scheduler).__name__} with an "
            f"object inside that cannot be copied ({error}); give LambdaLR a function of the step "
            "that calls the object, such as lambda step: rule(step)"
        ) from error
    rates = []
    with warnings.catch_warnings():
        # torch warns that no optimizer step came before: there is none, nothing is trained here.
        warnings.filterwarnings("ignore", message=".*optimizer.step.*", category=UserWarning)
        for step in range(steps):
            if step > 0:
                twin.step()
            rates.append([float(group["lr"]) for group in stand_in.param_groups])
    curve = np.array(rates)
    return curve[:, 0] if curve.shape[1] == 1 else curve


def _functions(scheduler: LRScheduler) -> Iterator[object]:
    """The methods and partial functions that a scheduler calls.

    A copy of a method is a copy of its owner, who may hold a model, its data and locks. A scheduler
    within the scheduler, and methods of its own, are copied.
    """
    for value in vars(scheduler).values():
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, LRScheduler):
                yield from _functions(part)
            elif isinstance(part, partial) or (
                isinstance(part, MethodType) and not isinstance(part.__self__, LRScheduler)
            ):
                yield part


# A checkpoint may hold a schedule. It is made of plain numbers, so `torch.load` may read it back
# without `weights_only=False`.
torch.serialization.add_safe_globals(
    [
        Fixed,
        StepDecay,
        ExponentialDecay,
        CosineAnnealing,
        Cyclical,
        Linear,
        InverseSquareRoot,
        OneCycle,
        Warmup,
        Join,
    ]
)
