"""The rules that suggest a rate, each with where it comes from."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lrlib.finder import other_rules
from lrlib.finder.descent import Descent, read_descent


@dataclass(frozen=True)
class Rule:
    """A rule that takes a rate from a curve.

    Args:
        origin: Who computes it in this way.
        read: `read(lrs, losses, planned)` returns the rate; `planned` is how many steps the test
            was to have. It raises `ValueError` where there is nothing to read.
    """

    origin: str
    read: Callable[[np.ndarray, np.ndarray, int], float]


def _ours(read: Callable[[Descent], float]) -> Rule:
    return Rule("lrlib", lambda lrs, losses, planned: read(read_descent(lrs, losses)))


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
RULES = {
    "floor": _ours(_floor),
    "halfway": _ours(_halfway),
    "fastai-valley": Rule("fastai", other_rules.fastai_valley),
    "fastai-slide": Rule("fastai", other_rules.fastai_slide),
    "fastai-minimum": Rule("fastai", other_rules.fastai_minimum),
    "fastai-steep": Rule("fastai", other_rules.fastai_steep),
    "lightning": Rule("Lightning", other_rules.lightning),
    "torch-lr-finder": Rule("torch-lr-finder", other_rules.torch_lr_finder),
}

# What half of the study's settings say of the floor: it is the best fixed rate of a run of about so
# many steps, the best rate falls with the square root of the steps, and the best peak of a rate
# that decays is twice as high.
FLOOR_STEPS = 250
DECAYING = 2.0
# Nine of ten best rates of the other half lie within this factor of what was suggested for them, by
# how many steps a test had at least.
WITHIN = {300: 7.0, 0: 30.0}
USUAL_STEPS = 1000  # where nothing is said of the run


def for_run(lr: float, run_steps: float | None, decaying: bool) -> float:
    """Turn the rate of the floor into one for a run of a length, fixed or decaying."""
    steps = USUAL_STEPS if run_steps is None else run_steps
    return lr * math.sqrt(FLOOR_STEPS / steps) * (DECAYING if decaying else 1.0)
