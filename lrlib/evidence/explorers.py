"""Figures of the recorded study with controls: sliders, and boxes to tick.

Each takes the recorded runs of a setting that measures accuracy, and returns an object that a
notebook displays when it is the last value of a cell. A `ValueError` names what is not recorded.
Strategies and lengths are those of `lrlib.evidence.figures`.
"""

from collections.abc import Sequence

from lrlib import _compare, explore
from lrlib._extras import extra
from lrlib.evidence import figures
from lrlib.evidence.queries import Recorded
from lrlib.evidence.strategies import STRATEGIES

with extra("plots", "drawing the recorded study"):
    from matplotlib.axes import Axes


def peak_rates(recorded: Recorded, strategy: str, length: str = "long") -> object:
    """Show a slider over the peak rates that were tried, and the training loss at each.

    The figure is `lrlib.evidence.figures.learning`.
    """
    grid, _, _ = recorded.tuning(strategy, length)

    def draw(ax: Axes, peak_lr: float) -> None:
        figures.learning(ax, recorded, strategy, length, peak_lr)

    alt = "The training loss of the recorded tuning runs, those at one peak rate in front:"
    return explore.sliders(draw, alt, peak_lr=grid)


def common_peak_rates(
    recorded: Recorded, strategies: Sequence[str], length: str = "long", *, first: float
) -> object:
    """Show a slider over the peak rates that all these strategies were run at.

    The figure is `lrlib.evidence.figures.at_one_peak`: their validation accuracies at that rate,
    which is `first` until the slider is moved.
    """
    grids = [set(recorded.tuning(strategy, length)[0]) for strategy in strategies]
    rates = explore.Stops(sorted(set.intersection(*grids)), first)

    def draw(ax: Axes, peak_lr: float) -> None:
        figures.at_one_peak(ax, recorded, strategies, length, peak_lr)

    labels = ", ".join(STRATEGIES[strategy].label for strategy in strategies)
    alt = f"Validation accuracy after each epoch at one peak rate: {labels}."
    return explore.sliders(draw, alt, height=2.8, peak_lr=rates)


def compare(
    recorded: Recorded,
    strategies: Sequence[str],
    *,
    chosen: Sequence[str],
    length: str = "long",
) -> object:
    """Show a box to tick for each strategy, which draws its learning rate and its accuracy.

    `strategies` are at least two, and those of `chosen` are shown at first. The figure is
    `lrlib.evidence.figures.one_strategy`.
    """
    keys = {STRATEGIES[strategy].label: strategy for strategy in strategies}

    def draw(axes: Sequence[Axes], label: str) -> None:
        figures.one_strategy(axes, recorded, keys[label], length)

    return _compare.compare(
        draw,
        list(keys),
        "Left the learning rate over the run, right the validation accuracy after each epoch, "
        "with 95 % intervals.",
        chosen=[STRATEGIES[strategy].label for strategy in chosen],
        columns=2,
        height=3.6,
    )
