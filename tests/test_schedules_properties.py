"""What holds for every schedule, whatever its numbers (hypothesis draws them)."""

import copy
import io
import pickle
import re
from dataclasses import asdict, is_dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
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
    lr_curve,
)

# No deadline: no test of ours depends on speed. Derandomised: the same examples on every run.
examples = settings(deadline=None, derandomize=True, max_examples=50)

lengths = st.integers(1, 300)
fractions = st.floats(0, 1)
shares = st.floats(1e-3, 1)
heights = st.floats(0, 2)
# Whole steps, as in training, points between them, as in a smooth figure, and a very long run.
times = st.integers(0, 600) | st.floats(0, 600) | st.integers(0, 10**9)


@st.composite
def one_cycles(draw: st.DrawFn) -> OneCycle:
    steps = draw(st.integers(3, 300))
    rise = 1 / steps + draw(st.floats(0.01, 0.99)) * (1 - 1 / steps)
    return OneCycle(steps, rise, draw(fractions), draw(fractions))


SIMPLE: dict[type, st.SearchStrategy[Schedule]] = {
    Fixed: st.builds(Fixed, st.floats(1e-3, 2)),
    StepDecay: st.builds(StepDecay, lengths, shares),
    ExponentialDecay: st.builds(ExponentialDecay, lengths, shares),
    CosineAnnealing: st.builds(CosineAnnealing, lengths, fractions),
    Cyclical: st.builds(Cyclical, lengths, fractions, shares, shares),
    Linear: st.builds(Linear, lengths, heights, heights),
    InverseSquareRoot: st.builds(InverseSquareRoot, lengths),
    OneCycle: one_cycles(),
}


def warmups(then: st.SearchStrategy[Schedule]) -> st.SearchStrategy[Warmup]:
    return st.builds(Warmup, lengths, then, st.none() | fractions)


@st.composite
def joins(draw: st.DrawFn, part: st.SearchStrategy[Schedule]) -> Join:
    parts = draw(st.lists(part, min_size=1, max_size=4))
    gaps = draw(st.lists(lengths, min_size=len(parts) - 1, max_size=len(parts) - 1))
    return Join(parts, tuple(accumulate(gaps)))


any_schedule = st.recursive(
    st.one_of(*SIMPLE.values()), lambda part: warmups(part) | joins(part), max_leaves=5
)
STRATEGIES = {**SIMPLE, Warmup: warmups(any_schedule), Join: joins(any_schedule)}


def test_a_strategy_for_every_schedule() -> None:
    assert set(STRATEGIES) == {value for value in vars(schedules).values() if is_dataclass(value)}


# Range and monotony ---------------------------------------------------------------------------


def bounds(schedule: Any) -> tuple[float, float]:
    """The range that the docstring of each schedule promises."""
    match schedule:
        case Fixed(value):
            return value, value
        case StepDecay() | InverseSquareRoot():
            return 0, 1
        case ExponentialDecay(_, floor) | CosineAnnealing(_, floor) | Cyclical(_, floor):
            return floor, 1
        case Linear(_, start, end):
            return min(start, end), max(start, end)
        case OneCycle(_, _, start, floor):
            return min(start, floor), 1
        case Warmup(steps, then, start):
            low, high = bounds(then)
            return min(low, 1 / (steps + 1) if start is None else start), max(high, 1)
        case Join(parts):
            lows, highs = zip(*map(bounds, parts), strict=True)
            return min(lows), max(highs)
    raise AssertionError(f"state the range of {schedule!r} here")


@pytest.mark.parametrize("cls", STRATEGIES)
@examples
@given(data=st.data(), step=times)
def test_a_factor_stays_in_its_range_and_is_never_negative(
    cls: type, data: st.DataObject, step: float
) -> None:
    schedule = data.draw(STRATEGIES[cls])
    low, high = bounds(schedule)
    factor = schedule(step)
    assert factor >= 0
    assert low - 1e-12 <= factor <= high + 1e-12


falling = st.one_of(
    *(SIMPLE[cls] for cls in (Fixed, StepDecay, ExponentialDecay, CosineAnnealing)),
    SIMPLE[InverseSquareRoot],
    st.builds(lambda steps, a, b: Linear(steps, max(a, b), min(a, b)), lengths, heights, heights),
)


@examples
@given(falling, times, times)
def test_a_decay_never_rises(schedule: Schedule, one: float, other: float) -> None:
    assert schedule(max(one, other)) <= schedule(min(one, other)) + 1e-15


@examples
@given(STRATEGIES[Warmup], fractions, fractions)
def test_a_warm_up_never_falls(schedule: Warmup, one: float, other: float) -> None:
    earlier, later = sorted((one * schedule.steps, other * schedule.steps))
    assume(later < schedule.steps)
    assert schedule(earlier) <= schedule(later) + 1e-15


@examples
@given(one_cycles(), times, times)
def test_one_cycle_rises_to_its_top_and_falls_from_there(
    schedule: OneCycle, one: float, other: float
) -> None:
    top = schedule.rise * schedule.steps - 1
    earlier, later = sorted((one % (2 * top), other % (2 * top)))
    if later <= top:
        assert schedule(earlier) <= schedule(later) + 1e-12
    elif earlier >= top:
        assert schedule(earlier) >= schedule(later) - 1e-12
    else:
        assert max(schedule(earlier), schedule(later)) <= schedule(top)


@examples
@given(st.builds(Cyclical, lengths, fractions, shares), st.integers(0, 20), fractions, fractions)
def test_a_half_cycle_goes_one_way(schedule: Cyclical, half: int, one: float, other: float) -> None:
    earlier, later = (
        schedule((half + part) * schedule.half_cycle) for part in sorted((one, other))
    )
    assume(one != 1 != other)  # the next half begins there
    sign = -1 if half % 2 else 1
    assert sign * earlier <= sign * later + 1e-12


# Joins ----------------------------------------------------------------------------------------


def jump(schedule: Schedule, at: float, length: float) -> float:
    """How far the factor jumps at a step: the change over a billionth of the length around it."""
    before, after = schedule(at - 1e-9 * length), schedule(at + 1e-9 * length)
    return max(abs(schedule(at) - before), abs(after - schedule(at)))


from_the_peak = st.one_of(
    st.builds(StepDecay, lengths, shares),
    st.builds(ExponentialDecay, lengths, shares),
    st.builds(CosineAnnealing, lengths, fractions),
    st.builds(Linear, lengths, st.just(1.0), heights),
    st.builds(InverseSquareRoot, lengths),
)


@examples
@given(warmups(from_the_peak))
def test_a_warm_up_meets_what_follows(schedule: Warmup) -> None:
    assert schedule(schedule.steps) == 1
    assert jump(schedule, schedule.steps, length=1) < 1e-7


@examples
@given(one_cycles())
def test_one_cycle_has_no_jump_at_its_top_or_its_end(schedule: OneCycle) -> None:
    top, end = schedule.rise * schedule.steps - 1, schedule.steps - 1
    assert schedule(top) == pytest.approx(1, abs=1e-12)
    assert jump(schedule, top, length=min(top, end - top)) < 1e-8
    assert jump(schedule, end, length=end - top) < 1e-8


@examples
@given(st.one_of(SIMPLE[ExponentialDecay], SIMPLE[CosineAnnealing], SIMPLE[Linear]))
def test_a_schedule_reaches_its_last_value_without_a_jump(schedule: Any) -> None:
    last = schedule.end if isinstance(schedule, Linear) else schedule.floor
    assert schedule(schedule.steps) == last
    assert jump(schedule, schedule.steps, length=schedule.steps) < 1e-7


@examples
@given(SIMPLE[Cyclical], st.integers(1, 20))
def test_a_cycle_has_no_jump_where_it_turns(schedule: Any, half: int) -> None:
    assert jump(schedule, half * schedule.half_cycle, length=schedule.half_cycle) < 1e-5


@examples
@given(STRATEGIES[Join], st.data())
def test_each_part_sees_time_from_its_own_zero(schedule: Any, data: st.DataObject) -> None:
    starts = (0, *schedule.boundaries)
    ends = (*schedule.boundaries, starts[-1] + 1000)
    for part, start, end in zip(schedule.parts, starts, ends, strict=True):
        step = data.draw(st.integers(0, end - start - 1))
        assert schedule(start + step) == part(step)


@examples
@given(STRATEGIES[Warmup], st.integers(0, 1000))
def test_what_follows_a_warm_up_sees_time_from_its_own_zero(schedule: Any, step: int) -> None:
    assert schedule(schedule.steps + step) == schedule.then(step)


# A schedule is a value ------------------------------------------------------------------------


@examples
@given(any_schedule, times)
def test_copies_are_equal_and_give_the_same_factor(schedule: Schedule, step: float) -> None:
    copies = [
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
        eval(repr(schedule), vars(schedules)),
    ]
    for twin in copies:
        assert twin == schedule
        assert hash(twin) == hash(schedule)
        assert twin(step) == schedule(step)


@examples
@given(any_schedule, any_schedule)
def test_schedules_are_equal_exactly_when_they_print_the_same(
    one: Schedule, other: Schedule
) -> None:
    assert (one == other) == (repr(one) == repr(other))
    assert len({one, other}) == (1 if one == other else 2)


# Training with LambdaLR -----------------------------------------------------------------------

PEAKS = (0.1, 0.03)


def new_run(schedule: Schedule) -> tuple[torch.optim.Optimizer, LambdaLR]:
    parameters = [torch.zeros(2) for _ in PEAKS]
    groups = [{"params": [p], "lr": peak} for p, peak in zip(parameters, PEAKS, strict=True)]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    return optimizer, LambdaLR(optimizer, schedule)


def train(optimizer: torch.optim.Optimizer, scheduler: LambdaLR, steps: int) -> list[list[float]]:
    """Train and return the rates in force at each optimizer step."""
    rates = []
    for _ in range(steps):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = parameter + 1
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return rates


def saved_and_loaded(state: object) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file)


@examples
@given(any_schedule, st.integers(1, 60))
def test_lr_curve_is_what_training_applies(schedule: Schedule, steps: int) -> None:
    applied = train(*new_run(schedule), steps)
    for group, peak_lr in enumerate(PEAKS):
        np.testing.assert_array_equal(
            lr_curve(schedule, steps, peak_lr), [rates[group] for rates in applied]
        )


@examples
@given(any_schedule, st.integers(0, 40), st.integers(1, 40))
def test_a_resumed_run_is_the_uninterrupted_run(
    schedule: Schedule, before: int, after: int
) -> None:
    optimizer, scheduler = new_run(schedule)
    whole = train(optimizer, scheduler, before + after)

    first_optimizer, first_scheduler = new_run(schedule)
    first_half = train(first_optimizer, first_scheduler, before)
    parameters, states = saved_and_loaded(
        (
            [group["params"] for group in first_optimizer.param_groups],
            (first_optimizer.state_dict(), first_scheduler.state_dict()),
        )
    )
    second_optimizer, second_scheduler = new_run(schedule)
    for group, saved in zip(second_optimizer.param_groups, parameters, strict=True):
        group["params"][0].copy_(saved[0])
    second_optimizer.load_state_dict(states[0])
    second_scheduler.load_state_dict(states[1])

    assert first_half + train(second_optimizer, second_scheduler, after) == whole
    for group, resumed in zip(optimizer.param_groups, second_optimizer.param_groups, strict=True):
        assert torch.equal(group["params"][0], resumed["params"][0])


two_of_a_class = st.one_of(*(st.tuples(strategy, strategy) for strategy in STRATEGIES.values()))


@examples
@given(two_of_a_class, st.integers(0, 40))
def test_the_state_of_another_schedule_is_refused_and_replaces_nothing(
    pair: tuple[Any, Any], steps: int
) -> None:
    # The script was edited between saving and resuming: neither schedule wins in silence.
    in_the_checkpoint, in_the_script = pair
    optimizer, scheduler = new_run(in_the_checkpoint)
    train(optimizer, scheduler, steps)
    state = saved_and_loaded((optimizer.state_dict(), scheduler.state_dict()))

    before = copy.deepcopy(in_the_script)
    resumed_optimizer, resumed_scheduler = new_run(in_the_script)
    resumed_optimizer.load_state_dict(state[0])
    if in_the_checkpoint == in_the_script:
        resumed_scheduler.load_state_dict(state[1])
        assert train(resumed_optimizer, resumed_scheduler, 30) == train(optimizer, scheduler, 30)
    else:
        names = f"{re.escape(repr(in_the_checkpoint))}, .* has {re.escape(repr(in_the_script))};"
        with pytest.raises(ValueError, match=names):
            resumed_scheduler.load_state_dict(state[1])
    assert resumed_scheduler.lr_lambdas == [in_the_script] * len(PEAKS)
    assert in_the_script == before
    assert asdict(in_the_script) == asdict(before)
