"""The study as data: which runs there are to be, and which of them come next.

`missing` is its whole logic: from the runs that are recorded it says which are to be made next.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from lrlib.evidence.settings import LEADING, SEARCHED, SETTINGS, WEIGHT_DECAYS, Setting
from lrlib.evidence.strategies import STRATEGIES, Strategy

# No seed is used for both: a rate that was chosen on a seed looks better on it than it is.
TUNING_SEEDS = (100, 101)
REFINING_SEEDS = (102, 103)
SEEDS = tuple(range(10))
FIRST_SEEDS = SEEDS[:6]  # the first edition's verdicts were computed with these at first

# Every machine that records makes these, so that machines can be compared.
CALIBRATION = ("cnn-mean", "warmup-cosine", "short", 0.1)


@dataclass(frozen=True, order=True)
class Run:
    """One training run; two equal ones are never recorded both.

    Args:
        stage: "tuning" (judged on validation alone), "far" (the same, at rates that only a finder
            would take), "evaluation" (fresh seeds), "edge", "finder", or "calibration".
        setting: A key of `SETTINGS`.
        strategy: A key of `STRATEGIES`.
        length: The name of a length of the setting.
        peak_lr: The optimizer's rate, positive. `None` takes what the finder suggests.
        weight_decay: As the optimizer takes it, at least 0.
        seed: Decides the weights, the order of the examples and the augmentation.
    """

    stage: str
    setting: str
    strategy: str
    length: str
    peak_lr: float | None
    weight_decay: float
    seed: int

    @property
    def where(self) -> Setting:
        return SETTINGS[self.setting]

    @property
    def how(self) -> Strategy:
        return STRATEGIES[self.strategy]

    @property
    def steps(self) -> int:
        return self.where.lengths[self.length]

    @property
    def judged(self) -> int:
        """How often it is judged on validation data."""
        return self.where.judgements(self.length)


# What the study needs to know of the recorded runs: how well each ended, the higher the better.
Results = Mapping[Run, float]


@dataclass(frozen=True)
class Cell:
    """One strategy in one setting at one length and weight decay: what a peak rate is tuned for."""

    setting: str
    strategy: str
    length: str
    weight_decay: float

    def run(self, stage: str, peak_lr: float | None, seed: int) -> Run:
        return Run(
            *(stage, self.setting, self.strategy, self.length),
            *(peak_lr, self.weight_decay, seed),
        )


def cell(setting: str, strategy: str, length: str, weight_decay: float | None = None) -> Cell:
    """Name a cell; the weight decay is the setting's usual one where none is given."""
    if weight_decay is None:
        weight_decay = SETTINGS[setting].usual_weight_decay(strategy)
    return Cell(setting, strategy, length, weight_decay)


def cells(setting: str) -> list[Cell]:
    """List the cells of a setting, the most telling ones first."""
    strategies = SETTINGS[setting].strategies
    return [cell(setting, name, length) for length, names in strategies.items() for name in names]


def searched_cells(setting: str) -> list[Cell]:
    """List the cells that say what a finder's suggestions are worth in a setting."""
    lengths = SETTINGS[setting].searched
    return [cell(setting, name, length) for length in lengths for name in SEARCHED]


def far_rates(of: Cell) -> tuple[float, ...]:
    """Return rates far below and above a first grid, where suggestions may lie."""
    grid = SETTINGS[of.setting].first_rates(of.strategy)
    return (grid[0] / 64, grid[0] / 8, grid[-1] * 4)


def weight_decay_cells(of: Cell) -> list[Cell]:
    """List the cells of a strategy whose weight decay is tuned, one for each decay."""
    tried = WEIGHT_DECAYS[STRATEGIES[of.strategy].optimizer]
    return [cell(of.setting, of.strategy, of.length, weight_decay) for weight_decay in tried]


def tuned_weight_decay(results: Results, of: Cell) -> Cell | None:
    """Return the cell of the best weight decay, by the tuning seeds that all of them have.

    Returns:
        The cell; `None` while the tuning is not complete.
    """
    best: dict[Cell, float] = {}
    for each in weight_decay_cells(of):
        grid = rates(results, each)
        scores = _scores(results, each, grid, TUNING_SEEDS)
        if scores is None:
            return None
        best[each] = max(scores)
    return max(best, key=lambda each: best[each])


def _first_grid(results: Results, of: Cell) -> tuple[float, ...]:
    """Return the grid that a cell is tuned on, before it grows.

    Where the rate is tuned for something else already, at another weight decay or in a shorter run,
    three rates around that one begin; none while it is not tuned.
    """
    usual = cell(of.setting, of.strategy, "long")
    if of.length != "longer" and of.weight_decay == usual.weight_decay:
        return tuple(SETTINGS[of.setting].first_rates(of.strategy))
    centre = tuned_lr(results, usual)
    return () if centre is None else (centre / 2, centre, centre * 2)


def _refined(of: Cell) -> int:
    """How many of a cell's best rates get more seeds: none where three rates were enough."""
    where = SETTINGS[of.setting]
    usual = of.weight_decay == where.usual_weight_decay(of.strategy)
    return where.refined if usual and of.length != "longer" else 0


def rates(results: Results, of: Cell) -> tuple[float, ...]:
    """Return the grid of a cell, with what was added to it where the best lay at an end."""
    grid = _first_grid(results, of)
    while True:
        scores = _scores(results, of, grid, TUNING_SEEDS)
        if scores is None:
            return grid
        best = scores.index(max(scores))
        if best == 0:
            grid = (grid[0] / 2, *grid)
        elif best == len(grid) - 1:
            grid = (*grid, grid[-1] * 2)
        else:
            return grid


def refined_rates(results: Results, of: Cell) -> tuple[float, ...]:
    """Return the best rates of a grid, the ones that get more tuning seeds; none before all ran."""
    grid = rates(results, of)
    scores = _scores(results, of, grid, TUNING_SEEDS)
    if scores is None:
        return ()
    ranked = sorted(zip(scores, grid, strict=True), reverse=True)
    return tuple(sorted(rate for _, rate in ranked[: _refined(of)]))


def tuned_lr(results: Results, of: Cell) -> float | None:
    """Return the best rate of a grid: the mean over the tuning seeds decides.

    Where the best rates got more seeds, the choice is among these.

    Returns:
        The rate, a float; `None` while the tuning is not complete.
    """
    grid, seeds = last_choice(results, of)
    scores = _scores(results, of, grid, seeds)
    return None if scores is None else grid[scores.index(max(scores))]


def close_rates(results: Results, of: Cell) -> tuple[float, ...]:
    """Return the rates that fresh seeds run at: the tuned one, and one that may be as good.

    A rate next to the tuned one is too close to call if it lies below it by less than the standard
    error of the difference between two means. Where both neighbours are, the better one is taken:
    a third rate would cost another ten runs, and would rarely be chosen.
    """
    best = tuned_lr(results, of)
    if best is None:
        return ()
    if not _refined(of):
        return (best,)
    grid, seeds = last_choice(results, of)
    drawn = {lr: [results[of.run("tuning", lr, seed)] for seed in seeds] for lr in grid}
    noise = fmean(stdev(values) ** 2 for values in drawn.values())
    border = fmean(drawn[best]) - (2 * noise / len(seeds)) ** 0.5
    beside = [lr for lr in grid if lr != best and best / 2 <= lr <= best * 2]
    close = [lr for lr in beside if fmean(drawn[lr]) > border]
    return tuple(sorted([best, *sorted(close, key=lambda lr: -fmean(drawn[lr]))[:1]]))


def last_choice(results: Results, of: Cell) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the rates among which the last choice is made, and the seeds that make it."""
    if _refined(of):
        return refined_rates(results, of), TUNING_SEEDS + REFINING_SEEDS
    return rates(results, of), TUNING_SEEDS


def _scores(
    results: Results, of: Cell, grid: Collection[float], seeds: Sequence[int]
) -> list[float] | None:
    runs = [[of.run("tuning", lr, seed) for seed in seeds] for lr in grid]
    if not runs or any(run not in results for row in runs for run in row):
        return None
    return [fmean(results[run] for run in row) for row in runs]


def missing(results: Results, setting: str) -> Iterator[Run]:
    """Yield the runs that a setting still wants, the most urgent first.

    Some wait for others: the grids grow where their best rate is at an end, and fresh seeds need
    the tuned rates. Call it again when a run has ended.
    """
    compared, searched = cells(setting), searched_cells(setting)
    usual = [cell(setting, name, "long") for name in SETTINGS[setting].weight_decays]
    decayed = [each for of in usual for each in weight_decay_cells(of)]
    wanted = [
        *_tuning(results, searched, rates, TUNING_SEEDS[:1]),
        *(of.run("far", lr, TUNING_SEEDS[0]) for of in searched for lr in far_rates(of)),
        *_tuning(results, searched, rates, TUNING_SEEDS[1:]),
        *_tuning(results, compared, rates, TUNING_SEEDS),
        *_tuning(results, compared, refined_rates, REFINING_SEEDS),
        *_evaluation(results, compared),
        *_tuning(results, decayed, rates, TUNING_SEEDS),
        *_evaluation(results, [best for of in usual if (best := tuned_weight_decay(results, of))]),
    ]
    return (run for run in dict.fromkeys(wanted) if run not in results)


def urgency(run: Run) -> tuple[int, int]:
    """Say how soon a run is wanted, in whatever setting: (0, 0) is the soonest.

    First one seed of what judges the finder, then the leading strategies at the length that every
    setting has, then the others one by one: so claims can be judged before the tables are full.
    """
    searched = run.strategy in SEARCHED and run.length in run.where.searched
    if run.stage == "far" or (searched and run.seed == TUNING_SEEDS[0]):
        return 0, 0
    if run.strategy in LEADING and run.length == "long":
        return 1, 0
    return 2, [*run.where.strategies.get(run.length, ()), run.strategy].index(run.strategy)


def steps_waiting(results: Results, setting: str) -> int:
    """Return how many steps wait for tuned rates: no run of `missing` is counted."""
    waiting = [of for of in cells(setting) if tuned_lr(results, of) is None]
    return sum(
        SETTINGS[setting].lengths[of.length]
        * (SETTINGS[setting].fresh + _refined(of) * len(REFINING_SEEDS))
        for of in waiting
    )


def _tuning(
    results: Results,
    wanted: Sequence[Cell],
    rates_of: Callable[[Results, Cell], Sequence[float]],
    seeds: Sequence[int],
) -> list[Run]:
    return [
        of.run("tuning", lr, seed)
        for of in wanted
        for lr in rates_of(results, of)
        for seed in seeds
    ]


def _evaluation(results: Results, wanted: Sequence[Cell]) -> list[Run]:
    # Cells of one setting have the same seeds; ten come first, as many as all settings have.
    return [
        of.run("evaluation", lr, seed)
        for seed in range(max((SETTINGS[of.setting].fresh for of in wanted), default=0))
        for of in wanted
        for lr in close_rates(results, of)
    ]


def calibration() -> list[Run]:
    """List the runs that every machine makes."""
    setting, strategy, length, lr = CALIBRATION
    return [cell(setting, strategy, length).run("calibration", lr, seed) for seed in SEEDS]
