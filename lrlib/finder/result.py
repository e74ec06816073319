"""What a range test returns: the rates, the losses, and what one can read from them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lrlib.finder.rules import FEWEST_POINTS, RULES, Descent, read_descent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class RangeTest:
    r"""The losses of a learning-rate range test, and what they suggest.

    Args:
        lrs: The learning rates, positive and rising, float64, shape (n,). With several parameter
            groups, the rates of the group with the largest one.
        losses: The raw loss of each step, before its update, float64, shape (n,).
        stopped: Why the test ended, a sentence.
        moved: Whether any parameter of the optimizer changed during the test.

    Raises:
        ValueError: The arrays do not fit each other, or the rates are not positive and rising.

    Example:
        >>> lrs = np.geomspace(1e-5, 10, 100)
        >>> losses = 2.3 - 1.5 / (1 + (0.001 / lrs) ** 2) + lrs**2
        >>> test = RangeTest(lrs, losses, "completed: all 100 rates were tried")
        >>> for method in ("halfway", "steepest", "valley", "minimum/10"):
        ...     print(f"{method}: {test.suggest(method):.2g}")
        halfway: 0.027
        steepest: 0.001
        valley: 0.0015
        minimum/10: 0.0035
    """

    lrs: np.ndarray
    losses: np.ndarray
    stopped: str
    moved: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lrs", np.asarray(self.lrs, dtype=float))
        object.__setattr__(self, "losses", np.asarray(self.losses, dtype=float))
        if self.lrs.ndim != 1 or self.lrs.shape != self.losses.shape:
            raise ValueError(
                "lrs and losses must be one-dimensional and equally long, got the shapes "
                f"{self.lrs.shape} and {self.losses.shape}; pass one loss for each rate"
            )
        if not (np.all(self.lrs > 0) and np.all(np.diff(self.lrs) > 0)):
            raise ValueError("lrs must be positive and rising; sort the points by their rate")

    def suggest(self, method: str = "halfway") -> float:
        r"""Suggest a learning rate from the curve; nothing is set.

        Let :math:`x` be the logarithm of the rate and :math:`L(x)` the smoothed loss. It falls from
        :math:`L_0`, the median of the raw losses over the first tenth of the range of :math:`x`,
        to its smallest value :math:`L_{\min}` at :math:`x_{\min}`.

        - "halfway" is the middle of the valley at half of its depth: the median of the :math:`x`
          where :math:`L(x) < (L_0 + L_{\min}) / 2`. Where the loss is still low at the last rate,
          the valley ends there and the answer depends on it: test with a larger `end_lr`.
        - "steepest" is the middle of the steepest part: the median of the :math:`x \le x_{\min}`
          where :math:`L'(x) \le 0.8 \min L'`.
        - "valley" is two thirds of the way along the descent: :math:`(x_a + 2 x_b) / 3`, where
          :math:`x_a \le x_{\min}` is the last with less than a tenth of the fall done, and
          :math:`x_b` the first with nine tenths done.
        - "minimum/10" is a tenth of the rate at the minimum, where that is the median of the
          :math:`x` at which :math:`L(x) - L_{\min}` is within the noise of one raw loss.

        Smoothing takes the median, then a weighted mean, of a window of about a tenth of the
        points around each. The windows are centred, so that the curve is not shifted.

        Args:
            method: "halfway", "steepest", "valley" or "minimum/10".

        Returns:
            The learning rate, a float.

        Raises:
            ValueError: The method is unknown, or there is no descent to read: no parameter moved,
                there are fewer than 30 finite points, or the fall of the loss is not more than 5
                times its noise, which is at least what float32 rounds off.

        Source:
            "halfway" is lrlib's own. The others are readings of `steep`, `valley` and `minimum` in
            fastai's `lr_find` (Howard and Gugger 2020) that noise moves little. fastai's valley is
            the longest descending subsequence of the raw losses; here its ends are marked by the
            fall itself, and the two thirds are those of fastai's documentation.
        """
        if method not in RULES:
            raise ValueError(f"method must be one of {', '.join(RULES)}, got {method!r}")
        return RULES[method](self._descent())

    def _descent(self) -> Descent:
        """Return what suggestions are read from; a `ValueError` says why there is none."""
        if not self.moved:
            raise ValueError(
                "no parameter changed during the test, so the losses say nothing about the rate; "
                "check that the optimizer holds the parameters of this model, and that the step "
                "calls backward and optimizer.step"
            )
        count = int(np.isfinite(self.losses).sum())
        if count < FEWEST_POINTS:
            raise ValueError(
                f"a suggestion needs at least {FEWEST_POINTS} finite losses, got {count} "
                f"({self.stopped}); {_advice(count, self.stopped)}"
            )
        return read_descent(self.lrs, self.losses)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the raw and the smoothed losses, and mark the four suggestions.

        Where there is no descent to read, the reason is written instead.

        Args:
            ax: Where to draw. `None` makes a figure with `matplotlib.pyplot.subplots`.

        Returns:
            The axes that were drawn on.

        Example:
            >>> from lrlib import plots
            >>> lrs = np.geomspace(1e-5, 10, 100)
            >>> figure, (ax,) = plots.panels()
            >>> ax = RangeTest(lrs, 2 - lrs**0.2 + lrs**2, "completed").plot(ax)
            >>> ax.get_xlabel()
            'learning rate (log scale)'
        """
        from lrlib.finder.drawing import draw  # here, so that a test alone needs no matplotlib

        return draw(self, ax)


def _advice(count: int, stopped: str) -> str:
    if count == 0:
        return "not even the lowest rate gave one, so check the model, the loss and the data"
    if stopped.startswith("completed"):
        return f"take {FEWEST_POINTS} steps or more"
    return "end at a smaller end_lr, before the loss blows up, or take more steps"
