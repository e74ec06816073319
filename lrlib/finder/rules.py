"""The reading of a curve: its descent, or why there is none, and the rules that suggest a rate."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FEWEST_POINTS = 30
# On flat curves of 30 to 300 noisy points the apparent fall stays below 5 times the noise.
_SMALLEST_FALL = 5.0


class Descent(NamedTuple):
    """A curve that falls from its start to its bottom by more than its noise.

    Args:
        lrs: The learning rates whose loss is finite.
        loss: The smoothed loss at each of them.
        start: The loss that the fall is measured from.
        bottom: Where the smoothed loss is smallest, an index.
        noise: The standard deviation of one raw loss around the curve.
    """

    lrs: np.ndarray
    loss: np.ndarray
    start: float
    bottom: int
    noise: float


def finite(lrs: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a curve whose loss is finite."""
    chosen = np.isfinite(losses)
    return lrs[chosen], losses[chosen]


def read_descent(lrs: np.ndarray, losses: np.ndarray) -> Descent:
    """Return the descent of a curve; a `ValueError` says why it has none."""
    lrs, losses = finite(lrs, losses)
    count = len(losses)
    if count < FEWEST_POINTS:
        raise ValueError(
            f"a suggestion needs at least {FEWEST_POINTS} finite losses, got {count}; take "
            "more steps, or a smaller end_lr if the loss blew up"
        )
    loss = _smooth(losses)
    bottom = int(loss.argmin())
    first_tenth = int(np.searchsorted(lrs, lrs[0] ** 0.9 * lrs[-1] ** 0.1))
    start = float(np.median(losses[: max(7, first_tenth)]))
    # What comes after the bottom is no noise.
    noise = noise_of(losses[: max(bottom + 1, count // 2)], start)
    fall = start - float(loss[bottom])
    if not fall > _SMALLEST_FALL * noise:
        raise ValueError(
            f"the loss falls by {max(fall, 0.0):.3g} from its start, where its noise is "
            f"{noise:.3g}, and a fall must be more than {_SMALLEST_FALL:g} times the noise; "
            "look at the plot, then try another range of rates or larger batches"
        )
    return Descent(lrs, loss, start, bottom, noise)


def noise_of(losses: Sequence[float] | np.ndarray, level: float) -> float:
    """Return the standard deviation of one loss, at least what float32 rounds off at the level."""
    # Neighbours differ by two draws of the noise.
    differences = np.abs(np.diff(losses))
    noise = float(1.4826 * np.median(differences) / math.sqrt(2))
    return max(noise, float(np.finfo(np.float32).eps) * abs(level))


def _smooth(losses: np.ndarray) -> np.ndarray:
    reach = max(3, len(losses) // 20)
    width = 2 * reach + 1
    # Padding with the median of an end lets no spike at the end through.
    padded = np.pad(losses, reach, mode="median", stat_length=width)
    return _weighted_mean(np.median(sliding_window_view(padded, width), axis=-1), reach)


def _weighted_mean(values: np.ndarray, reach: int) -> np.ndarray:
    weights = np.hanning(2 * reach + 3)[1:-1]
    windows = sliding_window_view(np.pad(values, reach, mode="reflect"), 2 * reach + 1)
    return windows @ (weights / weights.sum())


def _middle(lrs: np.ndarray, chosen: np.ndarray) -> float:
    """Return the median of the chosen rates on the logarithmic axis, whatever their spacing."""
    x = np.log(lrs)
    weights = np.gradient(x) * chosen
    return math.exp(np.interp(weights.sum() / 2, np.cumsum(weights) - weights / 2, x))


def _halfway(curve: Descent) -> float:
    return _middle(curve.lrs, curve.loss < (curve.start + curve.loss[curve.bottom]) / 2)


def _steepest(curve: Descent) -> float:
    # A slope is noisier than a value: it is taken from a curve that is smoothed once more.
    smoother = _weighted_mean(curve.loss, len(curve.loss) // 12)
    slope = np.gradient(smoother, np.log(curve.lrs))
    slope[curve.bottom + 1 :] = 0.0
    return _middle(curve.lrs, slope <= 0.8 * slope.min())


def _valley(curve: Descent) -> float:
    descent, bottom = curve.loss[: curve.bottom + 1], curve.loss[curve.bottom]
    tenth = (curve.start - bottom) / 10
    before = np.flatnonzero(descent >= curve.start - tenth)
    begin = int(before[-1]) if len(before) else 0
    end = int(np.argmax(descent <= bottom + tenth))
    return math.exp((math.log(curve.lrs[begin]) + 2 * math.log(curve.lrs[end])) / 3)


def _minimum(curve: Descent) -> float:
    return _middle(curve.lrs, curve.loss <= curve.loss[curve.bottom] + curve.noise) / 10


# What each is, in formulas, and where it comes from, stands at `RangeTest.suggest`.
RULES: dict[str, Callable[[Descent], float]] = {
    "halfway": _halfway,
    "steepest": _steepest,
    "valley": _valley,
    "minimum/10": _minimum,
}
