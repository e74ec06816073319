"""What a finder's suggestions are worth: each rule on each recorded range test, in all settings.

The **regret** of a suggestion is what you lose by training at it: a share of what training at the
best rate of the grid gains over guessing. It is 0 at the best rate, and 1 if a rule suggests
nothing. Between two rates of the grid the result is interpolated over the logarithm of the rate;
below the lowest one, the gain is taken to shrink in proportion to the rate.

`python -m lrlib.evidence.suggestions`, or `make finder-scores`, prints the scores.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean, median
from typing import Any

import numpy as np

from lrlib._markup import signed
from lrlib.evidence import range_tests, study
from lrlib.evidence.range_tests import Curve, Sweep
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.study import Cell
from lrlib.evidence.truths import Truth, truths
from lrlib.finder.result import RangeTest
from lrlib.finder.rules import DEFAULT, OURS, RULES

# Rules were chosen on the first half alone, before anybody had looked at the second.
DEVELOPED_ON = ("sparse", "small-data", "cnn-max")
HELD_OUT = ("text", "cnn-mean", "large-batch")

# The default that knows how long the run will be and whether its rate decays.
TOLD = f"{DEFAULT}, told the run"
# What costs no range test: one rate for all tasks, and the best of five around it.
CONSTANT, GRID = "a constant", "a grid of five"
_GRID = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)


@dataclass(frozen=True)
class Judged:
    """One suggestion, judged by the recorded runs of one strategy at one length.

    Args:
        rule: A key of `RULES`; or `CONSTANT` or `GRID`, which need no range test.
        sweep: The range test that it was read from.
        cell: The strategy and the length, in one setting, whose runs judge it.
        lr: The rate; `None` where the rule has no answer.
        best_lr: The best rate of the cell's grid.
        regret: What is lost by training at `lr`, in validation accuracy or loss, as a share of what
            the best rate gains over guessing at random; 1 without an answer.
    """

    rule: str
    sweep: Sweep
    cell: Cell
    lr: float | None
    best_lr: float
    regret: float


def judge(settings: Iterable[str]) -> list[Judged]:
    """Judge every rule on every recorded range test of some settings, by the recorded runs.

    Args:
        settings: Keys of `lrlib.evidence.settings.SETTINGS`, such as those that `complete` returns.

    Returns:
        One entry per rule, range test, and strategy and length that it is used for, with the
        suggested rate, the best one, and the regret.

    Raises:
        ValueError: Runs or range tests of a setting are missing; the message counts them.
    """
    return [each for setting in settings for each in _judge(setting)]


def complete(settings: Iterable[str] = HELD_OUT) -> list[str]:
    """Return those settings in which all runs and range tests are recorded that `judge` needs.

    Args:
        settings: Keys of `lrlib.evidence.settings.SETTINGS`. By default, those that nobody had
            looked at when the finder's default rule was chosen.

    Returns:
        The keys of those that are complete, in the same order.
    """
    return [setting for setting in settings if _lacks(setting) == (0, 0)]


@cache
def _lacks(setting: str) -> tuple[int, int]:
    """Count the grids and the range tests that are not recorded."""
    made = sum(curve.sweep.setting == setting for curve in _curves())
    wanted = sum(sweep.setting == setting for sweep in range_tests.sweeps())
    return len(study.searched_cells(setting)) - len(truths(setting)), wanted - made


@cache
def _judge(setting: str) -> list[Judged]:
    grids, tests = _lacks(setting)
    if grids or tests:
        raise ValueError(
            f"{setting} lacks {grids} of its grids and {tests} of its range tests; run `make "
            "record`"
        )
    return [
        _judged(rule, curve.sweep, of, truth, lr_of(of))
        for curve in _curves()
        if curve.sweep.setting == setting
        for rule, lr_of in _readings(curve).items()
        for of, truth in truths(setting).items()
        if STRATEGIES[of.strategy].optimizer == curve.sweep.optimizer
    ]


@cache
def _curves() -> list[Curve]:
    return range_tests.read()


def _judged(rule: str, sweep: Sweep, of: Cell, truth: Truth, lr: float | None) -> Judged:
    regret = 1.0 if lr is None else truth.regret(lr)
    return Judged(rule, sweep, of, lr, truth.best_lr, regret)


def _readings(curve: Curve) -> dict[str, Callable[[Cell], float | None]]:
    """Say what each rule answers for a cell; all but `TOLD` answer the same for all."""
    ours, whole = curve.as_ours(), curve.whole()

    def answer(test: RangeTest, rule: str, **purpose: Any) -> float | None:
        with warnings.catch_warnings():
            # A range that ends too early is a part of what is judged here.
            warnings.filterwarnings("ignore", "the loss is lowest at")
            try:
                return test.suggest(rule, **purpose)
            except ValueError:
                return None

    def told(of: Cell) -> float | None:
        steps = SETTINGS[of.setting].lengths[of.length]
        return answer(ours, DEFAULT, run_steps=steps, decaying=STRATEGIES[of.strategy].warm)

    def always(lr: float | None) -> Callable[[Cell], float | None]:
        return lambda of: lr

    tests = {rule: ours if rule in OURS else whole for rule in RULES}
    return {TOLD: told, **{rule: always(answer(test, rule)) for rule, test in tests.items()}}


def constants(settings: Sequence[str] = DEVELOPED_ON) -> dict[str, float]:
    """Return for each optimizer the one rate with the least mean regret in some settings."""
    found = {}
    for optimizer in range_tests.TESTED:
        known = _of_optimizer(settings, optimizer)
        tried = sorted({lr for truth in known for lr in truth.lrs})
        found[optimizer] = min(tried, key=lambda lr: fmean(t.regret(lr) for t in known))
    return found


def _of_optimizer(settings: Sequence[str], optimizer: str) -> list[Truth]:
    return [
        truth
        for setting in settings
        for of, truth in truths(setting).items()
        if STRATEGIES[of.strategy].optimizer == optimizer
    ]


def beside(judged: Iterable[Judged]) -> list[Judged]:
    """Judge what needs no range test in the same cells: a constant, and a grid of five."""
    rates = constants()
    found = []
    for each in judged:
        if each.rule != DEFAULT:
            continue
        truth = truths(each.cell.setting)[each.cell]
        rate = rates[each.sweep.optimizer]
        best = min((rate * factor for factor in _GRID), key=truth.regret)
        found.append(_judged(CONSTANT, each.sweep, each.cell, truth, rate))
        found.append(_judged(GRID, each.sweep, each.cell, truth, best))
    return found


@dataclass(frozen=True)
class Score:
    """How well a rule does over many range tests and runs.

    Args:
        rule: Its name.
        mean: The mean regret.
        worst: The largest.
        far_off: The share of answers more than a factor of 10 from the best rate, or missing.
        ratio: The median of answer over best rate.
        above: The share of answers above the best rate.
        within: The factor within which nine of ten answers lie of the best rate.
        behind: The default's mean regret subtracted from this one's, with its 95 % interval over
            settings and optimizers.
    """

    rule: str
    mean: float
    worst: float
    far_off: float
    ratio: float
    above: float
    within: float
    behind: tuple[float, float, float]


def scores(judged: Sequence[Judged], default: str = TOLD) -> list[Score]:
    """Score each rule that was judged, the best first."""
    by_rule: dict[str, list[Judged]] = {}
    for each in judged:
        by_rule.setdefault(each.rule, []).append(each)
    found = [_score(rule, own, by_rule[default]) for rule, own in by_rule.items()]
    return sorted(found, key=lambda score: score.mean)


def _score(rule: str, own: Sequence[Judged], default: Sequence[Judged]) -> Score:
    off = [math.inf if each.lr is None else abs(math.log10(each.lr / each.best_lr)) for each in own]
    ratios = [each.lr / each.best_lr for each in own if each.lr is not None]
    return Score(
        rule=rule,
        mean=fmean(each.regret for each in own),
        worst=max(each.regret for each in own),
        far_off=fmean(distance > 1 for distance in off),
        ratio=median(ratios) if ratios else math.nan,
        above=sum(ratio > 1 for ratio in ratios) / len(own),
        within=10 ** float(np.quantile(off, 0.9, method="higher")),
        behind=_behind(own, default),
    )


def _behind(own: Sequence[Judged], default: Sequence[Judged]) -> tuple[float, float, float]:
    """Tasks are few and alike within themselves: whole settings with an optimizer are drawn."""
    theirs, ours = _by_task(own), _by_task(default)
    differences = np.array([fmean(theirs[task]) - fmean(ours[task]) for task in ours])
    drawn = np.random.default_rng(0).choice(differences, (10_000, len(differences)))
    low, high = np.quantile(drawn.mean(axis=1), (0.025, 0.975))
    return float(differences.mean()), float(low), float(high)


def _by_task(judged: Iterable[Judged]) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for each in judged:
        found.setdefault((each.sweep.setting, each.sweep.optimizer), []).append(each.regret)
    return found


_LEGEND = """\
mean, worst    of the regret: what share of the best run's gain is lost at the answer
>10x off       answers more than a factor of ten from the best rate, or missing
median ratio   answer over best rate; 1 would be right
too high       answers above the best rate, which cost more than those below
90 % within    the factor within which nine of ten answers lie of the best rate
behind         the default's mean regret subtracted from this one's, with its 95 % interval"""


def _main() -> None:
    print(_LEGEND)
    for name, half in (("developed on", DEVELOPED_ON), ("held out", HELD_OUT)):
        judged = judge(complete(half))
        for steps in range_tests.STEPS:
            chosen = [each for each in judged if each.sweep.steps == steps]
            tasks = ", ".join(dict.fromkeys(each.sweep.setting for each in chosen))
            print(f"\n{name} ({tasks}), range tests of {steps} steps")
            print(
                "rule                     mean  worst  >10x off  median ratio  too high  "
                "90 % within  behind"
            )
            for score in scores([*chosen, *beside(chosen)]) if chosen else []:
                mean, low, high = score.behind
                print(
                    f"{score.rule:<22}  {score.mean:6.3f}  {score.worst:5.2f}  "
                    f"{score.far_off:8.0%}  {score.ratio:12.2f}  {score.above:8.0%}  "
                    f"{score.within:11.1f}  "
                    f"{signed(mean, 3)} ({signed(low, 3)} to {signed(high, 3)})"
                )


if __name__ == "__main__":
    _main()
