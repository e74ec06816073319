"""What the first edition ran beside its comparison: the edge, the finder, other rates and more.

All of it is in the setting "cnn-max".
"""

from lrlib.evidence import study
from lrlib.evidence.study import SEEDS, Cell, Results, Run, tuned_lr

SETTING = "cnn-max"

# The largest rate that still trains, with and without warm-up. More rates are added until the
# largest one fails for every seed.
EDGE_STRATEGIES = ("cosine", "warmup-cosine")
EDGE_RATES = tuple(0.05 * 2**power for power in range(8))
EDGE_SEEDS = tuple(range(6))
TRAINS = 0.3  # validation accuracy; chance is 0.1

# The finder's suggestion is trained with, for these.
FINDER_STRATEGIES = ("fixed", "cosine")
FINDER_SEEDS = tuple(range(10))

# Each of the two also runs at the other's tuned rate.
SWAPPED = ("fixed", "cosine")

# The side check: other weight decays at the tuned rates of the longer run.
OTHER_WEIGHT_DECAYS = (0.0, 5e-3)
OTHER_WEIGHT_DECAY_STRATEGIES = ("fixed", "cosine")


def missing(results: Results) -> list[Run]:
    """List the runs that are still wanted, as far as the tuned rates are known."""
    wanted = [*_swapped(results), *_edge(results), *_finder(), *_other_weight_decays(results)]
    return [run for run in wanted if run not in results]


def _cell(strategy: str, length: str, weight_decay: float | None = None) -> Cell:
    return study.cell(SETTING, strategy, length, weight_decay)


def _swapped(results: Results) -> list[Run]:
    return [
        _cell(strategy, length).run("evaluation", other_lr, seed)
        for strategy, other in (SWAPPED, SWAPPED[::-1])
        for length in ("short", "long")
        if (other_lr := tuned_lr(results, _cell(other, length))) is not None
        for seed in SEEDS
    ]


def edge_rates(results: Results, strategy: str) -> tuple[float, ...]:
    """Return the rates at which the edge of a strategy was looked for, the last of which fails."""
    grid, of = EDGE_RATES, _cell(strategy, "short")
    while True:
        last = [of.run("edge", grid[-1], seed) for seed in EDGE_SEEDS]
        if any(run not in results for run in last):
            return grid
        if all(results[run] < TRAINS for run in last):
            return grid
        grid = (*grid, grid[-1] * 2)


def _edge(results: Results) -> list[Run]:
    return [
        _cell(strategy, "short").run("edge", lr, seed)
        for strategy in EDGE_STRATEGIES
        for lr in edge_rates(results, strategy)
        for seed in EDGE_SEEDS
    ]


def _finder() -> list[Run]:
    return [
        _cell(strategy, "short").run("finder", None, seed)
        for strategy in FINDER_STRATEGIES
        for seed in FINDER_SEEDS
    ]


def _other_weight_decays(results: Results) -> list[Run]:
    return [
        _cell(strategy, "long", weight_decay).run("evaluation", lr, seed)
        for strategy in OTHER_WEIGHT_DECAY_STRATEGIES
        if (lr := tuned_lr(results, _cell(strategy, "long"))) is not None
        for weight_decay in OTHER_WEIGHT_DECAYS
        for seed in SEEDS
    ]
