"""The recorded runs of one setting, and what figures, tables and claims ask of them."""

from collections.abc import Collection, Sequence
from statistics import fmean

import numpy as np

from lrlib._extras import extra
from lrlib.evidence import rows, study
from lrlib.evidence.intervals import Interval
from lrlib.evidence.rows import Row
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.study import Cell

with extra("evidence", "the recorded study"):
    from scipy import stats


class Recorded:
    """The recorded runs of one setting; `lrlib.evidence` explains the words of the study.

    In the methods `strategy` is a key of `lrlib.evidence.strategies.STRATEGIES`, and `length` the
    name of one of the setting's lengths, such as "long"; any other raises a `ValueError` that lists
    them, but `strategies` returns an empty list. A `weight_decay` of `None` is the one that the
    setting usually gives to the strategy's optimizer. The attribute `rows` has all rows.

    Args:
        setting: A key of `lrlib.evidence.settings.SETTINGS`.
        runs: Its rows, one per run. `None` reads those that come with lrlib.

    Raises:
        ValueError: The setting is unknown, or a row is faulty; the message names file and line.

    Example:
        >>> recorded = Recorded("cnn-max")
        >>> {row.dataset for row in recorded.rows}
        {'CIFAR-10'}
        >>> recorded.tuned_lr("cosine", "long")
        0.05
    """

    def __init__(self, setting: str, runs: Sequence[Row] | None = None) -> None:
        if setting not in SETTINGS:
            raise ValueError(f"setting must be one of {', '.join(SETTINGS)}, got {setting!r}")
        self.name, self.setting = setting, SETTINGS[setting]
        self.rows = rows.read(rows.file_of(setting)) if runs is None else list(runs)
        self.results = rows.results(self.rows)

    def cell(self, strategy: str, length: str, weight_decay: float | None = None) -> Cell:
        """Return a cell: one strategy in this setting, at a length and weight decay."""
        _expect("strategy", strategy, STRATEGIES)
        _expect("length", length, self.setting.lengths)
        return study.cell(self.name, strategy, length, weight_decay)

    def runs(
        self, stage: str, strategy: str, length: str, weight_decay: float | None = None
    ) -> list[Row]:
        """Return the rows of one stage, such as "tuning" or "evaluation"; the list may be empty."""
        return rows.select(self.rows, stage, self.cell(strategy, length, weight_decay))

    def tuned_lr(self, strategy: str, length: str) -> float | None:
        """Return the tuned peak rate, a float, or `None` if tuning runs are missing."""
        return study.tuned_lr(self.results, self.cell(strategy, length))

    def evaluated(
        self, strategy: str, length: str, weight_decay: float | None = None, lr: float | None = None
    ) -> list[Row]:
        """Return the rows of the runs with fresh seeds at the tuned rate, or at the rate `lr`.

        Raises:
            ValueError: No such run is recorded.
        """
        # Another weight decay is tried at the rate that was tuned for the usual one.
        rate = self.tuned_lr(strategy, length) if lr is None else lr
        found = self.runs("evaluation", strategy, length, weight_decay)
        chosen = [row for row in found if row.lr == rate]
        if not chosen:
            raise ValueError(
                f"{self.name} has no runs of {strategy!r} at the length {length!r} with fresh "
                f"seeds and the rate {rate}; the setting has the lengths "
                f"{', '.join(self.setting.lengths)}, and at {length!r} it asks for the strategies "
                f"{', '.join(self.strategies(length)) or 'none'}; `make record` makes missing runs"
            )
        return chosen

    def diverged(self, strategy: str, length: str) -> tuple[int, int]:
        """Return how many of the runs with fresh seeds at the tuned rate diverged, and of how many.

        Raises:
            ValueError: No such run is recorded.
        """
        found = self.evaluated(strategy, length)
        return sum(row.diverged for row in found), len(found)

    def strategies(self, length: str) -> list[str]:
        """Return the keys of the strategies compared at a length; the list may be empty."""
        return list(self.setting.strategies.get(length, ()))

    def tuning(
        self, strategy: str, length: str
    ) -> tuple[list[float], list[float], list[tuple[float, float, bool]]]:
        """Return how the tuning runs of a strategy ended, at all rates of its grid.

        Returns:
            Three lists: the rates, rising; for each rate the mean of `value` over the tuning seeds;
            and for each run its rate, its `value`, and whether it diverged.

        Raises:
            ValueError: A rate of the grid has no runs.
        """
        grid = study.rates(self.results, self.cell(strategy, length))
        points = [
            (row.lr, self.value(row), row.diverged) for row in self.runs("tuning", strategy, length)
        ]
        if {lr for lr, _, _ in points} != set(grid):
            raise ValueError(
                f"{self.name} lacks rates of the grid of {strategy!r} at the length {length!r}; "
                "run `make record`"
            )
        means = [fmean(value for lr, value, _ in points if lr == rate) for rate in grid]
        return list(grid), means, points

    def near_best(self, strategy: str, length: str) -> list[float]:
        """Return the rates of a grid whose mean accuracy is within 1 point of the best mean.

        Raises:
            ValueError: A rate of the grid has no runs.
        """
        grid, means, _ = self.tuning(strategy, length)
        return [lr for lr, mean in zip(grid, means, strict=True) if mean >= max(means) - 1]

    def value(self, row: Row, judged: int | None = None) -> float:
        """Return a run's validation accuracy in percent, a float.

        A run that diverged counts as guessing. The settings "text" and "sparse" measure no
        accuracy: their runs have no value.

        Args:
            row: The run.
            judged: When it was judged: 1 for the first time, such as after the first epoch. `None`
                takes the last time.

        Raises:
            IndexError: The run wasn't judged so often, or its setting measures no accuracy.
        """
        if row.diverged:
            return 100 * self.setting.chance
        return 100 * row.val_accuracy[-1 if judged is None else judged - 1]

    def beside(self, stage: str, strategy: str) -> list[Row]:
        """Return the short runs of a side check, "finder" or "edge", of the setting "cnn-max".

        Raises:
            ValueError: No such run is recorded.
        """
        found = self.runs(stage, strategy, "short")
        if not found:
            raise ValueError(f"{self.name} has no {stage} runs of {strategy!r}; run `make record`")
        return found


def _expect(what: str, given: str, known: Collection[str]) -> None:
    if given not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, got {given!r}")


Pair = tuple[int, str]
Values = dict[Pair, float]


def pair(row: Row) -> Pair:
    """Return what two runs must share to be compared as a pair: the seed, and the hardware."""
    return row.run.seed, row.machine


def subtract(left: Values, right: Values) -> list[float]:
    """Subtract within each pair, in the order of the seeds.

    Raises:
        ValueError: A seed is recorded on one side alone, or there are fewer than two pairs.
    """
    machines = {machine for _, machine in left} & {machine for _, machine in right}
    alone = sorted({seed for seed, machine in left.keys() ^ right.keys() if machine in machines})
    if alone:
        seeds = ", ".join(map(str, alone))
        raise ValueError(f"recorded for one of the two alone: seed {seeds}; run `make record`")
    pairs = sorted(left.keys() & right.keys())
    if len(pairs) < 2:
        raise ValueError(
            f"a difference needs 2 pairs of runs, got {len(pairs)} seeds in common that ran on the "
            "same hardware; run `make record`"
        )
    return [left[each] - right[each] for each in pairs]


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of at least two values and the ends of its 95 % interval (Student's t)."""
    mean = float(np.mean(values))
    reach = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return mean, mean - reach, mean + reach
