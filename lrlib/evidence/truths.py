"""What training at a rate would have brought, from the recorded runs of a grid of rates."""

import math
from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np

from lrlib.evidence import study
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.study import Cell


@dataclass(frozen=True)
class Truth:
    """How well runs of a cell ended, by their rate.

    Args:
        lrs: The rates, rising.
        gains: What a run at each reached above guessing, the mean over its seeds.
    """

    lrs: tuple[float, ...]
    gains: tuple[float, ...]

    @property
    def best_lr(self) -> float:
        return self.lrs[int(np.argmax(self.gains))]

    def regret(self, lr: float) -> float:
        """Return what is lost at a rate, as a share of the best gain: 0 at the best rate."""
        if lr < self.lrs[0]:
            gain = self.gains[0] * lr / self.lrs[0]
        else:
            gain = float(np.interp(math.log(lr), np.log(self.lrs), self.gains))
        return 1 - gain / max(self.gains)


@cache
def truths(setting: str) -> dict[Cell, Truth]:
    """Return what the recorded runs say of each cell whose grid is complete."""
    recorded = Recorded(setting)
    found = {of: _truth(recorded, of) for of in study.searched_cells(setting)}
    return {of: known for of, known in found.items() if known is not None}


def moves(setting: str) -> list[float]:
    """Return how far the best rate moves from the shorter to the longer run, in doublings.

    One number for each strategy whose grid is complete at both lengths.
    """
    shorter, longer = SETTINGS[setting].searched
    best = {(of.strategy, of.length): truth.best_lr for of, truth in truths(setting).items()}
    return [
        math.log2(best[strategy, longer] / lr)
        for (strategy, length), lr in best.items()
        if length == shorter and (strategy, longer) in best
    ]


def _truth(recorded: Recorded, of: Cell) -> Truth | None:
    by_rate: dict[float, list[float]] = {}
    for stage in ("tuning", "far"):
        for row in recorded.runs(stage, of.strategy, of.length):
            by_rate.setdefault(row.lr, []).append(row.score - recorded.setting.guessing)
    if not {*study.rates(recorded.results, of), *study.far_rates(of)} <= set(by_rate):
        return None
    lrs = tuple(sorted(by_rate))
    return Truth(lrs, tuple(fmean(by_rate[lr]) for lr in lrs))
