"""Figures of the recorded study. They draw what was recorded, and nothing else.

Each takes the axes to draw on and the recorded runs of a setting, and returns the axes;
`ValueError` names what is not recorded. Strategies are keys of
`lrlib.evidence.strategies.STRATEGIES`, lengths those of the setting, such as "long".
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import numpy as np

from lrlib import schedules
from lrlib._drawing import PALETTE, name_lines, tick_whole_percents
from lrlib._extras import extra
from lrlib.evidence import comparisons, side_checks, study
from lrlib.evidence.intervals import Interval
from lrlib.evidence.measures import paired
from lrlib.evidence.queries import Recorded, interval
from lrlib.evidence.rows import Row
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.suggestions import Judged

with extra("plots", "drawing the recorded study"):
    from matplotlib.axes import Axes
    from matplotlib.ticker import NullFormatter, PercentFormatter


def curves(ax: Axes, recorded: Recorded, strategies: Sequence[str], length: str = "long") -> Axes:
    """Draw the mean validation accuracy after each epoch, with its 95 % interval."""
    for strategy in strategies:
        runs = recorded.evaluated(strategy, length)
        shown = STRATEGIES[strategy]
        _mean_curve(ax, recorded, runs, shown.label, shown.colour, shown.line)
    name_lines(ax)
    _caption(
        ax,
        recorded.setting.describe(length),
        f"{len(runs)} seeds at the tuned rate, band: 95 % interval",
    )
    return ax


def at_suggestion(ax: Axes, recorded: Recorded, strategy: str = "fixed") -> Axes:
    """Draw how short runs go at the rate that the finder suggests, and how at the tuned rate."""
    shown = STRATEGIES[strategy]
    tuned = recorded.evaluated(strategy, "short")
    found = recorded.beside("finder", strategy)
    _mean_curve(ax, recorded, tuned, "tuned rate", shown.colour, shown.line)
    _mean_curve(ax, recorded, found, "suggestion", "brown", "-.")
    name_lines(ax)
    ax.set_title(shown.label)
    seeds = f"{len(tuned)} seeds at the tuned rate, {len(found)} at suggestions"
    _caption(ax, f"{recorded.setting.describe('short')}\n{seeds}", "band: 95 % interval")
    return ax


def one_strategy(axes: Sequence[Axes], recorded: Recorded, strategy: str, length: str) -> None:
    """Draw a strategy's learning rate at its tuned peak, and its mean validation accuracy."""
    rates, accuracy = axes
    runs = recorded.evaluated(strategy, length)
    run = runs[0]
    shown = STRATEGIES[strategy]
    lr = schedules.lr_curve(shown.schedule(run.run.steps), run.run.steps, peak_lr=run.lr)
    epochs = np.arange(len(lr)) / recorded.setting.judged_every
    # Every tenth step is more than a page can show.
    rates.plot(epochs[::10], lr[::10], shown.line, color=PALETTE[shown.colour], label=shown.label)
    rates.set(xlabel="epoch", ylabel="learning rate (log scale)", yscale="log", ylim=(1e-5, 1))
    _mean_curve(accuracy, recorded, runs, shown.label, shown.colour, shown.line)
    seeds = f"{len(runs)} seeds at each tuned rate"
    _caption(accuracy, recorded.setting.describe(length), f"{seeds}, band: 95 % interval")


def _mean_curve(
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


def sensitivity(
    ax: Axes, recorded: Recorded, strategies: Sequence[str], length: str = "long"
) -> Axes:
    """Draw the final validation accuracy against the peak rate, every seed, and where it is best.

    The bar along the bottom spans the rates whose mean is within 1 point of the best one.
    """
    all_rates: list[float] = []
    for number, strategy in enumerate(strategies):
        grid, means, points = recorded.tuning(strategy, length)
        all_rates += grid
        shown = STRATEGIES[strategy]
        colour = PALETTE[shown.colour]
        ax.plot(grid, means, shown.line, color=colour, label=shown.label)
        for lr, accuracy, diverged in points:
            ax.plot(lr, accuracy, "x" if diverged else ".", color=colour, ms=6)
        best = int(np.argmax(means))
        ax.plot(grid[best], means[best], "o", color=colour, ms=9, fillstyle="none")
        near = recorded.near_best(strategy, length)
        bottom = ax.get_xaxis_transform()  # heights from 0, the bottom, to 1
        height = 0.03 + 0.035 * number
        ax.plot([near[0], near[-1]], [height] * 2, color=colour, linewidth=4, transform=bottom)
    _rates_below(ax, all_rates)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor", loc="center left")
    seeds = len(study.TUNING_SEEDS)
    _caption(
        ax,
        recorded.setting.describe(length),
        f"{seeds} tuning seeds\n"
        "circle: the tuned rate; bar: rates within 1 point of it; ×: diverged, counted as chance",
    )
    return ax


def differences(
    ax: Axes, recorded: Recorded, length: str = "long", reference: str = "fixed"
) -> Axes:
    """Draw each strategy's test accuracy minus the reference's, in pairs, with 95 % intervals."""
    others = [each for each in recorded.strategies(length) if each != reference]
    found = {strategy: paired(recorded, strategy, reference, length) for strategy in others}
    _rank(ax, found)
    ax.axvline(0, color=PALETTE["grey"], linewidth=1)
    label = STRATEGIES[reference].label
    ax.set(xlabel=f"test accuracy minus that of {label}, percentage points")
    pairs = len(recorded.evaluated(reference, length))
    _caption(
        ax,
        recorded.setting.describe(length),
        f"each at its tuned rate, {pairs} pairs, 95 % intervals",
    )
    return ax


def _rank(ax: Axes, found: Mapping[str, Interval], sign: int = 1) -> None:
    """Draw a mean and its interval for each strategy, the highest on top, or with -1 the lowest."""
    ordered = sorted(found, key=lambda strategy: sign * found[strategy][0])
    for height, strategy in enumerate(ordered):
        mean, low, high = found[strategy]
        colour = PALETTE[STRATEGIES[strategy].colour]
        ax.plot([low, high], [height, height], color=colour)
        ax.plot(mean, height, "o", color=colour, ms=5)
    ax.set_yticks(range(len(ordered)), [STRATEGIES[strategy].label for strategy in ordered])


def results(ax: Axes, recorded: Recorded, length: str = "long") -> Axes:
    """Draw what each strategy reached on test data, mean and 95 % interval, the best one on top.

    Strategies whose runs are not complete are left out.
    """
    sign = 1 if recorded.setting.measure == "accuracy" else -1
    found = {}
    for strategy in recorded.strategies(length):
        side = comparisons.side(recorded, strategy, length)
        lr = recorded.tuned_lr(strategy, length)
        if side is not None and lr is not None:
            found[strategy] = interval([sign * value for value in side.evaluated[lr]])
    _rank(ax, found, sign)
    names = {1: "test accuracy, %", -1: "test loss, hundredths of a nat (lower is better)"}
    ax.set(xlabel=names[sign])
    _caption(ax, recorded.setting.describe(length), "fresh seeds at the tuned rate")
    return ax


def edge(ax: Axes, recorded: Recorded) -> Axes:
    """Draw how short runs end at ever higher peak rates, every seed, without and with warm-up."""
    for strategy in side_checks.EDGE_STRATEGIES:
        runs = recorded.beside("edge", strategy)
        grid = sorted({row.lr for row in runs})
        means = [fmean(100 * row.accuracy for row in runs if row.lr == lr) for lr in grid]
        shown = STRATEGIES[strategy]
        colour = PALETTE[shown.colour]
        ax.plot(grid, means, shown.line, color=colour, label=shown.label)
        for row in runs:
            mark = "x" if row.accuracy < side_checks.TRAINS else "."
            ax.plot(row.lr, 100 * row.accuracy, mark, color=colour, ms=6)
    ax.axhline(100 * side_checks.TRAINS, color=PALETTE["grey"], linewidth=1)
    _rates_below(ax, (row.lr for row in recorded.rows if row.run.stage == "edge"))
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor")
    seeds = len(side_checks.EDGE_SEEDS)
    _caption(
        ax,
        recorded.setting.describe("short"),
        f"{seeds} seeds; ×: below {side_checks.TRAINS:.0%}, it fails to train",
    )
    return ax


def suggestions(ax: Axes, judged: Sequence[Judged]) -> Axes:
    """Draw how far the suggestions of each rule lie from the best rate: nine in ten, and median."""
    by_rule: dict[str, list[float]] = {}
    for each in judged:
        if each.lr is not None:
            by_rule.setdefault(each.rule, []).append(each.lr / each.best_lr)
    for height, ratios in enumerate(by_rule.values()):
        low, middle, high = np.quantile(ratios, (0.05, 0.5, 0.95))
        ax.plot([low, high], [height, height], color=PALETTE["blue"], linewidth=3, alpha=0.5)
        ax.plot(middle, height, "o", color=PALETTE["blue"])
    ax.axvline(1, color=PALETTE["orange"], linestyle="--", linewidth=1.5)
    ax.set_yticks(range(len(by_rule)), list(by_rule))
    ax.set(xscale="log", xlabel="suggested rate ÷ best rate (log scale)")
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    settings = {SETTINGS[each.cell.setting].label: 0 for each in judged}
    _caption(ax, "; ".join(settings), f"{len(judged) // len(by_rule):,} suggestions a rule")
    return ax


def learning(ax: Axes, recorded: Recorded, strategy: str, length: str, peak_lr: float) -> Axes:
    """Draw the training loss of the tuning runs, those at one peak rate in front."""
    tuned = recorded.runs("tuning", strategy, length)
    shown = STRATEGIES[strategy]
    ends = []
    for row in sorted(tuned, key=lambda row: row.lr == peak_lr):
        front = row.lr == peak_lr
        colour = PALETTE[shown.colour if front else "grey"]
        epochs = [(tenth + 0.5) / 10 for tenth in range(len(row.loss))]
        ax.plot(epochs, row.loss, color=colour, linewidth=1.8 if front else 0.6)
        if front:
            ends.append("diverged" if row.diverged else f"{row.accuracy:.1%}")
    ax.set(xlabel="epoch", ylabel="training loss", xlim=(0, tuned[0].run.judged), ylim=(0.4, 2.6))
    ax.set_title(
        f"{shown.label}, peak rate {peak_lr:g}: validation accuracy {' and '.join(ends)}",
        size=10,
    )
    seeds = len(study.TUNING_SEEDS)
    _caption(
        ax,
        recorded.setting.describe(length),
        f"{seeds} tuning seeds; grey: the other rates of the grid",
    )
    return ax


def at_one_peak(
    ax: Axes, recorded: Recorded, strategies: Sequence[str], length: str, peak_lr: float
) -> Axes:
    """Draw the validation accuracy of tuning runs at one peak rate, the other rates in grey."""
    epochs = range(1, recorded.setting.judgements(length) + 1)
    ends = []
    for strategy in strategies:
        runs = recorded.runs("tuning", strategy, length)
        shown = STRATEGIES[strategy]
        for lr in sorted({row.lr for row in runs}, key=lambda lr: lr == peak_lr):
            means = [
                fmean(recorded.value(row, epoch) for row in runs if row.lr == lr)
                for epoch in epochs
            ]
            if lr == peak_lr:
                ends.append(f"{shown.label} {means[-1]:.1f} %")
                colour = PALETTE[shown.colour]
                ax.plot(epochs, means, shown.line, marker="o", color=colour, label=shown.label)
            else:
                ax.plot(epochs, means, color=PALETTE["grey"], linewidth=0.5)
    ax.set(xlabel="epoch", ylabel="validation accuracy", xticks=list(epochs), ylim=(0, 80))
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    ax.set_title(f"Peak learning rate {peak_lr:g}: {', '.join(ends)}")
    name_lines(ax)
    seeds = len(study.TUNING_SEEDS)
    _caption(
        ax, recorded.setting.describe(length), f"means of {seeds} seeds; grey: the other rates"
    )
    return ax


def _rates_below(ax: Axes, rates: Iterable[float]) -> None:
    """Put peak rates on the x axis and validation accuracy in percent on the y axis."""
    ax.set_xscale("log", base=2)
    # A rate that is less than half a factor of 2 above another one has no room for its number.
    ticks: list[float] = []
    for rate in sorted(set(rates)):
        if not ticks or rate > 1.5 * ticks[-1]:
            ticks.append(rate)
    ax.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks], minor=False)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    ax.set(xlabel="peak learning rate (log scale)", ylabel="validation accuracy")


def _caption(ax: Axes, setting: str, text: str) -> None:
    """Say below the figure where the runs were made, and how many there are."""
    text = f"{setting}, {text}"
    ax.figure.supxlabel(text, size=9, color=PALETTE["grey"], x=0.01, ha="left")
