"""What a range test returns: the rates, the losses, and the rates that rules suggest."""

import math
import warnings
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from lrlib.finder.descent import FEWEST_POINTS, Descent, finite, read_descent
from lrlib.finder.rules import DEFAULT, OTHERS, OURS, RULES, STUDIED, USUAL_STEPS, WITHIN, for_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class RangeTest:
    r"""The losses of a learning-rate range test, and what they suggest.

    `range_test` returns one. You can also make one from rates and losses of your own.

    Args:
        lrs: The learning rates, positive and rising, float64, shape (n,). With several parameter
            groups, they are those of the group with the largest rate.
        losses: The raw loss of each step, before its update, float64, shape (n,).
        stopped: Why the test ended, in a sentence.
        moved: Whether any parameter of the optimizer changed during the test. If none did, there
            is no suggestion.
        planned: How many rates the test was meant to try; 0 if that isn't known.

    Raises:
        ValueError: `lrs` and `losses` are not one-dimensional and equally long, or the rates are
            not positive and rising.

    Example:
        >>> import numpy as np
        >>> lrs = np.geomspace(1e-5, 10, 100)
        >>> losses = 2.3 - 1.5 / (1 + (0.001 / lrs) ** 2) + lrs**2
        >>> test = RangeTest(lrs, losses, "completed: all 100 rates were tried")
        >>> for method in ("floor", "halfway", "fastai-valley", "lightning"):
        ...     print(f"{method}: {test.suggest(method):.2g}")
        floor: 0.0024
        halfway: 0.027
        fastai-valley: 0.004
        lightning: 0.00087
    """

    lrs: np.ndarray
    losses: np.ndarray
    stopped: str
    moved: bool = True
    planned: int = 0

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

    def suggest(
        self, method: str = DEFAULT, *, run_steps: float | None = None, decaying: bool = False
    ) -> float:
        r"""Suggest a learning rate from the curve; the optimizer stays as it is.

        Plotted over the logarithm :math:`x` of the rate, the smoothed loss :math:`L(x)` has the
        form of a valley. It falls from :math:`L_0`, the median of the raw losses over the first
        tenth of the range of :math:`x`, to its smallest value :math:`L_{\min}`. The standard
        deviation of one raw loss around the curve is its noise :math:`\sigma`. Two rules are
        lrlib's own:

        - "floor" takes the first :math:`x_f` where the loss has nearly reached the floor of the
          valley, within 5 % of its depth or half of the noise, whichever is more:

          .. math:: L(x_f) \le L_{\min} + \delta, \qquad \delta = \max(0.05\, D,\, \sigma / 2),
             \qquad D = L_0 - L_{\min}.

          That rate is taken to suit a run of 160 steps at a fixed rate, so for :math:`T` steps it
          suggests

          .. math:: \eta = d\, \sqrt{160 / T}\; e^{x_f},

          with :math:`d = 2` for the peak of a decaying rate, and 1 for a fixed one.
        - "halfway" takes the middle of the valley at half of its depth: the median of the :math:`x`
          where :math:`L(x) < (L_0 + L_{\min}) / 2`. If the loss is still low at the last rate, the
          valley is cut off there, so the answer depends on where the test ended.

        For both, each loss is smoothed over the points around it, about a tenth of all: by the
        median, then by a weighted mean. The windows are centred, so the curve isn't shifted.

        The other rules are those of other libraries, with the smoothing of each and its cuts at
        both ends of the curve: "fastai-valley", "fastai-slide", "fastai-minimum" and "fastai-steep"
        of fastai 2.8, "lightning" of Lightning 2.6, "torch-lr-finder" of torch-lr-finder 0.2. They
        answer even if the curve is flat. A library that drops the last points of a curve counts
        them from the last step that was planned: if this test ended early where the library would
        have gone on, fewer of its points are dropped, or none.

        Args:
            method: One of the rules above; the default is "floor".
            run_steps: How many steps the training will have, positive, for "floor" alone. `None`
                takes 600. The rule was fitted and checked on the study's runs, of 86 to 4,000
                steps; beyond these it is extrapolated.
            decaying: For "floor" alone: `True` suggests the peak of a rate that rises for a tenth
                of the run and then falls to zero, `False` a rate that stays fixed.

        Returns:
            The learning rate, a float. `explain` says what it is for, and how far it may be off.

        Raises:
            ValueError: The method is unknown, `run_steps` isn't positive, or a method other than
                "floor" got `run_steps` or `decaying`. Or the curve can't be read: no parameter
                moved; there are fewer than 30 finite losses; for lrlib's rules, the loss falls by
                no more than noise or rounding would explain; for the others, their
                cuts leave too few points.

        Warns:
            UserWarning: The loss is lowest at the end of the whole range: higher rates may be
                better.

        Source:
            "floor" and "halfway" are lrlib's own; the 160, the square root and the 2 were fitted to
            three settings, see the chapter on the finder. fastai's `lr_find` (Howard and Gugger,
            2020), Lightning's `Tuner.lr_find`, torch-lr-finder's `LRFinder.plot`.

        Example:
            >>> import numpy as np
            >>> lrs = np.geomspace(1e-5, 10, 100)
            >>> losses = 2.3 - 1.5 / (1 + (0.001 / lrs) ** 2) + lrs**2
            >>> test = RangeTest(lrs, losses, "completed: all 100 rates were tried")
            >>> print(f"{test.suggest():.2g}")  # 600 steps at a fixed rate
            0.0024
            >>> print(f"{test.suggest(run_steps=2400):.2g}")  # a longer run
            0.0012
            >>> print(f"{test.suggest(run_steps=2400, decaying=True):.2g}")
            0.0024
        """
        _expect_purpose(method, run_steps, decaying)
        if method in OTHERS:
            self._check()
            with suppress(ValueError):  # they answer where there is no descent, too
                self._warn_of_the_end(self._descent())
            # No running average recovers from a loss that is not a number.
            known = ~np.logical_or.accumulate(np.isnan(self.losses))
            planned = max(self.planned, len(self.losses))
            return OTHERS[method](self.lrs[known], self.losses[known], planned)
        curve = self._descent()
        self._warn_of_the_end(curve)
        lr = OURS[method](curve)
        return for_run(lr, run_steps, decaying) if method == DEFAULT else lr

    def explain(self, *, run_steps: float | None = None, decaying: bool = False) -> str:
        """Say what the suggestion of "floor" is for, and how far it may be off.

        Args:
            run_steps: How many steps the training will have, as in `suggest`.
            decaying: Whether the rate will decay, as in `suggest`.

        Returns:
            A few sentences, a string.

        Raises:
            ValueError: The curve can't be read, or `run_steps` isn't positive, as in `suggest`.

        Warns:
            UserWarning: As in `suggest`.

        Example:
            >>> import numpy as np
            >>> lrs = np.geomspace(1e-5, 10, 100)
            >>> losses = 2.3 - 1.5 / (1 + (0.001 / lrs) ** 2) + lrs**2
            >>> test = RangeTest(lrs, losses, "completed: all 100 rates were tried")
            >>> print(test.explain(run_steps=2000, decaying=True).split(". ")[0])
            0.0026 is the peak of a rate that decays over 2,000 steps
        """
        lr = self.suggest(run_steps=run_steps, decaying=decaying)
        use = "the peak of a rate that decays over" if decaying else "a fixed rate for"
        steps = max(self.planned, len(self.losses))
        within = next(factor for least, factor in WITHIN.items() if steps >= least)
        longer = "" if steps >= max(WITHIN) else f" A test of {max(WITHIN)} steps is more exact."
        run = run_steps or USUAL_STEPS
        return (
            f"{lr:.2g} is {use} {run:,.0f} steps. In nine of ten cases of the study, the best rate "
            f"lay within a factor of {within:g} of the suggestion.{_beyond(run)}{longer} Too high "
            "costs more than too low: try a third of it first, then three times as much."
        )

    def _warn_of_the_end(self, curve: Descent) -> None:
        """Warn if the whole range was tried and the loss is lowest in its last twentieth."""
        tried = self.planned and len(self.losses) == self.planned
        first, last = curve.lrs[0], curve.lrs[-1]
        if tried and curve.lrs[curve.bottom] >= first**0.05 * last**0.95:
            warnings.warn(
                f"the loss is lowest at {last:.3g}, the end of the range, so that higher "
                "rates may be better; test again with a larger end_lr",
                stacklevel=3,
            )

    def _descent(self) -> Descent:
        """Return what lrlib's rules read; a `ValueError` says why there is none."""
        self._check()
        return read_descent(*finite(self.lrs, self.losses))

    def _check(self) -> None:
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

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the raw and the smoothed losses, and mark what four libraries suggest.

        The four are lrlib ("floor", for 600 steps at a fixed rate), fastai ("fastai-valley"),
        Lightning and torch-lr-finder. If the curve can't be read, the figure says why instead.

        Args:
            ax: Where to draw. `None` makes a figure with `matplotlib.pyplot.subplots`.

        Returns:
            The axes that were drawn on.

        Example:
            >>> import numpy as np
            >>> from lrlib import plots
            >>> lrs = np.geomspace(1e-5, 10, 100)
            >>> figure, (ax,) = plots.panels()
            >>> ax = RangeTest(lrs, 2 - lrs**0.2 + lrs**2, "completed").plot(ax)
            >>> ax.get_xlabel()
            'learning rate (log scale)'
        """
        from lrlib.finder.drawing import draw  # here, so that a test alone needs no matplotlib

        return draw(self, ax)


def _expect_purpose(method: str, run_steps: float | None, decaying: bool) -> None:
    if method not in RULES:
        raise ValueError(f"method must be one of {', '.join(RULES)}, got {method!r}")
    if method != DEFAULT and (run_steps is not None or decaying):
        raise ValueError(
            f"{method!r} says the same for every run; leave run_steps and decaying out, or take "
            f"{DEFAULT!r}"
        )
    counted = isinstance(run_steps, Real) and 0 < run_steps < math.inf
    if run_steps is not None and not counted:
        raise ValueError(f"run_steps must be a positive number of steps, got {run_steps!r}")


def _beyond(run_steps: float) -> str:
    """Say that a run is longer or shorter than all that the rule was made from and counted on."""
    shortest, longest = STUDIED
    if shortest <= run_steps <= longest:
        return ""
    return (
        f" But the study's runs had {shortest} to {longest:,} steps: for a run this "
        f"{'short' if run_steps < shortest else 'long'} it is extrapolated, and may be farther off."
    )


def _advice(count: int, stopped: str) -> str:
    if count == 0:
        return "not even the lowest rate gave one, so check the model, the loss and the data"
    if stopped.startswith("completed"):
        return f"take {FEWEST_POINTS} steps or more"
    return "end at a smaller end_lr, before the loss blows up, or take more steps"
