"""Stopping, resuming and extending a run: the rates are those of a run that never stopped."""

import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, MultiplicativeLR

from lrlib.schedules import (
    CosineAnnealing,
    ExponentialDecay,
    Fixed,
    Join,
    Linear,
    OneCycle,
    Schedule,
    StepDecay,
    Warmup,
    lr_curve,
)

KINDS: dict[str, Callable[..., Optimizer]] = {
    "SGD": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "AdamW": torch.optim.AdamW,
    "AdamW with its rate in a tensor": lambda groups: torch.optim.AdamW(
        [{**group, "lr": torch.tensor(group["lr"], dtype=torch.float64)} for group in groups]
    ),
}
PEAKS = (0.1, 0.03)


def new_optimizer(kind: str = "SGD") -> Optimizer:
    return KINDS[kind]([{"params": [torch.zeros(2)], "lr": peak} for peak in PEAKS])


def train(optimizer: Optimizer, scheduler: LRScheduler, steps: int) -> np.ndarray:
    """Return the rates in force at each step, a row a step."""
    rates = []
    for _ in range(steps):
        for group in optimizer.param_groups:
            group["params"][0].grad = torch.ones(2)
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return np.array(rates)


def through_a_file(*states: Any) -> Any:
    file = io.BytesIO()
    torch.save(states, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def rates_of(schedule: Schedule, steps: int) -> np.ndarray:
    return np.stack([lr_curve(schedule, steps, peak) for peak in PEAKS], axis=1)


def stopped_after(steps: int, schedule: Schedule, kind: str = "SGD") -> tuple[Any, Any]:
    """The states of a run, as they come back from its file."""
    optimizer = new_optimizer(kind)
    scheduler = LambdaLR(optimizer, schedule)
    train(optimizer, scheduler, steps)
    return through_a_file(optimizer.state_dict(), scheduler.state_dict())


RUNS: list[tuple[Schedule, int]] = [
    (CosineAnnealing(100), 40),
    (CosineAnnealing(100), 100),
    (Warmup(30, CosineAnnealing(70)), 10),
    (Warmup(30, CosineAnnealing(70)), 30),
    (StepDecay(10), 9),
    (OneCycle(100), 60),
    (Join((Fixed(), Linear(20)), (80,)), 85),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("schedule", "stop"), RUNS, ids=str)
def test_a_resumed_run(schedule: Schedule, stop: int, kind: str) -> None:
    optimizer_state, scheduler_state = stopped_after(stop, schedule, kind)
    optimizer = new_optimizer(kind)
    scheduler = LambdaLR(optimizer, schedule)
    optimizer.load_state_dict(optimizer_state)
    scheduler.load_state_dict(scheduler_state)
    np.testing.assert_allclose(
        train(optimizer, scheduler, 30), rates_of(schedule, stop + 30)[stop:]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("schedule", "stop"), RUNS, ids=str)
@pytest.mark.parametrize(
    "longer", [CosineAnnealing(200), Warmup(30, CosineAnnealing(170)), Fixed(0.3)], ids=str
)
def test_an_extended_run(schedule: Schedule, stop: int, kind: str, longer: Schedule) -> None:
    """From its first step on it has the rates of a run that always had the longer schedule."""
    optimizer_state, scheduler_state = stopped_after(stop, schedule, kind)
    optimizer = new_optimizer(kind)
    optimizer.load_state_dict(optimizer_state)
    scheduler = LambdaLR(optimizer, longer, last_epoch=scheduler_state["last_epoch"] - 1)
    np.testing.assert_allclose(train(optimizer, scheduler, 30), rates_of(longer, stop + 30)[stop:])

    # It can be stopped and resumed in its turn.
    states = through_a_file(optimizer.state_dict(), scheduler.state_dict())
    optimizer = new_optimizer(kind)
    scheduler = LambdaLR(optimizer, longer)
    optimizer.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    np.testing.assert_allclose(
        train(optimizer, scheduler, 20), rates_of(longer, stop + 50)[stop + 30 :]
    )


def test_a_flat_schedule_is_extended_without_a_jump() -> None:
    short, longer = (Join((Fixed(), Linear(20)), (flat,)) for flat in (80, 180))
    np.testing.assert_array_equal(rates_of(short, 81), rates_of(longer, 81))
    optimizer_state, scheduler_state = stopped_after(80, short)
    optimizer = new_optimizer()
    optimizer.load_state_dict(optimizer_state)
    scheduler = LambdaLR(optimizer, longer, last_epoch=scheduler_state["last_epoch"] - 1)
    rates = np.concatenate([rates_of(short, 80), train(optimizer, scheduler, 120)])
    np.testing.assert_array_equal(rates, rates_of(longer, 200))  # never stopped


# The state of another schedule ----------------------------------------------------------------

OTHERS: list[tuple[Schedule, Schedule]] = [
    (CosineAnnealing(100), CosineAnnealing(200)),  # extended
    (CosineAnnealing(100), ExponentialDecay(100, 0.5)),  # the same names of fields
    (StepDecay(30), CosineAnnealing(100)),
    (Warmup(5), Warmup(10)),
    (Warmup(5, Linear(10)), Warmup(5, Linear(20))),
    (Warmup(5, Linear(10)), Warmup(5, CosineAnnealing(10))),
    (Join((Fixed(), Linear(9)), (5,)), Join((Fixed(), Linear(9)), (6,))),
    (Fixed(0.5), Warmup(3).then),  # type: ignore[list-item]
]


@pytest.mark.parametrize("through_torch_multiplying", [False, True])
@pytest.mark.parametrize(("saved", "present"), OTHERS, ids=str)
def test_another_schedule_is_refused_by_name(
    saved: Schedule, present: Schedule, through_torch_multiplying: bool
) -> None:
    kind = MultiplicativeLR if through_torch_multiplying else LambdaLR
    state = kind(new_optimizer(), saved).state_dict()
    kept, names = copy.deepcopy(state), {present: "found"}
    optimizer = new_optimizer()
    scheduler = kind(optimizer, present)
    rates = [group["lr"] for group in optimizer.param_groups]
    text, numbers = repr(present), [present(step) for step in range(30)]
    with pytest.raises(ValueError, match="the state was saved with") as raised:
        scheduler.load_state_dict(state)
    assert repr(saved) in str(raised.value)
    assert repr(present) in str(raised.value)
    assert "last_epoch=steps_done - 1" in str(raised.value)

    assert scheduler.lr_lambdas == [present] * 2
    assert repr(present) == text
    assert [present(step) for step in range(30)] == numbers
    assert names[present] == "found"
    assert state == kept
    assert Warmup(3).then == Fixed(1.0)
    assert [group["lr"] for group in optimizer.param_groups] == rates


def test_a_state_of_a_schedule_for_each_group() -> None:
    pair, turned = [CosineAnnealing(9), Fixed(0.5)], [Fixed(0.5), CosineAnnealing(9)]
    state = LambdaLR(new_optimizer(), pair).state_dict()
    LambdaLR(new_optimizer(), [CosineAnnealing(9), Fixed(0.5)]).load_state_dict(state)
    with pytest.raises(ValueError, match=r"saved with CosineAnnealing.* has Fixed\(value=0.5\)"):
        LambdaLR(new_optimizer(), turned).load_state_dict(state)


def test_a_state_that_holds_fields_is_refused_with_what_it_holds() -> None:
    state = LambdaLR(new_optimizer(), CosineAnnealing(100)).state_dict()
    state["lr_lambdas"] = [{"steps": 100, "floor": 0.0}] * 2
    with pytest.raises(ValueError, match=r"saved with \{'steps': 100, 'floor': 0.0\}, and this"):
        LambdaLR(new_optimizer(), CosineAnnealing(100)).load_state_dict(state)


def test_whole_steps_are_the_same_however_they_are_counted() -> None:
    state = LambdaLR(new_optimizer(), CosineAnnealing(100)).state_dict()
    LambdaLR(new_optimizer(), CosineAnnealing(np.ceil(99.5))).load_state_dict(state)


def test_no_attribute_can_be_written_behind_a_schedule() -> None:
    schedule = CosineAnnealing(100)
    with pytest.raises(ValueError, match="has CosineAnnealing"):
        vars(schedule).update({"steps": 200})
    vars(schedule)["steps"] = 200
    assert schedule == CosineAnnealing(100)


def test_a_schedule_itself_may_be_saved() -> None:
    schedule = Warmup(5, Join((Fixed(), CosineAnnealing(20)), (7,)))
    assert through_a_file(schedule) == (schedule,)
