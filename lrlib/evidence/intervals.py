"""Intervals of a difference that include the choice of the rates, and not its evaluation alone.

Tuning again, with other seeds, would sometimes choose another rate. So a difference is drawn many
times: for each side the tuning means are drawn around what was found, the best of the evaluated
rates is taken, and then the mean over fresh seeds is drawn at that rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

_DRAWS = 4000
# Holm's correction divides by the number of verdicts, so it asks about the far ends of a tail.
_DRAWS_OF_TAIL = 100_000

Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Side:
    """What one side of a comparison is judged by.

    Args:
        tuning: The scores of the tuning seeds by rate, the higher the better; at least two for
            each evaluated rate, and the same number for all.
        evaluated: What is compared, by rate: the values of fresh seeds, at least two.
    """

    tuning: Mapping[float, Sequence[float]]
    evaluated: Mapping[float, Sequence[float]]

    def draw(
        self, generator: np.random.Generator, count: int = _DRAWS, spread: bool = False
    ) -> np.ndarray:
        """Draw what tuning and evaluating once more might give, float64, shape (count,).

        It is the mean over fresh seeds, or with `spread` their standard deviation.
        """
        rates = sorted(self.evaluated)
        draw = _drawn_spread if spread else _drawn_mean
        drawn = np.stack([draw(self.evaluated[lr], generator, count) for lr in rates])
        return drawn[self._chosen(rates, generator, count), np.arange(count)]

    def _chosen(
        self, rates: Sequence[float], generator: np.random.Generator, count: int
    ) -> np.ndarray:
        """Draw which rate tuning would choose; all rates of the grid have the same noise."""
        if len(rates) == 1:
            return np.zeros(count, dtype=int)
        seeds = {len(scores) for scores in self.tuning.values()}.pop()
        noise = fmean(stdev(scores) ** 2 for scores in self.tuning.values()) ** 0.5
        freedom = len(self.tuning) * (seeds - 1)
        spread = noise / seeds**0.5 * generator.standard_t(freedom, (len(rates), count))
        found = np.array([[fmean(self.tuning[lr])] for lr in rates])
        return np.argmax(found + spread, axis=0)


def _drawn_mean(values: Sequence[float], generator: np.random.Generator, count: int) -> np.ndarray:
    error = stdev(values) / len(values) ** 0.5
    return fmean(values) + error * generator.standard_t(len(values) - 1, count)


def _drawn_spread(
    values: Sequence[float], generator: np.random.Generator, count: int
) -> np.ndarray:
    freedom = len(values) - 1
    return stdev(values) * np.sqrt(freedom / generator.chisquare(freedom, count))


def _values(side: Side) -> list[tuple[float, ...]]:
    return [(lr, *values) for lr, values in sorted(side.evaluated.items())]


def _drawn(left: Side, right: Side, spread: bool, count: int = _DRAWS) -> np.ndarray:
    """The same differences at each call, and their mirror image if the sides change places.

    So no verdict depends on luck of its own.
    """
    first, second = sorted((left, right), key=_values, reverse=True)
    generator = np.random.default_rng(0)
    drawn = first.draw(generator, count, spread) - second.draw(generator, count, spread)
    return drawn if first is left else -drawn


def difference(left: Side, right: Side, spread: bool = False) -> Interval:
    """Return the mean of left − right, or of their spreads, and the ends of its 95 % interval.

    Example:
        >>> left = Side({0.1: [0.70, 0.72]}, {0.1: [71.0, 72.0, 71.5, 71.7]})
        >>> right = Side({0.2: [0.69, 0.71]}, {0.2: [70.0, 71.0, 70.4, 70.3]})
        >>> [round(value, 1) for value in difference(left, right)]
        [1.1, 0.2, 2.1]
    """
    drawn = _drawn(left, right, spread)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(drawn.mean()), float(low), float(high)


def difference_of_means(left: Sequence[float], right: Sequence[float]) -> Interval:
    """Return the difference of two means and the ends of its 95 % interval; nothing was tuned."""
    return difference(Side({}, {1.0: left}), Side({}, {1.0: right}))


def tail(left: Side, right: Side, threshold: float, spread: bool = False) -> float:
    """Return how surprising the difference is if the truth is the threshold: a two-sided p."""
    above = float(np.mean(_drawn(left, right, spread, _DRAWS_OF_TAIL) > threshold))
    return max(2 * min(above, 1 - above), 2 / _DRAWS_OF_TAIL)


def holm(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Say which of several verdicts stand when all of them are judged at once (Holm 1979).

    The smallest p must be below the level divided by their number, the next one below the level
    divided by one less, and so on until the first that fails.

    Example:
        >>> holm([0.04, 0.001, 0.03])
        [False, True, False]
    """
    stand = [False] * len(p_values)
    for done, index in enumerate(np.argsort(p_values)):
        if p_values[index] > level / (len(p_values) - done):
            break
        stand[index] = True
    return stand
