"""Schedules against numbers worked out by hand, their end, and what they refuse."""

import dataclasses
import math
import re
from typing import Any

import pytest

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

CLASSES: list[Any] = [
    value for value in vars(schedules).values() if dataclasses.is_dataclass(value)
]
NAN, INF = math.nan, math.inf


# Numbers by hand ------------------------------------------------------------------------------

BY_HAND: list[tuple[Schedule, dict[float, float]]] = [
    (Fixed(), {0: 1, 1: 1, 1000: 1}),
    (Fixed(2.5), {0: 2.5, 7: 2.5}),
    (StepDecay(10, 0.5), {0: 1, 9: 1, 10: 0.5, 19: 0.5, 20: 0.25, 35: 0.125}),
    (StepDecay(1, 0.2), {0: 1, 1: 0.2, 2: 0.04}),
    (ExponentialDecay(4, 1 / 16), {0: 1, 1: 1 / 2, 2: 1 / 4, 3: 1 / 8, 4: 1 / 16}),
    # The cosine of 60, 90 and 120 degrees is 1/2, 0 and -1/2.
    (CosineAnnealing(6), {0: 1, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0}),
    (CosineAnnealing(6, 0.2), {0: 1, 2: 0.8, 3: 0.6, 4: 0.4, 6: 0.2}),
    (Cyclical(4, 0.2), {0: 0.2, 1: 0.4, 3: 0.8, 4: 1, 5: 0.8, 8: 0.2, 12: 1, 16: 0.2}),
    (Cyclical(4, 0.2, shrink=0.5), {0: 0.2, 4: 1, 8: 0.2, 10: 0.4, 12: 0.6, 20: 0.4}),
    (Cyclical(2, 0, gamma=0.5), {0: 0, 1: 1 / 4, 2: 1 / 4, 3: 1 / 16, 4: 0, 5: 1 / 64}),
    (Linear(4), {0: 1, 1: 0.75, 2: 0.5, 3: 0.25, 4: 0}),
    (Linear(4, 0.5, 2), {0: 0.5, 2: 1.25, 4: 2}),
    (InverseSquareRoot(5), {0: 1, 15: 1 / 2, 40: 1 / 3, 75: 1 / 4}),
    # The top is at step 0.4 * 10 - 1 = 3, the last step is 9.
    (OneCycle(10, 0.4, 0.2, 0.1), {0: 0.2, 1: 0.4, 2: 0.8, 3: 1, 5: 0.775, 6: 0.55, 9: 0.1}),
    (Warmup(4), {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 1, 100: 1}),
    (Warmup(4, start=0), {0: 0, 1: 0.25, 2: 0.5, 4: 1}),
    (Warmup(4, Linear(8), start=0.5), {0: 0.5, 2: 0.75, 4: 1, 6: 0.75, 12: 0}),
    (Join((Fixed(0.3),), ()), {0: 0.3, 9: 0.3}),
    (Join((Linear(10), Fixed(2), StepDecay(1, 0.5)), (5, 7)), {4: 0.6, 5: 2, 6: 2, 7: 1, 9: 0.25}),
]


def _name(value: object) -> str | None:
    return repr(value) if dataclasses.is_dataclass(value) else None


@pytest.mark.parametrize(("schedule", "factors"), BY_HAND, ids=_name)
def test_numbers_worked_out_by_hand(schedule: Schedule, factors: dict[float, float]) -> None:
    assert {step: schedule(step) for step in factors} == pytest.approx(factors, abs=1e-15)


def test_every_schedule_has_numbers_by_hand() -> None:
    assert {type(schedule) for schedule, _ in BY_HAND} == set(CLASSES)


# Recipes that papers spell out ----------------------------------------------------------------


def test_he_2016_divides_by_ten_at_32k_and_48k() -> None:
    schedule = Join((Fixed(), Fixed(0.1), Fixed(0.01)), (32_000, 48_000))
    rates = [0.1 * schedule(step) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_loshchilov_2017_restarts_after_10_epochs_and_doubles_each_period() -> None:
    periods = tuple(CosineAnnealing(10 * 2**i) for i in range(5))
    schedule = Join(periods, (10, 30, 70, 150))
    peaks = [epoch for epoch in range(300) if schedule(epoch) == 1]
    assert peaks == [0, 10, 30, 70, 150]
    assert schedule(20) == pytest.approx(0.5)  # in the middle of the second period


def test_goyal_2017_warms_up_over_five_epochs_from_the_rate_of_a_small_batch() -> None:
    epoch = 156  # 1.28 million images in batches of 8192; the rate goes from 0.1 to 3.2
    drops = Join(
        tuple(Fixed(0.1**i) for i in range(4)), tuple((n - 5) * epoch for n in (30, 60, 80))
    )
    schedule = Warmup(5 * epoch, drops, start=0.1 / 3.2)
    at = {0: 0.1, 2.5: 1.65, 5: 3.2, 29: 3.2, 30: 0.32, 60: 0.032, 80: 0.0032}
    assert {n: 3.2 * schedule(n * epoch) for n in at} == pytest.approx(at)


def test_vaswani_2017_equation_3() -> None:
    width, warmup = 512, 4000
    # The paper counts steps from 1: its step n is our step n - 1.
    schedule = Warmup(warmup - 1, InverseSquareRoot(warmup), start=1 / warmup)
    peak_lr = (width * warmup) ** -0.5
    for n in (1, 2, 1000, 3999, 4000, 4001, 10_000, 100_000):
        expected = width**-0.5 * min(n**-0.5, n * warmup**-1.5)
        assert peak_lr * schedule(n - 1) == pytest.approx(expected, rel=1e-12)


# The end --------------------------------------------------------------------------------------

# A schedule, the step at which it ends, and the factor that it keeps from there on.
ENDS: list[tuple[Schedule, int, float]] = [
    (ExponentialDecay(7, 0.2), 7, 0.2),
    (CosineAnnealing(7), 7, 0.0),
    (CosineAnnealing(7, 0.2), 7, 0.2),
    (Linear(7), 7, 0.0),
    (Linear(7, 0.3, 0.8), 7, 0.8),
    (OneCycle(8, floor=0.1), 7, 0.1),
    (Warmup(5), 5, 1.0),
    (Warmup(5, Linear(7, 1, 0.2)), 12, 0.2),
    (Join((Fixed(), CosineAnnealing(7, 0.2)), (5,)), 12, 0.2),
    (Warmup(3, Join((Fixed(), Linear(7)), (4,))), 14, 0.0),
]


@pytest.mark.parametrize(("schedule", "end", "last"), ENDS, ids=_name)
def test_past_its_end_a_schedule_holds_its_last_value(
    schedule: Schedule, end: int, last: float
) -> None:
    assert schedule(end - 1) != last
    assert [schedule(end + later) for later in (0, 1, 2, 1000, 10**9)] == [last] * 5


@pytest.mark.parametrize(
    "schedule",
    [StepDecay(3), Cyclical(3, 0, shrink=0.5), Cyclical(3, gamma=0.9), InverseSquareRoot(3)],
    ids=_name,
)
def test_a_schedule_without_an_end_survives_a_long_run(schedule: Schedule) -> None:
    assert 0 <= schedule(10**9) <= 0.1


# What is refused ------------------------------------------------------------------------------

STEPS = ("positive", (0, -1, -0.5, INF, NAN))
FRACTION = ("between 0 and 1", (-0.1, 1.1, INF, NAN))
SHARE = ("(0, 1]", (0, -0.1, 1.1, INF, NAN))
HEIGHT = ("at least 0", (-0.1, INF, NAN))

# For each field of each class: valid arguments for the others, the rule, values that break it.
REFUSED: dict[tuple[type, str], tuple[dict[str, Any], tuple[str, tuple[Any, ...]]]] = {
    (Fixed, "value"): ({}, ("positive", (0, -1, INF, NAN))),
    (StepDecay, "every"): ({}, STEPS),
    (StepDecay, "factor"): ({"every": 10}, SHARE),
    (ExponentialDecay, "steps"): ({}, STEPS),
    (ExponentialDecay, "floor"): ({"steps": 10}, SHARE),
    (CosineAnnealing, "steps"): ({}, STEPS),
    (CosineAnnealing, "floor"): ({"steps": 10}, FRACTION),
    (Cyclical, "half_cycle"): ({}, STEPS),
    (Cyclical, "floor"): ({"half_cycle": 10}, FRACTION),
    (Cyclical, "shrink"): ({"half_cycle": 10}, SHARE),
    (Cyclical, "gamma"): ({"half_cycle": 10}, SHARE),
    (Linear, "steps"): ({}, STEPS),
    (Linear, "start"): ({"steps": 10}, HEIGHT),
    (Linear, "end"): ({"steps": 10}, HEIGHT),
    (InverseSquareRoot, "timescale"): ({}, STEPS),
    (OneCycle, "steps"): ({}, STEPS),
    (OneCycle, "rise"): ({"steps": 10}, ("in (1 / steps, 1)", (-1, 0, 0.05, 0.1, 1, 1.5, NAN))),
    (OneCycle, "start"): ({"steps": 10}, FRACTION),
    (OneCycle, "floor"): ({"steps": 10}, FRACTION),
    (Warmup, "steps"): ({}, STEPS),
    (Warmup, "then"): ({"steps": 10}, ("schedule", (0.1, None, "cosine"))),
    (Warmup, "start"): ({"steps": 10}, FRACTION),
    (Join, "parts"): ({"boundaries": ()}, ("schedule", ((), (0.1,), (None,)))),
    (Join, "boundaries"): (
        {"parts": (Fixed(), Linear(5), Fixed())},
        ("", ((), (1,), (1, 2, 3), (0, 2), (-1, 2), (2, 2), (3, 2), (NAN, 2), (2, NAN))),
    ),
}


@pytest.mark.parametrize(
    ("schedule", "field", "others", "rule", "bad"),
    [
        pytest.param(schedule, field, others, rule, bad, id=f"{schedule.__name__}.{field}={bad}")
        for (schedule, field), (others, (rule, values)) in REFUSED.items()
        for bad in values
    ],
)
def test_a_refusal_names_the_field_the_rule_and_the_value(
    schedule: type, field: str, others: dict[str, Any], rule: str, bad: object
) -> None:
    start, end = f"{schedule.__name__}.{field} must be ", f", got {bad!r}"
    message = f"^{re.escape(start)}.*{re.escape(rule)}.*{re.escape(end)}$"
    with pytest.raises(ValueError, match=message):
        schedule(**others, **{field: bad})


def test_every_field_of_every_schedule_has_values_that_it_refuses() -> None:
    fields = {(cls, field.name) for cls in CLASSES for field in dataclasses.fields(cls)}
    assert set(REFUSED) == fields


def test_the_ends_of_the_ranges_are_allowed() -> None:
    steps = 0.5  # a schedule that is rescaled to a budget need not have whole steps
    assert StepDecay(steps, 1)(3) == 1
    assert ExponentialDecay(steps, 1)(3) == 1
    assert [CosineAnnealing(steps, floor)(3) for floor in (0, 1)] == [0, 1]
    assert [Cyclical(steps, floor, 1, 1)(0.5) for floor in (0, 1)] == [1, 1]
    assert [Linear(steps, 0, end)(3) for end in (0, 5)] == [0, 5]
    assert [OneCycle(3, 0.5, end, end)(0) for end in (0, 1)] == [0, 1]
    assert [Warmup(steps, start=start)(0) for start in (0, 1)] == [0, 1]


# A schedule is a value ------------------------------------------------------------------------


def test_arguments_come_in_the_promised_order_with_the_promised_defaults() -> None:
    assert Fixed() == Fixed(value=1.0)
    assert StepDecay(30) == StepDecay(every=30, factor=0.1)
    assert ExponentialDecay(30) == ExponentialDecay(steps=30, floor=0.01)
    assert CosineAnnealing(30) == CosineAnnealing(steps=30, floor=0.0)
    assert Cyclical(30) == Cyclical(half_cycle=30, floor=0.1, shrink=1.0, gamma=1.0)
    assert Linear(30) == Linear(steps=30, start=1.0, end=0.0)
    assert OneCycle(30) == OneCycle(steps=30, rise=0.3, start=0.04, floor=4e-6)
    assert Warmup(30) == Warmup(steps=30, then=Fixed(), start=None)

    assert StepDecay(30, 0.5) == StepDecay(every=30, factor=0.5)
    assert ExponentialDecay(30, 0.5) == ExponentialDecay(steps=30, floor=0.5)
    assert CosineAnnealing(30, 0.5) == CosineAnnealing(steps=30, floor=0.5)
    assert Cyclical(30, 0.5, 0.25) == Cyclical(half_cycle=30, floor=0.5, shrink=0.25)
    assert Warmup(30, Linear(9), 0.5) == Warmup(steps=30, then=Linear(9), start=0.5)


def test_a_schedule_prints_what_it_is() -> None:
    assert repr(Warmup(5, CosineAnnealing(20))) == (
        "Warmup(steps=5, then=CosineAnnealing(steps=20, floor=0.0), start=None)"
    )


@pytest.mark.parametrize("schedule", [schedule for schedule, _ in BY_HAND], ids=_name)
def test_a_schedule_cannot_be_changed(schedule: Schedule) -> None:
    for field in dataclasses.fields(schedule):  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(schedule, field.name, 0.5)


@pytest.mark.parametrize("schedule", [schedule for schedule, _ in BY_HAND], ids=_name)
def test_a_schedule_answers_the_same_in_any_order(schedule: Schedule) -> None:
    forwards = [schedule(step) for step in range(30)]
    backwards = [schedule(step) for step in reversed(range(30))]
    assert forwards == backwards[::-1]


def test_a_join_keeps_lists_as_tuples() -> None:
    parts: list[Schedule] = [Fixed(), Linear(5)]
    boundaries = [3]
    schedule = Join(parts, boundaries)
    parts.append(Fixed())
    boundaries.append(9)
    assert schedule == Join((Fixed(), Linear(5)), (3,))
    assert hash(schedule) == hash(Join((Fixed(), Linear(5)), (3,)))
