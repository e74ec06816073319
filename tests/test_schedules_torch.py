"""Every strategy that torch has, trained with torch's own class and with ours: the same rates."""

from collections.abc import Callable

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
    SequentialLR,
    StepLR,
)
from torch.optim.swa_utils import SWALR

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

STEPS = 450
TOLERANCE = 1e-12  # of the peak

MakeScheduler = Callable[[Optimizer], LRScheduler]


def torch_rates(
    make_scheduler: MakeScheduler, steps: int, peaks: tuple[float, ...] = (1.0,)
) -> np.ndarray:
    """Train for real, one parameter group a peak, and return the rates (steps, groups).

    The gradient is 1 and there is no momentum, so that an update from 0 ends at minus the rate:
    what is returned is read from the parameters, not from a scheduler.
    """
    parameters = [torch.zeros((), dtype=torch.float64) for _ in peaks]
    optimizer = torch.optim.SGD(
        [{"params": [p], "lr": peak} for p, peak in zip(parameters, peaks, strict=True)]
    )
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(steps):
        for parameter in parameters:
            parameter.zero_()
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        rates.append([-parameter.item() for parameter in parameters])
        scheduler.step()
    return np.array(rates)


def ours(schedule: Schedule) -> MakeScheduler:
    return lambda optimizer: LambdaLR(optimizer, schedule)


def peaks_of(optimizer: Optimizer) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def fraction_of_peaks(optimizer: Optimizer, fraction: float) -> list[float]:
    return [fraction * peak for peak in peaks_of(optimizer)]


def cyclic(optimizer: Optimizer, floor: float, up: int, down: int, mode: str) -> CyclicLR:
    return CyclicLR(
        optimizer,
        base_lr=fraction_of_peaks(optimizer, floor),
        max_lr=peaks_of(optimizer),
        step_size_up=up,
        step_size_down=down,
        mode=mode,  # type: ignore[arg-type]
        gamma=0.99,  # read by exp_range alone
        cycle_momentum=False,
    )


def one_cycle(optimizer: Optimizer, **settings: object) -> OneCycleLR:
    return OneCycleLR(
        optimizer,
        max_lr=peaks_of(optimizer),
        total_steps=STEPS,
        cycle_momentum=False,
        **settings,  # type: ignore[arg-type]
    )


# The first word of a name is torch's class. Each pair is torch's way and ours.
CASES: dict[str, tuple[MakeScheduler, Schedule]] = {
    "StepLR": (lambda o: StepLR(o, step_size=60, gamma=0.5), StepDecay(60, 0.5)),
    "StepLR at every step": (lambda o: StepLR(o, step_size=1, gamma=0.99), StepDecay(1, 0.99)),
    "MultiStepLR": (
        lambda o: MultiStepLR(o, milestones=[50, 200, 201, 400], gamma=0.3),
        Join(tuple(Fixed(0.3**i) for i in range(5)), (50, 200, 201, 400)),
    ),
    "ConstantLR": (
        lambda o: ConstantLR(o, factor=0.3, total_iters=123),
        Join((Fixed(0.3), Fixed()), (123,)),
    ),
    "LinearLR": (
        lambda o: LinearLR(o, start_factor=0.25, end_factor=0.9, total_iters=300),
        Linear(300, 0.25, 0.9),
    ),
    "LinearLR to zero": (
        lambda o: LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=STEPS),
        Linear(STEPS),
    ),
    "PolynomialLR of power 1": (
        lambda o: PolynomialLR(o, total_iters=400, power=1.0),
        Linear(400),
    ),
    "ExponentialLR": (
        lambda o: ExponentialLR(o, gamma=0.01 ** (1 / STEPS)),
        ExponentialDecay(STEPS, 0.01),
    ),
    "MultiplicativeLR": (
        lambda o: MultiplicativeLR(o, lambda step: 0.99),
        ExponentialDecay(STEPS, 0.99**STEPS),
    ),
    "LambdaLR": (
        lambda o: LambdaLR(o, lambda step: (1 + step / 50) ** -0.5),
        InverseSquareRoot(50),
    ),
    "CosineAnnealingLR": (lambda o: CosineAnnealingLR(o, T_max=STEPS), CosineAnnealing(STEPS)),
    "CosineAnnealingWarmRestarts of equal length": (
        lambda o: CosineAnnealingWarmRestarts(o, T_0=100),
        Join((CosineAnnealing(100),) * 5, (100, 200, 300, 400)),
    ),
    "CosineAnnealingWarmRestarts of double length": (
        lambda o: CosineAnnealingWarmRestarts(o, T_0=40, T_mult=2),
        Join(tuple(CosineAnnealing(40 * 2**i) for i in range(4)), (40, 120, 280)),
    ),
    "CyclicLR triangular": (
        lambda o: cyclic(o, floor=0.1, up=55, down=55, mode="triangular"),
        Cyclical(55, 0.1),
    ),
    "CyclicLR triangular2": (
        lambda o: cyclic(o, floor=0.1, up=55, down=55, mode="triangular2"),
        Cyclical(55, 0.1, shrink=0.5),
    ),
    "CyclicLR exp_range": (
        lambda o: cyclic(o, floor=0.1, up=55, down=55, mode="exp_range"),
        Cyclical(55, 0.1, gamma=0.99),
    ),
    "CyclicLR triangular, slower down than up": (
        lambda o: cyclic(o, floor=0.1, up=30, down=170, mode="triangular"),
        Join((Linear(30, 0.1, 1), Linear(170, 1, 0.1)) * 3, (30, 200, 230, 400, 430)),
    ),
    "OneCycleLR": (lambda o: one_cycle(o), OneCycle(STEPS)),
    "OneCycleLR with other ends": (
        lambda o: one_cycle(o, pct_start=0.25, div_factor=5.0, final_div_factor=2.0),
        OneCycle(STEPS, rise=0.25, start=0.2, floor=0.1),
    ),
    "OneCycleLR of straight lines": (
        lambda o: one_cycle(o, pct_start=0.25, anneal_strategy="linear"),
        # 0.25 * 450 - 1 = 111.5: the top lies between two steps.
        Join((Linear(111.5, 0.04, 1), Linear(337.5, 1, 4e-6)), (111.5,)),
    ),
    "OneCycleLR of straight lines in three phases": (
        lambda o: one_cycle(o, pct_start=0.4, anneal_strategy="linear", three_phase=True),
        Join((Linear(179, 0.04, 1), Linear(179, 1, 0.04), Linear(91, 0.04, 4e-6)), (179, 358)),
    ),
    "SequentialLR of warm-up and cosine": (
        lambda o: SequentialLR(
            o,
            [
                LinearLR(o, start_factor=1 / 51, total_iters=50),
                CosineAnnealingLR(o, T_max=STEPS - 50),
            ],
            milestones=[50],
        ),
        Warmup(50, CosineAnnealing(STEPS - 50)),
    ),
    "SequentialLR of three": (
        lambda o: SequentialLR(
            o,
            [
                ConstantLR(o, factor=0.5, total_iters=STEPS),
                ExponentialLR(o, gamma=0.9),
                StepLR(o, step_size=40, gamma=0.5),
            ],
            milestones=[100, 150],
        ),
        Join((Fixed(0.5), ExponentialDecay(STEPS, 0.9**STEPS), StepDecay(40, 0.5)), (100, 150)),
    ),
    # A chain multiplies its members. It is a join where no two of them move at the same time.
    "ChainedScheduler of warm-up and late drops": (
        lambda o: ChainedScheduler(
            [
                LinearLR(o, start_factor=0.25, total_iters=50),
                MultiStepLR(o, milestones=[200, 400], gamma=0.1),
            ]
        ),
        Warmup(50, Join((Fixed(), Fixed(0.1), Fixed(0.01)), (150, 350)), start=0.25),
    ),
}

# torch takes these lower ends as rates; ours are fractions of the peak, and keep groups in ratio.
CASES_WITH_A_FLOOR_IN_RATES: dict[str, tuple[MakeScheduler, Schedule]] = {
    "CosineAnnealingLR": (
        lambda o: CosineAnnealingLR(o, T_max=STEPS, eta_min=fraction_of_peaks(o, 0.05)[0]),
        CosineAnnealing(STEPS, 0.05),
    ),
    "CosineAnnealingWarmRestarts": (
        lambda o: CosineAnnealingWarmRestarts(o, T_0=150, eta_min=fraction_of_peaks(o, 0.05)[0]),
        Join((CosineAnnealing(150, 0.05),) * 3, (150, 300)),
    ),
    "SWALR along a cosine": (
        lambda o: SWALR(o, swa_lr=fraction_of_peaks(o, 0.05)[0], anneal_epochs=400),
        CosineAnnealing(400, 0.05),
    ),
    "SWALR along a line": (
        lambda o: SWALR(
            o, swa_lr=fraction_of_peaks(o, 0.05)[0], anneal_epochs=400, anneal_strategy="linear"
        ),
        Linear(400, 1, 0.05),
    ),
}


def _assert_same_rates(
    make_scheduler: MakeScheduler, schedule: Schedule, peaks: tuple[float, ...]
) -> None:
    expected = torch_rates(make_scheduler, STEPS, peaks) / peaks
    assert np.ptp(expected) > 0.3, "a comparison of rates that hardly move would show little"
    np.testing.assert_allclose(
        torch_rates(ours(schedule), STEPS, peaks) / peaks, expected, rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("name", CASES)
def test_equals_torch_in_every_group(name: str) -> None:
    _assert_same_rates(*CASES[name], peaks=(1.0, 0.1, 0.02))


@pytest.mark.parametrize("peak", [1.0, 0.1])
@pytest.mark.parametrize("name", CASES_WITH_A_FLOOR_IN_RATES)
def test_equals_torch_with_a_floor(name: str, peak: float) -> None:
    _assert_same_rates(*CASES_WITH_A_FLOOR_IN_RATES[name], peaks=(peak,))


def test_no_strategy_of_torch_is_left_out() -> None:
    covered = {name.split()[0] for name in CASES}
    no_function_of_the_step = {"LRScheduler", "ReduceLROnPlateau"}  # the base class; a metric
    assert covered == set(torch_schedulers.__all__) - no_function_of_the_step


@pytest.mark.parametrize("name", CASES)
def test_groups_keep_their_ratios_to_the_last_bit(name: str) -> None:
    _, schedule = CASES[name]
    peaks = (0.1, 0.02, 1.0)
    rates = torch_rates(ours(schedule), STEPS, peaks)
    factors = np.array([schedule(step) for step in range(STEPS)])
    np.testing.assert_array_equal(rates, np.outer(factors, peaks))


# Where ours ends, torch's goes on. Both are tested, so that a change on either side is noticed.


def test_cosine_climbs_back_in_torch_and_holds_in_ours() -> None:
    torch_way = torch_rates(lambda o: CosineAnnealingLR(o, T_max=10), 21)[:, 0]
    our_way = torch_rates(ours(CosineAnnealing(10)), 21)[:, 0]
    np.testing.assert_allclose(our_way[:11], torch_way[:11], rtol=0, atol=TOLERANCE)
    assert torch_way[20] == pytest.approx(1)
    assert our_way[10:].tolist() == [0.0] * 11


def test_one_cycle_raises_in_torch_and_holds_in_ours() -> None:
    def torch_way(optimizer: Optimizer) -> LRScheduler:
        return OneCycleLR(optimizer, max_lr=1.0, total_steps=10, cycle_momentum=False)

    with pytest.raises(ValueError, match="Tried to step 11 times"):
        torch_rates(torch_way, 11)
    our_way = torch_rates(ours(OneCycle(10)), 13)[:, 0]
    np.testing.assert_allclose(our_way[:10], torch_rates(torch_way, 10)[:, 0], atol=TOLERANCE)
    assert our_way[9:].tolist() == [4e-6] * 4


def test_exponential_goes_on_in_torch_and_holds_in_ours() -> None:
    torch_way = torch_rates(lambda o: ExponentialLR(o, gamma=0.5), 5)[:, 0]
    our_way = torch_rates(ours(ExponentialDecay(3, 0.125)), 5)[:, 0]
    assert torch_way.tolist() == [1, 0.5, 0.25, 0.125, 0.0625]
    assert our_way.tolist() == pytest.approx([1, 0.5, 0.25, 0.125, 0.125])
