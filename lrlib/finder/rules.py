"""The rules that suggest a rate: lrlib's own read the descent of a curve, the others its points."""

import math
from collections.abc import Callable

import numpy as np

from lrlib.finder import other_rules
from lrlib.finder.descent import Descent


def _middle(lrs: np.ndarray, chosen: np.ndarray) -> float:
    """Return the median of the chosen rates on the logarithmic axis, whatever their spacing."""
    x = np.log(lrs)
    weights = np.gradient(x) * chosen
    return math.exp(np.interp(weights.sum() / 2, np.cumsum(weights) - weights / 2, x))


def _halfway(curve: Descent) -> float:
    return _middle(curve.lrs, curve.loss < (curve.start + curve.loss[curve.bottom]) / 2)


def _floor(curve: Descent) -> float:
    bottom = curve.loss[curve.bottom]
    done = curve.loss <= bottom + max((curve.start - bottom) / 20, curve.noise / 2)
    return float(curve.lrs[int(done.argmax())])


DEFAULT = "floor"
# What each is, in formulas, stands at `RangeTest.suggest`.
OURS: dict[str, Callable[[Descent], float]] = {"floor": _floor, "halfway": _halfway}
# Each takes the rates, the losses, and how many steps the test was to have.
OTHERS: dict[str, Callable[[np.ndarray, np.ndarray, int], float]] = {
    "fastai-valley": other_rules.fastai_valley,
    "fastai-slide": other_rules.fastai_slide,
    "fastai-minimum": other_rules.fastai_minimum,
    "fastai-steep": other_rules.fastai_steep,
    "lightning": other_rules.lightning,
    "torch-lr-finder": other_rules.torch_lr_finder,
}
RULES = (*OURS, *OTHERS)

# What was fitted to half of the study's settings: the best rate falls with the square root of the
# steps (chapter 8 counts how often it did), and the best peak of a rate that decays is twice as
# high. The floor loses least there as the rate for 300 to 400 steps. Too high costs more than too
# low, so it is taken for fewer: for as many as leave one in five suggestions above the best rate.
FLOOR_STEPS = 160
DECAYING = 2.0
# Nine of ten best rates of the other half lie within this factor of what was suggested for them, by
# how many steps a test had at least.
WITHIN = {300: 7.0, 0: 15.0}
# The shortest and the longest run that this was fitted to and counted on.
STUDIED = (86, 4000)
USUAL_STEPS = 600  # where nothing is said of the run: the middle of these, by their logarithms


def for_run(lr: float, run_steps: float | None, decaying: bool) -> float:
    """Turn the rate of the floor into one for a run of a length, fixed or decaying."""
    steps = USUAL_STEPS if run_steps is None else run_steps
    return lr * math.sqrt(FLOOR_STEPS / steps) * (DECAYING if decaying else 1.0)
