"""Whatever numbers go into a schedule, Python's come out; what is no number or rule is refused."""

import dataclasses
import functools
import io
import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from lrlib import schedules
from lrlib.schedules import (
    CosineAnnealing,
    Cyclical,
    ExponentialDecay,
    Fixed,
    InverseSquareRoot,
    Join,
    Linear,
    OneCycle,
    Schedule,
    StepDecay,
    Warmup,
)

# Each schedule from its steps and its factors; all of these numbers have exact halves and thirds.
MADE: dict[Any, Callable[[Any, Any], Any]] = {
    Fixed: lambda steps, half: Fixed(half),
    StepDecay: lambda steps, half: StepDecay(steps, half),
    ExponentialDecay: lambda steps, half: ExponentialDecay(steps, half),
    CosineAnnealing: lambda steps, half: CosineAnnealing(steps, half),
    Cyclical: lambda steps, half: Cyclical(steps, half, half, half),
    Linear: lambda steps, half: Linear(steps, half, half),
    InverseSquareRoot: lambda steps, half: InverseSquareRoot(steps),
    OneCycle: lambda steps, half: OneCycle(steps, half, half, half),
    Warmup: lambda steps, half: Warmup(steps, Fixed(half), half),
    Join: lambda steps, half: Join([Fixed(half), Linear(steps)], [steps]),
}
NUMBERS: dict[str, tuple[Callable[[int], Any], Callable[[float], Any]]] = {
    "Python": (int, float),
    "whole floats": (float, float),
    "numpy": (np.int64, np.float64),
    "numpy, small": (np.int16, np.float32),
    "numpy, unsigned": (np.uint8, np.float16),
    "numpy, counted": (np.float64, np.float64),
    "numpy arrays": (np.array, np.array),
    "torch": (torch.tensor, torch.tensor),
    "torch, with a gradient": (
        torch.tensor,
        lambda half: torch.tensor(half, requires_grad=True),
    ),
    "fractions": (Fraction, Fraction),
    "decimals": (Decimal, Decimal),
}


def fields_of(schedule: Any) -> list[Any]:
    """All numbers in a schedule and in its parts."""
    if dataclasses.is_dataclass(schedule):
        values = [getattr(schedule, field.name) for field in dataclasses.fields(schedule)]
        return [number for value in values for number in fields_of(value)]
    if isinstance(schedule, tuple):
        return [number for part in schedule for number in fields_of(part)]
    return [schedule]


def test_every_schedule_is_here() -> None:
    found = {value for value in vars(schedules).values() if dataclasses.is_dataclass(value)}
    assert set(MADE) == found


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("kind", MADE)
def test_python_numbers_come_out(kind: Any, numbers: str) -> None:
    whole, fraction = NUMBERS[numbers]
    schedule, plain = MADE[kind](whole(12), fraction(0.5)), MADE[kind](12, 0.5)
    assert {type(number) for number in fields_of(schedule)} <= {int, float}
    assert schedule == plain
    assert repr(schedule) == repr(plain)
    assert hash(schedule) == hash(plain)
    for step in (0, 1, 5, 12, 13, 40):
        for given in (step, float(step), np.int64(step), np.float32(step), torch.tensor(step)):
            assert type(schedule(given)) is float
            assert schedule(given) == plain(step)


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("kind", MADE)
def test_the_state_is_read_back_safely_and_the_rate_is_pythons(kind: Any, numbers: str) -> None:
    whole, fraction = NUMBERS[numbers]

    def new_run() -> tuple[torch.optim.Optimizer, LambdaLR]:
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        return optimizer, LambdaLR(optimizer, MADE[kind](whole(12), fraction(0.5)))

    optimizer, scheduler = new_run()
    for _ in range(5):
        optimizer.step()
        scheduler.step()
        assert type(optimizer.param_groups[0]["lr"]) is float
        assert {type(rate) for rate in scheduler.get_last_lr()} == {float}
    file = io.BytesIO()
    torch.save((optimizer.state_dict(), scheduler.state_dict()), file)
    file.seek(0)
    states = torch.load(file, weights_only=True)
    resumed_optimizer, resumed_scheduler = new_run()
    resumed_optimizer.load_state_dict(states[0])
    resumed_scheduler.load_state_dict(states[1])
    assert resumed_optimizer.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    assert resumed_scheduler.last_epoch == 5


def test_a_run_counted_with_numpy() -> None:
    schedule = CosineAnnealing(np.ceil(50_000 / 128) * 3)
    assert schedule == CosineAnnealing(1173)
    assert repr(schedule) == "CosineAnnealing(steps=1173, floor=0.0)"
    assert CosineAnnealing(0.5) == CosineAnnealing(np.float64(0.5))  # half a step stays half


# What is no number ----------------------------------------------------------------------------

NO_NUMBERS = ["10", None, [10], 10j, np.array([10]), np.array([1, 2]), torch.ones(2), (10,)]


@pytest.mark.parametrize("bad", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (kind, field.name)
        for kind in MADE
        for field in dataclasses.fields(kind)
        if field.name not in ("parts", "boundaries")
    ],
)
def test_what_is_no_number_is_refused_by_name(kind: Any, field: str, bad: Any) -> None:
    if (kind, field) == (Warmup, "start") and bad is None:
        return  # None is the start that wastes no step
    plain = MADE[kind](12, 0.5)
    valid = {field.name: getattr(plain, field.name) for field in dataclasses.fields(kind)}
    start, end = f"{kind.__name__}.{field} must be ", f", got {bad!r}"
    with pytest.raises(ValueError, match=f"(?s)^{re.escape(start)}.*{re.escape(end)}$"):
        kind(**{**valid, field: bad})


@pytest.mark.parametrize("bad", NO_NUMBERS, ids=repr)
def test_a_boundary_that_is_no_number_is_refused_by_name(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"^Join.boundaries must be positive and rising numbers"):
        Join((Fixed(), Fixed()), (bad,))


@pytest.mark.parametrize("bad", [np.arange(3), torch.arange(3), [1, 2], "1", None, 1j], ids=repr)
@pytest.mark.parametrize("kind", MADE)
def test_a_schedule_takes_one_step(kind: Any, bad: Any) -> None:
    message = f"(?s)^{kind.__name__} must be called with one step.*got {re.escape(repr(bad))}; lr_c"
    with pytest.raises(TypeError, match=message):
        MADE[kind](12, 0.5)(bad)


# What is no schedule --------------------------------------------------------------------------


class Rules:
    def half(self, step: float) -> float:
        return 0.5

    def __call__(self, step: float) -> float:
        return 0.5


NO_PARTS: list[Any] = [
    lambda step: 0.5,
    math.cos,
    Rules().half,
    Rules(),  # its numbers are not told by its name
    functools.partial(Rules.half, Rules()),
    CosineAnnealing,  # the class, without its steps
    0.5,
    None,
]


@pytest.mark.parametrize("bad", NO_PARTS)
def test_a_function_inside_a_schedule_is_refused_with_a_reason_and_the_way_out(bad: Any) -> None:
    for field, make in {
        "Warmup.then": lambda: Warmup(10, bad),
        "Join.parts": lambda: Join((Fixed(), bad), (10,)),
    }.items():
        with pytest.raises(ValueError, match=f"^{field} must be .*got ") as raised:
            make()
        told = str(raised.value)
        assert repr(bad) in told
        assert "Fixed(0.5), or a frozen dataclass of your own with a __call__(step)" in told
        assert "cannot be told from a checkpoint" in told


@dataclasses.dataclass(frozen=True)
class Power:
    """The way out."""

    power: float

    def __call__(self, step: float) -> Any:
        return np.float64((1 + step) ** -self.power)


def test_a_rule_of_ones_own_is_a_frozen_dataclass() -> None:
    schedule: Schedule = Warmup(4, Power(0.5))
    assert schedule(4 + 3) == 0.5
    assert type(schedule(7)) is float
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    scheduler = LambdaLR(optimizer, schedule)
    file = io.BytesIO()
    torch.save(scheduler.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)  # torch need not know the class
    LambdaLR(optimizer, Warmup(4, Power(0.5))).load_state_dict(state)
    with pytest.raises(ValueError, match=r"then=Power\(power=0.5\).*then=Power\(power=1\)"):
        LambdaLR(optimizer, Warmup(4, Power(1))).load_state_dict(state)
