"""`lr_curve` of a torch scheduler: equal to what training applies, and without a trace."""

import copy
import functools
import random
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import Optimizer
from torch.optim import lr_scheduler as torch_schedulers
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from torch.optim.swa_utils import SWALR

from lrlib.schedules import CosineAnnealing, Fixed, Warmup, lr_curve

MakeScheduler = Callable[[Optimizer], LRScheduler]

# The first word of a name is torch's class.
SCHEDULERS: dict[str, MakeScheduler] = {
    "StepLR": lambda o: StepLR(o, step_size=4, gamma=0.5),
    "MultiStepLR": lambda o: MultiStepLR(o, milestones=[3, 9, 9, 15], gamma=0.5),
    "ConstantLR": lambda o: ConstantLR(o, factor=0.5, total_iters=9),
    "LinearLR": lambda o: LinearLR(o, start_factor=0.2, total_iters=12),
    "ExponentialLR": lambda o: ExponentialLR(o, gamma=0.9),
    "PolynomialLR": lambda o: PolynomialLR(o, total_iters=15, power=0.9),
    "CosineAnnealingLR that climbs back": lambda o: CosineAnnealingLR(o, T_max=6),
    "CosineAnnealingWarmRestarts": lambda o: CosineAnnealingWarmRestarts(o, T_0=4, T_mult=2),
    "CyclicLR": lambda o: CyclicLR(o, 0.01, 0.1, step_size_up=3, mode="triangular2"),
    "CyclicLR of its own shape": lambda o: CyclicLR(
        o, 0.01, 0.1, step_size_up=3, step_size_down=5, scale_fn=lambda cycle: 1 / cycle
    ),
    "OneCycleLR": lambda o: OneCycleLR(o, max_lr=0.1, total_steps=30),
    "OneCycleLR in three phases": lambda o: OneCycleLR(
        o, max_lr=0.1, total_steps=30, three_phase=True, anneal_strategy="linear"
    ),
    "LambdaLR of a function": lambda o: LambdaLR(o, lambda step: 1 / (step + 1)),
    "LambdaLR of a schedule": lambda o: LambdaLR(o, Warmup(5, CosineAnnealing(15))),
    "LambdaLR of one schedule a group": lambda o: LambdaLR(
        o, [Fixed(1 / (i + 1)) if i else CosineAnnealing(9) for i in range(len(o.param_groups))]
    ),
    "MultiplicativeLR": lambda o: MultiplicativeLR(o, lambda step: 0.9 if step % 2 else 1.0),
    "SequentialLR": lambda o: SequentialLR(
        o,
        [LinearLR(o, start_factor=0.2, total_iters=5), CosineAnnealingLR(o, T_max=10)],
        milestones=[5],
    ),
    "SequentialLR of three": lambda o: SequentialLR(
        o,
        [
            ConstantLR(o, factor=0.5, total_iters=30),
            ExponentialLR(o, gamma=0.9),
            StepLR(o, step_size=3, gamma=0.5),
        ],
        milestones=[4, 9],
    ),
    "ChainedScheduler": lambda o: ChainedScheduler(
        [LinearLR(o, start_factor=0.2, total_iters=5), CosineAnnealingLR(o, T_max=16)]
    ),
    "SWALR": lambda o: SWALR(o, swa_lr=0.02, anneal_epochs=8),
}

OPTIMIZERS: dict[str, Callable[[list[dict[str, Any]]], Optimizer]] = {
    "SGD with momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "AdamW": lambda groups: torch.optim.AdamW(groups),
}


def new_run(
    make_scheduler: MakeScheduler, optimizer_name: str = "SGD with momentum", groups: int = 1
) -> tuple[Optimizer, LRScheduler]:
    peaks = [0.1 / (i + 1) for i in range(groups)]
    optimizer = OPTIMIZERS[optimizer_name](
        [{"params": [torch.zeros(3)], "lr": peak} for peak in peaks]
    )
    return optimizer, make_scheduler(optimizer)


def settings_of(optimizer: Optimizer) -> list[dict[str, Any]]:
    """A copy of all that a scheduler may change: rates, momenta, betas, initial rates, bounds."""
    return [
        copy.deepcopy({key: value for key, value in group.items() if key != "params"})
        for group in optimizer.param_groups
    ]


def train(optimizer: Optimizer, scheduler: LRScheduler, steps: int) -> list[list[dict[str, Any]]]:
    """Train and return the settings in force at each optimizer step."""
    log = []
    for _ in range(steps):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.ones_like(parameter)
        log.append(settings_of(optimizer))
        optimizer.step()
        scheduler.step()
    return log


def rates_of(log: list[list[dict[str, Any]]]) -> np.ndarray:
    return np.array([[group["lr"] for group in settings] for settings in log])


@pytest.mark.parametrize("begun", [0, 7])
@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_curve_is_what_training_applies_and_leaves_no_trace(
    name: str, optimizer_name: str, begun: int
) -> None:
    untouched = train(*new_run(SCHEDULERS[name], optimizer_name), begun + 20)

    optimizer, scheduler = new_run(SCHEDULERS[name], optimizer_name)
    log = train(optimizer, scheduler, begun)
    settings, state = settings_of(optimizer), copy.deepcopy(scheduler.state_dict())
    curve = lr_curve(scheduler, steps=20)
    assert settings_of(optimizer) == settings
    assert scheduler.state_dict() == state

    log += train(optimizer, scheduler, 20)
    assert curve.dtype == np.float64
    np.testing.assert_array_equal(curve, rates_of(log[begun:])[:, 0])
    assert log == untouched


@pytest.mark.parametrize("name", SCHEDULERS)
def test_curve_has_a_column_for_each_group(name: str) -> None:
    optimizer, scheduler = new_run(SCHEDULERS[name], groups=3)
    curve = lr_curve(scheduler, steps=20)
    assert curve.shape == (20, 3)
    np.testing.assert_array_equal(curve, rates_of(train(optimizer, scheduler, 20)))


def test_no_scheduler_of_torch_is_left_out() -> None:
    covered = {name.split()[0] for name in SCHEDULERS} - {"SWALR"}  # it lives in another module
    assert covered == set(torch_schedulers.__all__) - {"LRScheduler", "ReduceLROnPlateau"}


def test_the_curves_here_move_momentum_and_betas_too() -> None:
    for name in ("CyclicLR", "OneCycleLR"):
        momenta = {s[0]["momentum"] for s in train(*new_run(SCHEDULERS[name]), 20)}
        betas = {s[0]["betas"] for s in train(*new_run(SCHEDULERS[name], "AdamW"), 20)}
        assert min(len(momenta), len(betas)) > 3


def test_a_curve_in_the_middle_starts_at_the_rate_in_force() -> None:
    optimizer, scheduler = new_run(SCHEDULERS["LinearLR"])
    train(optimizer, scheduler, 6)
    # 6 of 12 steps from 0.02 to 0.1.
    assert lr_curve(scheduler, steps=1) == pytest.approx([0.06])


def test_a_rate_in_a_tensor_stays_as_it_is() -> None:
    parameter = torch.zeros(1)
    optimizer = torch.optim.Adam([parameter], lr=torch.tensor(0.1))
    scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    curve = lr_curve(scheduler, steps=6)
    assert curve == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025])
    assert optimizer.param_groups[0]["lr"].item() == pytest.approx(0.1)
    assert float(scheduler.get_last_lr()[0]) == pytest.approx(0.1)
    assert rates_of(train(optimizer, scheduler, 6))[:, 0] == pytest.approx(curve)


def test_the_state_of_a_large_model_is_not_copied() -> None:
    class Large:
        def __deepcopy__(self, memo: object) -> None:
            raise AssertionError("the optimizer's state was copied")

    optimizer, scheduler = new_run(SCHEDULERS["SequentialLR"])
    optimizer.state[optimizer.param_groups[0]["params"][0]]["momentum_buffer"] = Large()
    assert len(lr_curve(scheduler, steps=10)) == 10


class Trainer:
    """Somebody's training script: it holds a lock, a model and a rule for its rate."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.half = 4

    def __deepcopy__(self, memo: object) -> None:
        raise AssertionError("the owner of the method was copied")

    def rate(self, step: int) -> float:
        return 1.0 if step < self.half else 0.5

    def share(self, half: int, step: int) -> float:
        return 1.0 if step < half else 0.5


HALVED = [0.1] * 4 + [0.05] * 4
OF_A_TRAINER: dict[str, Callable[[Optimizer, Trainer], LRScheduler]] = {
    "method": lambda o, t: LambdaLR(o, t.rate),
    "list of methods": lambda o, t: LambdaLR(o, [t.rate]),
    "partial": lambda o, t: LambdaLR(o, functools.partial(t.share, 4)),
    "function": lambda o, t: LambdaLR(o, lambda step: t.rate(step)),
    "MultiplicativeLR": lambda o, t: MultiplicativeLR(
        o, functools.partial(lambda t, step: 0.5 if step == t.half else 1.0, t)
    ),
    "ChainedScheduler": lambda o, t: ChainedScheduler([LambdaLR(o, t.rate)]),
    "SequentialLR": lambda o, t: SequentialLR(
        o, [LambdaLR(o, t.rate), ConstantLR(o, factor=1.0)], milestones=[8]
    ),
    "CyclicLR": lambda o, t: CyclicLR(
        o, 0.05, 0.15, step_size_up=1, step_size_down=1, scale_fn=t.rate, scale_mode="iterations"
    ),
}


@pytest.mark.parametrize("name", OF_A_TRAINER)
def test_the_owner_of_a_method_is_not_copied(name: str) -> None:
    optimizer, scheduler = new_run(lambda o: OF_A_TRAINER[name](o, Trainer()))
    settings = settings_of(optimizer)
    curve = lr_curve(scheduler, steps=8)
    assert settings_of(optimizer) == settings
    np.testing.assert_array_equal(curve, rates_of(train(optimizer, scheduler, 8))[:, 0])
    if name != "CyclicLR":
        assert curve == pytest.approx(HALVED)


def test_an_object_that_cannot_be_copied_is_named_with_the_way_out() -> None:
    class Rule:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __call__(self, step: int) -> float:
            return 1 / (1 + step)

    rule = Rule()
    _, scheduler = new_run(lambda o: LambdaLR(o, rule))
    with pytest.raises(TypeError, match=r"got a LambdaLR .*cannot be copied .*lock.*lambda step"):
        lr_curve(scheduler, steps=2)
    _, scheduler = new_run(lambda o: LambdaLR(o, lambda step: rule(step)))
    assert lr_curve(scheduler, steps=2).tolist() == [0.1, 0.05]


def test_an_object_that_counts_its_calls_is_copied() -> None:
    class Counter:
        def __init__(self) -> None:
            self.calls: list[int] = []

        def __call__(self, step: int) -> float:
            self.calls.append(step)
            return 1.0

    counter = Counter()
    _, scheduler = new_run(lambda o: LambdaLR(o, counter))
    lr_curve(scheduler, steps=5)
    assert counter.calls == [0]  # torch's own, when the scheduler was made


def test_a_curve_draws_no_random_numbers() -> None:
    _, scheduler = new_run(SCHEDULERS["ChainedScheduler"])
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002 - readers use the global generator too
    lr_curve(scheduler, steps=20)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state
    np.testing.assert_equal(np.random.get_state(), numpy_state)  # noqa: NPY002


# torch's warning about the order of the two steps -----------------------------------------------

ORDER = r"lr_scheduler.step\(\)` before `optimizer.step\(\)`"


@pytest.mark.parametrize("name", ["StepLR", "LambdaLR of a schedule", "OneCycleLR", "CyclicLR"])
def test_the_warning_about_the_order_still_comes_on_misuse(name: str) -> None:
    _, scheduler = new_run(SCHEDULERS[name])
    lr_curve(scheduler, steps=20)
    with pytest.warns(UserWarning, match=ORDER):
        scheduler.step()


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_curve_warns_of_nothing_and_right_use_is_not_warned_of(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer, scheduler = new_run(SCHEDULERS[name])
        train(optimizer, scheduler, 3 if name.startswith("SequentialLR") else 0)
        lr_curve(scheduler, steps=20)
        train(optimizer, scheduler, 2)


def test_a_warning_of_the_reader_is_not_hidden() -> None:
    def old(step: int) -> float:
        warnings.warn("this function is old", DeprecationWarning, stacklevel=1)
        return 1.0

    with pytest.warns(DeprecationWarning, match="old"):
        _, scheduler = new_run(lambda o: LambdaLR(o, old))
    with pytest.warns(DeprecationWarning, match="old"):
        lr_curve(scheduler, steps=2)


# Refusals -------------------------------------------------------------------------------------


def test_a_plateau_has_no_curve() -> None:
    _, scheduler = new_run(lambda o: ReduceLROnPlateau(o))
    with pytest.raises(TypeError, match=r"ReduceLROnPlateau.*metric"):
        lr_curve(scheduler, steps=1)  # one rate could be told, a curve could not


@pytest.mark.parametrize("bad", [0.1, None, "cosine", CosineAnnealing])
def test_what_is_no_schedule_is_refused_by_name(bad: Any) -> None:
    with pytest.raises(TypeError, match=re.escape(f"got {bad!r}; Fixed()")):
        lr_curve(bad, steps=3)


@pytest.mark.parametrize("steps", [0, -1, 2.5, float("nan"), "3", None])
@pytest.mark.parametrize("of_torch", [False, True])
def test_steps_that_are_no_count_are_refused_by_name(steps: Any, of_torch: bool) -> None:
    schedule = new_run(SCHEDULERS["StepLR"])[1] if of_torch else Fixed()
    with pytest.raises(ValueError, match=f"^steps must be .* got {steps!r}"):
        lr_curve(schedule, steps)


@pytest.mark.parametrize("peak_lr", [0, -0.1, float("inf"), float("nan")])
def test_a_peak_that_is_no_rate_is_refused_by_name(peak_lr: float) -> None:
    with pytest.raises(ValueError, match=f"^peak_lr must be .* got {peak_lr!r}"):
        lr_curve(Fixed(), steps=3, peak_lr=peak_lr)


def test_an_error_of_torch_comes_through_and_leaves_no_trace() -> None:
    optimizer, scheduler = new_run(SCHEDULERS["OneCycleLR"])
    settings, state = settings_of(optimizer), copy.deepcopy(scheduler.state_dict())
    filters = list(warnings.filters)
    with pytest.raises(ValueError, match="total steps is 30"):
        lr_curve(scheduler, steps=40)
    assert settings_of(optimizer) == settings
    assert scheduler.state_dict() == state
    assert list(warnings.filters) == filters


# A schedule -----------------------------------------------------------------------------------


def test_curve_of_a_schedule_is_the_peak_times_its_factors() -> None:
    curve = lr_curve(Warmup(2, CosineAnnealing(2), start=0.5), steps=6, peak_lr=0.4)
    np.testing.assert_allclose(curve, [0.2, 0.3, 0.4, 0.2, 0, 0], atol=1e-16)


def test_curve_of_any_function_of_the_step() -> None:
    assert lr_curve(lambda step: 1 / (1 + step), steps=4).tolist() == [1, 1 / 2, 1 / 3, 1 / 4]


def test_a_curve_is_float64_even_of_whole_numbers() -> None:
    curve = lr_curve(Fixed(1), steps=3, peak_lr=1)
    assert curve.dtype == np.float64
    assert curve.shape == (3,)
