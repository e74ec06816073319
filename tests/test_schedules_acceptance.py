"""Expected values from the tests of torch, transformers, optax and keras.

`acceptance/schedule_values.json` holds the numbers, each row with the repository and the file that
it comes from. Every row stands in one of two tables here: the schedule that gives its numbers, or
the reason why none of ours does. Only learning rates are compared: the momentum that some rows
carry as well is the business of torch's own classes.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
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

FILE = Path(__file__).parent / "acceptance" / "schedule_values.json"
ROWS: dict[str, dict[str, Any]] = {
    row["id"]: row for row in json.loads(FILE.read_text(encoding="utf-8"))["schedules"]
}

TORCH_FLOOR = 1e-10 / 0.05  # the rows of torch's cosines end at a rate of 1e-10


def restarts(*periods: int, floor: float = 0.0) -> Join:
    boundaries = np.cumsum(periods)[:-1].tolist()
    return Join([CosineAnnealing(period, floor) for period in periods], boundaries)


def lines(*parts: tuple[float, float, float]) -> Join:
    """Straight lines one after the other, each with its steps and the factors at its ends."""
    boundaries = np.cumsum([steps for steps, _, _ in parts])[:-1].tolist()
    return Join([Linear(*part) for part in parts], boundaries)


# The peak and the schedule.
EXPRESSED: dict[str, tuple[float, Schedule]] = {
    "pytorch::test_step_lr": (0.05, StepDecay(3, 0.1)),
    "pytorch::test_get_last_lr_step_lr": (0.1, StepDecay(3, 0.1)),
    "pytorch::test_multi_step_lr": (
        0.05,
        Join((Fixed(), Fixed(0.1), Fixed(0.01), Fixed(0.001)), (2, 5, 9)),
    ),
    "pytorch::test_constantlr": (0.05, Join((Fixed(0.5), Fixed()), (5,))),
    "pytorch::test_linearlr": (0.05, Linear(4, 0.5, 1)),
    "pytorch::test_get_last_lr_linearlr": (0.05, Linear(4, 0.25, 0.6)),
    "pytorch::test_exp_lr": (0.05, ExponentialDecay(10, 0.9**10)),
    "pytorch::test_lambda_lr": (0.05, ExponentialDecay(10, 0.9**10)),
    "pytorch::test_cos_anneal_lr": (0.05, CosineAnnealing(10, TORCH_FLOOR)),
    # torch's cosine climbs back after T_max = 5. Ours holds, so the climb is asked for: one cycle
    # of 5 steps up (0 to the top at 5) and 5 steps down (to the last step, 10), again and again.
    "pytorch::test_closed_form_cos_anneal_lr": (
        0.05,
        Join(
            (
                CosineAnnealing(5, TORCH_FLOOR),
                *[OneCycle(11, 6 / 11, TORCH_FLOOR, TORCH_FLOOR)] * 2,
            ),
            (5, 15),
        ),
    ),
    "pytorch::test_sequentiallr1": (
        0.05,
        Join((ExponentialDecay(10, 0.8**10), StepDecay(4, 0.1)), (3,)),
    ),
    "pytorch::test_sequentiallr2": (
        0.05,
        Join((Fixed(0.1), ExponentialDecay(10, 0.9**10)), (3,)),
    ),
    "pytorch::test_sequentiallr3": (
        0.05,
        Join((Fixed(0.1), ExponentialDecay(10, 0.8**10), StepDecay(2, 0.1)), (3, 6)),
    ),
    "pytorch::test_chained_lr2": (0.05, Linear(3, 0.4, 1)),
    # The line has ended before the first drop, so this chain is a join.
    "pytorch::test_chained_lr3": (
        0.05,
        Join((Linear(3, 0.4, 1), Fixed(0.1), Fixed(0.01), Fixed(0.001)), (4, 8, 10)),
    ),
    "pytorch::test_cycle_lr_triangular_mode_one_lr": (5, Cyclical(4, 0.2)),
    "pytorch::test_cycle_lr_triangular2_mode_one_lr": (5, Cyclical(4, 0.2, shrink=0.5)),
    "pytorch::test_cycle_lr_exp_range_mode_one_lr": (5, Cyclical(4, 0.2, gamma=0.9)),
    "pytorch::test_cycle_lr_triangular_mode_step_size_up_down": (
        5,
        lines((4, 0.2, 1), (6, 1, 0.2)),
    ),
    "pytorch::test_cycle_lr_triangular2_mode_step_size_up_down": (
        5,
        Join(
            [
                Linear(steps, *ends)
                for top in (1, 0.6, 0.4)  # 0.8 above the floor of 0.2, then half, then a quarter
                for steps, ends in ((2, (0.2, top)), (6, (top, 0.2)))
            ],
            (2, 8, 10, 16, 18),
        ),
    ),
    "pytorch::test_onecycle_lr_linear_annealing": (25, lines((2, 0.04, 1), (7, 1, 0.02))),
    "pytorch::test_onecycle_lr_linear_annealing_three_phases": (
        25,
        lines((3, 0.04, 1), (3, 1, 0.04), (3, 0.04, 0.01)),
    ),
    "pytorch::test_onecycle_lr_cosine_annealing": (25, OneCycle(10, 0.3, 0.04, 0.02)),
    "pytorch::test_CosineAnnealingWarmRestarts_lr1[T_mult=1]": (
        0.05,
        restarts(*[10] * 10, floor=TORCH_FLOOR),
    ),
    "pytorch::test_CosineAnnealingWarmRestarts_lr1[T_mult=2]": (
        0.05,
        restarts(10, 20, 40, 80, floor=TORCH_FLOOR),
    ),
    "pytorch::test_CosineAnnealingWarmRestarts_lr1[T_mult=4]": (
        0.05,
        restarts(10, 40, 160, floor=TORCH_FLOOR),
    ),
    "transformers::ScheduleInitTest.test_schedulers[get_constant_schedule]": (10, Fixed()),
    "transformers::ScheduleInitTest.test_schedulers[get_constant_schedule_with_warmup]": (
        10,
        Warmup(4, start=0),
    ),
    "transformers::ScheduleInitTest.test_schedulers[get_linear_schedule_with_warmup]": (
        10,
        Warmup(2, Linear(8), start=0),
    ),
    "transformers::ScheduleInitTest.test_schedulers[get_cosine_schedule_with_warmup]": (
        10,
        Warmup(2, CosineAnnealing(8), start=0),
    ),
    "transformers::ScheduleInitTest.test_schedulers"
    "[get_cosine_with_hard_restarts_schedule_with_warmup]": (
        10,
        Warmup(2, restarts(4, 4), start=0),
    ),
    "transformers::ScheduleInitTest.test_schedulers[get_inverse_sqrt_schedule]": (
        10,
        Warmup(2, InverseSquareRoot(2), start=0),
    ),
    "optax::PolynomialTest.test_linear": (20, Linear(10, 0.5, 1)),
    "optax::PiecewiseConstantTest.test_positive": (0.1, Join((Fixed(), Fixed(2), Fixed()), (3, 6))),
    "optax::ExponentialTest.test_immutable_count": (32, ExponentialDecay(1000, 0.5**1000)),
    "optax::CosineDecayTest.test_decay_count_smaller_count": (0.1, CosineAnnealing(10)),
    "optax::CosineDecayTest.test_decay_count_greater_count": (0.1, CosineAnnealing(5)),
    "optax::CosineDecayTest.test_decay_count_greater_count_with_alpha": (
        0.1,
        CosineAnnealing(5, 0.1),
    ),
    # This warm-up comes down, from 20 times the peak. `Warmup` only rises; a line goes either way.
    "optax::WarmupCosineDecayTest.test_limits[with end value]": (
        0.5,
        Join((Linear(100, 20, 1), CosineAnnealing(900, 0.0002)), (100,)),
    ),
    "optax::OneCycleTest.test_linear": (1000, lines((3, 0.1, 1), (4, 1, 0.1), (3, 0.1, 0.001))),
    # optax counts 5 transitions, we count the 6 steps between which they lie.
    "optax::OneCycleTest.test_cosine": (1000, OneCycle(6, 0.5, 0.1, 0.001)),
    "optax::PiecewiseInterpolateTest.test_linear_piecewise": (
        300,
        lines((5, 2 / 3, 1), (5, 1, 0.25)),
    ),
    "optax::JoinTest.test_join_schedules": (1, Join((Fixed(), Fixed(2), Fixed()), (3, 6))),
    "keras::ExponentialDecayTest.test_staircase": (0.1, StepDecay(3, 0.96)),
    "keras::ExponentialDecayTest.test_continuous": (0.05, ExponentialDecay(10, 0.96)),
    # keras keeps the old value at a boundary: its 100 is our 101.
    "keras::PiecewiseConstantDecayTest.test_piecewise_values": (
        1,
        Join((Fixed(), Fixed(0.1), Fixed(0.01), Fixed(0.001)), (101, 111, 121)),
    ),
    "keras::CosineDecayTest.test_decay": (1, CosineAnnealing(1000)),
}


# Why a row is not expressed: the reason, how the row itself shows it, and the rows.
def needs_a_metric(row: dict[str, Any]) -> bool:
    return row["kind"] == "per_metric"


def is_a_power(row: dict[str, Any]) -> bool:
    return row["params"].get("power", 1) != 1 or row["params"].get("exponent", 1) != 1


def multiplies_two_that_move_at_once(row: dict[str, Any]) -> bool:
    members = row["params"].get("schedulers", row["scheduler"].split(" x "))
    never_rests = any(member.startswith("ExponentialLR") for member in members)
    return row["scheduler"] != "SequentialLR" and len(members) > 1 and never_rests


NOT_EXPRESSED: dict[str, tuple[Callable[[dict[str, Any]], bool], list[str]]] = {
    "It decides from a metric. A schedule is a function of the step alone.": (
        needs_a_metric,
        [
            "pytorch::test_reduce_lr_on_plateau1",
            "pytorch::test_reduce_lr_on_plateau2",
            "pytorch::test_reduce_lr_on_plateau3",
            "pytorch::test_reduce_lr_on_plateau5",
            "pytorch::test_reduce_lr_on_plateau7",
        ],
    ),
    "It is a line or a cosine raised to a power. No strategy of the book needs the power.": (
        is_a_power,
        [
            "pytorch::test_poly_lr",
            "transformers::ScheduleInitTest.test_schedulers"
            "[get_polynomial_decay_schedule_with_warmup]",
            "optax::PolynomialTest.test_nonlinear",
            "optax::polynomial_schedule doctest",
            "optax::CosineDecayTest.test_with_exponent",
            "optax::WarmupCosineDecayTest.test_with_exponent",  # and it ends below zero
        ],
    ),
    "It multiplies schedules that move at the same time. A join plays one at a time.": (
        multiplies_two_that_move_at_once,
        ["pytorch::test_chained_lr4", "pytorch::test_compound_exp_and_linearlr"],
    ),
}
NOT_EXPRESSED_IDS = [row for _, rows in NOT_EXPRESSED.values() for row in rows]


@pytest.mark.parametrize("row_id", EXPRESSED)
def test_a_row_that_we_express(row_id: str) -> None:
    row, (peak_lr, schedule) = ROWS[row_id], EXPRESSED[row_id]
    steps = row["steps"] if row["kind"] == "at_steps" else range(len(row["expected"]))
    rates = [peak_lr * schedule(step) for step in steps]
    np.testing.assert_allclose(rates, row["expected"], rtol=row["rtol"], atol=row["atol"])


def test_every_row_is_expressed_or_has_a_reason() -> None:
    assert len(ROWS) == 60
    assert sorted([*EXPRESSED, *NOT_EXPRESSED_IDS]) == sorted(ROWS)


def test_the_reasons_hold_for_their_rows_and_for_no_row_that_we_express() -> None:
    for applies, row_ids in NOT_EXPRESSED.values():
        assert {row_id for row_id, row in ROWS.items() if applies(row)} == set(row_ids)


def _pieces(schedule: Schedule) -> Iterator[Schedule]:
    yield schedule
    for part in getattr(schedule, "parts", ()):
        yield from _pieces(part)
    if isinstance(schedule, Warmup):
        yield from _pieces(schedule.then)


@pytest.mark.parametrize("row_id", EXPRESSED)
def test_a_row_is_expressed_by_our_schedules_and_not_by_a_table(row_id: str) -> None:
    pieces = list(_pieces(EXPRESSED[row_id][1]))
    assert {type(piece).__module__ for piece in pieces} == {schedules.__name__}
    values = len(ROWS[row_id]["expected"])
    assert all(len(piece.parts) < values for piece in pieces if isinstance(piece, Join))


def test_cosine_annealing_itself_does_not_climb_back() -> None:
    row = ROWS["pytorch::test_closed_form_cos_anneal_lr"]
    schedule = CosineAnnealing(5, TORCH_FLOOR)
    rates = np.array([0.05 * schedule(step) for step in range(20)])
    np.testing.assert_allclose(rates[:6], row["expected"][:6], rtol=0, atol=row["atol"])
    assert (rates[6:] == rates[5]).all()
