"""The study as data: which strategies are compared, at which rates, seeds and budgets.

`missing` is its whole logic: from the runs that are recorded it says which are to be made next.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import nn
from torch.optim import Optimizer

from lrlib import schedules

BATCH_SIZE = 128
STEPS_PER_EPOCH = 351  # whole batches in 45,000 images
EPOCHS = {"short": 2, "long": 5}
WEIGHT_DECAY = 5e-4
# No seed is used for both: a rate that was chosen on a seed looks better on it than it is.
TUNING_SEEDS = (100, 101)
SEEDS = tuple(range(10))
FIRST_SEEDS = SEEDS[:6]  # the verdicts were computed with these before there were more


@dataclass(frozen=True)
class Variant:
    """One strategy of the study.

    Args:
        label: What figures and tables call it.
        colour: A name of `lrlib.plots.PALETTE`. Relatives share one, and differ in their lines.
        line: How figures draw it, in matplotlib's words.
        optimizer: The name of a class of `torch.optim`.
        schedule: Makes the schedule from the number of steps of the whole run.
        rates: The peak rates it is tuned on, a factor of 2 apart. `missing` adds more at an end
            where the best one lies there.
    """

    label: str
    colour: str
    line: str
    optimizer: str
    schedule: Callable[[int], schedules.Schedule]
    rates: tuple[float, ...]


def _grid(first: float, count: int = 7) -> tuple[float, ...]:
    return tuple(first * 2**power for power in range(count))


def _fixed(steps: int) -> schedules.Schedule:
    return schedules.Fixed()


def _step_decay(steps: int) -> schedules.Schedule:
    """Divide by 10 at half and at three quarters of the run."""
    parts = (schedules.Fixed(1.0), schedules.Fixed(0.1), schedules.Fixed(0.01))
    return schedules.Join(parts, (steps // 2, steps * 3 // 4))


def _warm_restarts(steps: int) -> schedules.Schedule:
    """Anneal twice, the second time for twice as long."""
    first = steps // 3
    parts = (schedules.CosineAnnealing(first), schedules.CosineAnnealing(steps - first))
    return schedules.Join(parts, (first,))


def _triangular2(steps: int) -> schedules.Schedule:
    """Rise and fall three times, to half the height each time."""
    return schedules.Cyclical(half_cycle=steps / 6, floor=0.1, shrink=0.5)


def _warmup_cosine(steps: int) -> schedules.Schedule:
    """Warm up for a tenth of the run."""
    warmup = steps // 10
    return schedules.Warmup(warmup, then=schedules.CosineAnnealing(steps - warmup))


def _warmup_stable_decay(steps: int) -> schedules.Schedule:
    """Warm up for a tenth of the run, fall in a straight line over its last fifth."""
    warmup, decay = steps // 10, steps // 5
    stable = steps - warmup - decay
    then = schedules.Join((schedules.Fixed(), schedules.Linear(decay)), (stable,))
    return schedules.Warmup(warmup, then=then)


_SGD = _grid(0.0125)
_ADAM = _grid(0.0005)

VARIANTS = {
    "fixed": Variant("fixed", "grey", "-", "SGD", _fixed, _grid(0.00625)),
    "step": Variant("step decay", "blue", "-.", "SGD", _step_decay, _SGD),
    "exponential": Variant(
        "exponential decay", "teal", ":", "SGD", schedules.ExponentialDecay, _SGD
    ),
    "cosine": Variant("cosine", "orange", "--", "SGD", schedules.CosineAnnealing, _SGD),
    "restarts": Variant("cosine, warm restarts", "orange", ":", "SGD", _warm_restarts, _SGD),
    "triangular2": Variant("cyclical (triangular2)", "purple", ":", "SGD", _triangular2, _SGD),
    "one-cycle": Variant("one-cycle", "green", "-.", "SGD", schedules.OneCycle, _SGD),
    "linear": Variant("linear to zero", "brown", "-.", "SGD", schedules.Linear, _SGD),
    "warmup-cosine": Variant("warm-up + cosine", "red", "-", "SGD", _warmup_cosine, _SGD),
    "wsd": Variant("warm-up–stable–decay", "red", ":", "SGD", _warmup_stable_decay, _SGD),
    "adagrad": Variant("AdaGrad", "brown", ":", "Adagrad", _fixed, _grid(0.004)),
    "rmsprop": Variant("RMSprop", "blue", "--", "RMSprop", _fixed, _grid(0.00025)),
    "adam": Variant("Adam", "pink", "-", "Adam", _fixed, _ADAM),
    "adamw": Variant("AdamW", "pink", "-.", "AdamW", _fixed, _ADAM),
    "adamw-cosine": Variant(
        "AdamW + cosine", "pink", ":", "AdamW", schedules.CosineAnnealing, _ADAM
    ),
}

# The largest rate that still trains, with and without warm-up. More rates are added until the
# largest one fails for every seed.
EDGE_VARIANTS = ("cosine", "warmup-cosine")
EDGE_RATES = _grid(0.05, 8)
EDGE_SEEDS = tuple(range(6))
TRAINS = 0.3  # validation accuracy; chance is 0.1

# The finder's suggestion is trained with, for these.
FINDER_VARIANTS = ("fixed", "cosine")
FINDER_SEEDS = tuple(range(10))

# Each of the two also runs at the other's tuned rate.
SWAPPED = ("fixed", "cosine")

# The side check: other weight decays at the tuned rates of the long budget.
DECAY_VARIANTS = ("fixed", "cosine")
WEIGHT_DECAYS = (0.0, 5e-3)


@dataclass(frozen=True, order=True)
class Run:
    """One training run; two equal ones are never recorded both.

    Args:
        stage: "tuning" (judged on validation alone), "main", "swap", "edge", "finder" or
            "decay".
        variant: A key of `VARIANTS`.
        budget: A key of `EPOCHS`.
        peak_lr: The optimizer's rate, positive. `None` takes what the finder suggests.
        seed: Decides the weights, the order of the images and the augmentation.
        weight_decay: As the optimizer takes it, at least 0.
    """

    stage: str
    variant: str
    budget: str
    peak_lr: float | None
    seed: int
    weight_decay: float = WEIGHT_DECAY

    @property
    def epochs(self) -> int:
        return EPOCHS[self.budget]

    @property
    def steps(self) -> int:
        return self.epochs * STEPS_PER_EPOCH

    def make_schedule(self) -> schedules.Schedule:
        return VARIANTS[self.variant].schedule(self.steps)

    def make_optimizer(self, model: nn.Module, lr: float) -> Optimizer:
        name = VARIANTS[self.variant].optimizer
        options = {"momentum": 0.9, "nesterov": True} if name == "SGD" else {}
        make = getattr(torch.optim, name)
        return make(model.parameters(), lr=lr, weight_decay=self.weight_decay, **options)


# What the study needs to know of the recorded runs: their final validation accuracies.
Results = Mapping[Run, float]


def missing(results: Results) -> Iterator[Run]:
    """Yield the runs that the study still wants, the most urgent first.

    Some wait for others: the grids grow where their best rate is at an end, and the main runs need
    the tuned rates. Call it again when a run has ended.
    """
    wanted = [
        *_tuning(results),
        *_main(results),
        *_swap(results),
        *_edge(results),
        *_finder(),
        *_decay(results),
    ]
    return (run for run in wanted if run not in results)


def epochs_waiting(results: Results) -> int:
    """Return how many epochs of main runs wait for tuned rates: no run of `missing` is counted."""
    return sum(
        EPOCHS[budget] * len(SEEDS)
        for budget in EPOCHS
        for variant in VARIANTS
        if tuned_lr(results, variant, budget) is None
    )


def rates(results: Results, variant: str, budget: str) -> tuple[float, ...]:
    """Return the grid of a variant at a budget, with what was added to it."""
    grid = VARIANTS[variant].rates
    while True:
        scores = _scores(results, variant, budget, grid)
        if scores is None:
            return grid
        best = scores.index(max(scores))
        if best == 0:
            grid = (grid[0] / 2, *grid)
        elif best == len(grid) - 1:
            grid = (*grid, grid[-1] * 2)
        else:
            return grid


def tuned_lr(results: Results, variant: str, budget: str) -> float | None:
    """Return the best rate of a grid: the mean over the tuning seeds decides.

    Returns:
        The rate, a float; `None` while the tuning is not complete.
    """
    grid = rates(results, variant, budget)
    scores = _scores(results, variant, budget, grid)
    return None if scores is None else grid[scores.index(max(scores))]


def _scores(
    results: Results, variant: str, budget: str, grid: Collection[float]
) -> list[float] | None:
    runs = [[Run("tuning", variant, budget, lr, seed) for seed in TUNING_SEEDS] for lr in grid]
    if any(run not in results for row in runs for run in row):
        return None
    return [fmean(results[run] for run in row) for row in runs]


def _tuning(results: Results) -> list[Run]:
    return [
        Run("tuning", variant, budget, lr, seed)
        for seed in TUNING_SEEDS
        for budget in EPOCHS
        for variant in VARIANTS
        for lr in rates(results, variant, budget)
    ]


def _main(results: Results) -> list[Run]:
    return [
        Run("main", variant, budget, lr, seed)
        for seed in SEEDS
        for budget in EPOCHS
        for variant in VARIANTS
        if (lr := tuned_lr(results, variant, budget)) is not None
    ]


def _swap(results: Results) -> list[Run]:
    return [
        Run("swap", variant, budget, other_lr, seed)
        for variant, other in (SWAPPED, SWAPPED[::-1])
        for budget in EPOCHS
        if (lr := tuned_lr(results, variant, budget)) is not None
        and (other_lr := tuned_lr(results, other, budget)) not in (None, lr)
        for seed in SEEDS
    ]


def edge_rates(results: Results, variant: str) -> tuple[float, ...]:
    """Return the rates at which the edge of a variant was looked for, the last of which fails."""
    grid = EDGE_RATES
    while True:
        last = [Run("edge", variant, "short", grid[-1], seed) for seed in EDGE_SEEDS]
        if any(run not in results for run in last):
            return grid
        if all(results[run] < TRAINS for run in last):
            return grid
        grid = (*grid, grid[-1] * 2)


def _edge(results: Results) -> list[Run]:
    return [
        Run("edge", variant, "short", lr, seed)
        for variant in EDGE_VARIANTS
        for lr in edge_rates(results, variant)
        for seed in EDGE_SEEDS
    ]


def _finder() -> list[Run]:
    return [
        Run("finder", variant, "short", None, seed)
        for variant in FINDER_VARIANTS
        for seed in FINDER_SEEDS
    ]


def _decay(results: Results) -> list[Run]:
    return [
        Run("decay", variant, "long", lr, seed, weight_decay)
        for variant in DECAY_VARIANTS
        if (lr := tuned_lr(results, variant, "long")) is not None
        for weight_decay in WEIGHT_DECAYS
        for seed in SEEDS
    ]
