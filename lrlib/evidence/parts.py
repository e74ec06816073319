"""Parts that several figures of the recorded study have in common."""

from collections.abc import Iterable, Mapping, Sequence

from lrlib._drawing import PALETTE, PERCENT, tick_whole_percents, write_below
from lrlib._extras import extra
from lrlib.evidence.intervals import Interval
from lrlib.evidence.queries import Recorded, interval
from lrlib.evidence.rows import Row
from lrlib.evidence.strategies import STRATEGIES

with extra("plots", "drawing the recorded study"):
    from matplotlib.axes import Axes
    from matplotlib.ticker import NullFormatter, PercentFormatter


def mean_curve(
    ax: Axes, recorded: Recorded, runs: Sequence[Row], label: str, colour: str, line: str
) -> None:
    """Draw the mean over runs of one length after each epoch, with its interval."""
    epochs = range(1, runs[0].run.judged + 1)
    values = [[recorded.value(row, epoch) for row in runs] for epoch in epochs]
    means, lows, highs = zip(*(interval(column) for column in values), strict=True)
    ax.plot(epochs, means, line, marker="o", ms=4, color=PALETTE[colour], label=label)
    ax.fill_between(epochs, lows, highs, color=PALETTE[colour], alpha=0.15, linewidth=0)
    ax.set(xlabel="epoch", ylabel="validation accuracy", xticks=list(epochs))
    tick_whole_percents(ax, whole=100)


def rank(ax: Axes, found: Mapping[str, Interval], sign: int = 1) -> None:
    """Draw a mean and its interval for each strategy, the highest on top, or with -1 the lowest."""
    ordered = sorted(found, key=lambda strategy: sign * found[strategy][0])
    for height, strategy in enumerate(ordered):
        mean, low, high = found[strategy]
        # Each line is named: there are more strategies than colours that can be told apart.
        ax.plot([low, high], [height, height], color=PALETTE["grey"])
        ax.plot(mean, height, "o", color=PALETTE["grey"], ms=5)
    ax.set_yticks(range(len(ordered)), [STRATEGIES[strategy].label for strategy in ordered])


def rates_below(ax: Axes, rates: Iterable[float]) -> None:
    """Put peak rates on the x axis and validation accuracy in percent on the y axis."""
    ax.set_xscale("log", base=2)
    # A rate that is less than half a factor of 2 above another one has no room for its number.
    ticks: list[float] = []
    for rate in sorted(set(rates)):
        if not ticks or rate > 1.5 * ticks[-1]:
            ticks.append(rate)
    ax.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks], minor=False)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0, symbol=PERCENT))
    ax.set(xlabel="peak learning rate (log scale)", ylabel="validation accuracy")


def room_below(ax: Axes, share: float) -> None:
    """Let the heights end at zero, and leave a share of the axes free below."""
    ax.set_ylim(bottom=0)
    top = ax.get_ylim()[1]
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= top])
    ax.set_ylim(-top * share / (1 - share), top)
    ax.axhline(0, color=PALETTE["grey"], linewidth=0.6)


def caption(ax: Axes, recorded: Recorded, length: str, text: str) -> None:
    """Say below the figure where runs of a length were made, and how many there are."""
    write_below(ax.figure, f"{recorded.setting.describe(length)}, {text}")
