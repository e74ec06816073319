"""The reading of a curve: its descent, or why there is none, and whether it has risen too far."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

FEWEST_POINTS = 30
_NOT_JUDGED = 10  # with fewer losses, neither their fall nor their noise is known
# On 400 noisy curves without a fall, of each of five lengths, the apparent fall of one in a
# thousand passed this many times the noise, at 30 points and from 100 on. Few points are smoothed
# less.
_SMALLEST_FALL = (5.0, 3.0)


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
    needed = float(np.interp(count, (FEWEST_POINTS, 100), _SMALLEST_FALL))
    if not fall > needed * noise:
        raise ValueError(
            f"the loss falls by {max(fall, 0.0):.3g} and its noise is {noise:.3g}, but on {count} "
            f"points a fall must be more than {needed:.2g} times the noise; look at the plot, then "
            "try another range of rates, more steps or larger batches"
        )
    return Descent(lrs, loss, start, bottom, noise)


def noise_of(losses: Sequence[float] | np.ndarray, level: float) -> float:
    """Return the standard deviation of one loss, at least what is rounded off at the level."""
    # Neighbours differ by two draws of the noise.
    differences = np.abs(np.diff(losses))
    size = 1.4826 * np.median(differences)
    if size == 0 and differences.any():
        # Losses of few values, such as right or wrong: most neighbours are equal, the others jump.
        jumps = differences[differences > 0]
        size = np.median(jumps) * math.sqrt(len(jumps) / len(differences))
    return max(float(size) / math.sqrt(2), _precision(losses) * abs(level))


def _precision(losses: Sequence[float] | np.ndarray) -> float:
    """Return how finely the coarsest format rounds that holds all losses, float32 at best."""
    values = torch.as_tensor(np.asarray(losses, dtype=float))
    formats = (torch.bfloat16, torch.float16)
    coarse = (kind for kind in formats if torch.equal(values.to(kind).double(), values))
    return torch.finfo(next(coarse, torch.float32)).eps


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


class Watch:
    """Watches the losses of a test and says when the last one has risen too far.

    Only differences of losses count.
    """

    def __init__(self) -> None:
        self.losses: list[float] = []
        self._average = 0.0
        self._lowest = math.inf

    def add(self, loss: float) -> str:
        """Take the next loss; say how far it rose if a fall and its noise do not explain it."""
        self.losses.append(loss)
        count, first = len(self.losses), self.losses[0]
        self._average = 0.9 * self._average + 0.1 * (loss - first)
        smoothed = first + self._average / (1 - 0.9**count)
        self._lowest = lowest = min(self._lowest, smoothed)
        start = float(np.median(self.losses[:_NOT_JUDGED]))
        fall, rise = max(start - lowest, 0.0), smoothed - lowest
        if count <= _NOT_JUDGED or rise <= 3 * fall:
            return ""
        noise = noise_of(self.losses, start)
        if rise <= 3 * fall + 10 * noise:
            return ""
        return (
            f"the running mean of the loss had risen from {lowest:.3g}, its lowest value, to "
            f"{smoothed:.3g}: by more than 3 times its fall before ({fall:.3g}) and 10 times its "
            f"noise ({noise:.3g})"
        )
