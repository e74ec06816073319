"""Figures of the recorded study. They draw what was recorded, and nothing else.

Each takes the axes to draw on and the recorded runs of a setting, and returns the axes. Strategies
are keys of `lrlib.evidence.strategies.STRATEGIES`, and lengths are those of the setting, such as
"long"; any other is a `ValueError`, and so is what is not recorded. All figures but `results` and
`suggestions` show accuracies, so they don't draw the settings "text" and "sparse", which measure a
loss. A 95 % interval is that of the mean over seeds.

Example:
    >>> from lrlib import evidence, plots
    >>> figure, (ax,) = plots.panels()
    >>> study = evidence.read("cnn-max")
    >>> ax = evidence.figures.curves(ax, study, ["fixed", "cosine"])
    >>> ax.get_ylabel()
    'validation accuracy'
"""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from lrlib import schedules
from lrlib._drawing import PALETTE, PERCENT, SMALLEST, name_lines, write_below
from lrlib._extras import extra
from lrlib.evidence import comparisons, side_checks, study
from lrlib.evidence.measures import paired
from lrlib.evidence.parts import caption, mean_curve, rank, rates_below, room_below
from lrlib.evidence.queries import Recorded, interval
from lrlib.evidence.rows import Row
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES, Strategy
from lrlib.evidence.suggestions import Judged
from lrlib.history import plural

with extra("plots", "drawing the recorded study"):
    from matplotlib.axes import Axes
    from matplotlib.ticker import NullFormatter, PercentFormatter


def curves(ax: Axes, recorded: Recorded, strategies: Sequence[str], length: str = "long") -> Axes:
    """Draw each strategy's mean validation accuracy after each epoch, with its 95 % interval.

    The runs are those with fresh seeds at the tuned rate.
    """
    for strategy in strategies:
        runs = recorded.evaluated(strategy, length)
        shown = STRATEGIES[strategy]
        mean_curve(ax, recorded, runs, shown.label, shown.colour, shown.line)
    name_lines(ax)
    caption(ax, recorded, length, f"{len(runs)} seeds at the tuned rate, band: 95 % interval")
    return ax


def at_suggestion(ax: Axes, recorded: Recorded, strategy: str = "fixed") -> Axes:
    """Draw the validation accuracy of short runs, at the finder's suggestion and at the tuned rate.

    Both are means over seeds after each epoch in the setting "cnn-max", with 95 % intervals.
    """
    tuned = recorded.evaluated(strategy, "short")
    shown = STRATEGIES[strategy]
    found = recorded.beside("finder", strategy)
    mean_curve(ax, recorded, tuned, "tuned rate", shown.colour, shown.line)
    mean_curve(ax, recorded, found, "suggestion", "blue", "-.")
    name_lines(ax)
    ax.set_title(shown.label)
    seeds = f"{len(tuned)} seeds at the tuned rate, {len(found)} at suggestions"
    setting = recorded.setting.describe("short")
    write_below(ax.figure, f"{setting}\n{seeds}, band: 95 % interval")
    return ax


def one_strategy(axes: Sequence[Axes], recorded: Recorded, strategy: str, length: str) -> None:
    """Draw a strategy's learning rate at its tuned peak, and its mean validation accuracy.

    Unlike the others, it takes two axes, the first for the rate and the second for the accuracy,
    and returns nothing.
    """
    rates, accuracy = axes
    runs = recorded.evaluated(strategy, length)
    run = runs[0]
    shown = STRATEGIES[strategy]
    lr = schedules.lr_curve(shown.schedule(run.run.steps), run.run.steps, peak_lr=run.lr)
    epochs = np.arange(len(lr)) / recorded.setting.judged_every
    # Every tenth step is more than a page can show.
    rates.plot(epochs[::10], lr[::10], shown.line, color=PALETTE[shown.colour], label=shown.label)
    rates.set(xlabel="epoch", ylabel="learning rate (log scale)", yscale="log", ylim=(1e-5, 1))
    mean_curve(accuracy, recorded, runs, shown.label, shown.colour, shown.line)
    seeds = f"{len(runs)} seeds at each tuned rate"
    caption(accuracy, recorded, length, f"{seeds}, band: 95 % interval")


def sensitivity(
    ax: Axes, recorded: Recorded, strategies: Sequence[str], length: str = "long"
) -> Axes:
    """Draw the final validation accuracy of the tuning runs against their peak rate.

    A dot is a run, a cross one that diverged, and the line goes through the means. The circle marks
    the rate with the best mean; the bar below the curves spans the rates whose mean is within 1
    percentage point of the best one. The bars are in the order of the legend.
    """
    all_rates: list[float] = []
    crosses = ""  # explained only where there are some
    for number, strategy in enumerate(strategies):
        grid, means, points = recorded.tuning(strategy, length)
        all_rates += grid
        shown = STRATEGIES[strategy]
        colour = PALETTE[shown.colour]
        ax.plot(grid, means, shown.line, color=colour, label=shown.label)
        for lr, accuracy, diverged in points:
            ax.plot(lr, accuracy, "x" if diverged else ".", color=colour, ms=6)
            if diverged:
                crosses = "; ×: diverged, counted as guessing"
        best = int(np.argmax(means))
        (circle,) = ax.plot(grid[best], means[best], "o", color=colour, ms=9, fillstyle="none")
        circle.set_clip_on(False)  # whole at the edge, too
        near = recorded.near_best(strategy, length)
        bottom = ax.get_xaxis_transform()  # heights from 0, the bottom, to 1
        height = 0.035 * (len(strategies) - number)
        # It ends at rates that were tried; a bar that spans a single one is a dot.
        ax.plot([near[0], near[-1]], [height] * 2, "o-", color=colour, ms=5, lw=4, transform=bottom)
    rates_below(ax, all_rates)
    room_below(ax, 0.03 + 0.035 * len(strategies))  # for the bars, which hide no run there
    ax.legend(frameon=False, fontsize=SMALLEST, labelcolor="linecolor", loc="center left")
    seeds = len(study.TUNING_SEEDS)
    caption(
        ax,
        recorded,
        length,
        f"{seeds} tuning seeds\n"
        f"circle: the tuned rate; bar: rates whose mean is within 1 point of the best{crosses}",
    )
    return ax


def differences(
    ax: Axes, recorded: Recorded, length: str = "long", reference: str = "fixed"
) -> Axes:
    """Draw each strategy's test accuracy minus that of the reference, with 95 % intervals.

    The differences are in percentage points, between two runs with the same seed, each at its
    strategy's tuned rate.
    """
    others = [each for each in recorded.strategies(length) if each != reference]
    found = {strategy: paired(recorded, strategy, reference, length) for strategy in others}
    rank(ax, found)
    ax.axvline(0, color=PALETTE["grey"], linewidth=1)
    label = STRATEGIES[reference].label
    ax.set(xlabel=f"test accuracy minus that of {label}, percentage points")
    seeds = len(recorded.evaluated(reference, length))
    caption(
        ax,
        recorded,
        length,
        f"each at its tuned rate, {seeds} seeds, 95 % intervals over the seeds",
    )
    return ax


def results(ax: Axes, recorded: Recorded, length: str = "long") -> Axes:
    """Draw what each strategy reached on test data, mean and 95 % interval, the best one on top.

    It is the accuracy, or the loss if the setting measures that. Strategies whose runs are not
    complete are left out.
    """
    by_accuracy = recorded.setting.measure == "accuracy"
    scale = 1 if by_accuracy else -0.01  # from points to nats
    found = {}
    gone = ""
    for strategy in recorded.strategies(length):
        side = comparisons.side(recorded, strategy, length)
        lr = recorded.tuned_lr(strategy, length)
        if side is not None and lr is not None:
            found[strategy] = interval([scale * value for value in side.evaluated[lr]])
            if count := recorded.diverged(strategy, length)[0]:
                name = STRATEGIES[strategy].label
                gone += f"\n{name}: {plural(count, 'run')} diverged, counted as guessing"
    rank(ax, found, 1 if by_accuracy else -1)
    ax.set(xlabel="test accuracy, %" if by_accuracy else "test loss, nats (lower is better)")
    caption(ax, recorded, length, f"fresh seeds at the tuned rate, 95 % intervals{gone}")
    return ax


def edge(ax: Axes, recorded: Recorded) -> Axes:
    """Draw how short runs of "cnn-max" end at higher peak rates, without and with a warm-up.

    A dot is a run, a cross one that fails to train, and the line goes through the means.
    """
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
    rates_below(ax, (row.lr for row in recorded.rows if row.run.stage == "edge"))
    ax.legend(frameon=False, fontsize=SMALLEST, labelcolor="linecolor")
    seeds = len(side_checks.EDGE_SEEDS)
    caption(
        ax,
        recorded,
        "short",
        f"{seeds} seeds; ×: fails to train, below the line at {100 * side_checks.TRAINS:.0f} %",
    )
    return ax


def suggestions(ax: Axes, judged: Sequence[Judged]) -> Axes:
    """Draw how far the suggestions of each rule of the finder lie from the best rate.

    The bar spans nine in ten of them, and the dot is the median. `judged` is what
    `lrlib.evidence.suggestions.judge` returns, and stands in the place of the runs of a setting.
    """
    by_rule: dict[str, list[float]] = {}
    for each in judged:
        if each.lr is not None:
            by_rule.setdefault(each.rule, []).append(each.lr / each.best_lr)
    for height, ratios in enumerate(by_rule.values()):
        low, middle, high = np.quantile(ratios, (0.05, 0.5, 0.95))
        ax.plot([low, high], [height, height], color=PALETTE["blue"], linewidth=3, alpha=0.7)
        ax.plot(middle, height, "o", color=PALETTE["blue"])
    ax.axvline(1, color=PALETTE["orange"], linestyle="--", linewidth=1.5)
    ax.set_yticks(range(len(by_rule)), list(by_rule))
    ax.set(xscale="log", xlabel="suggested rate ÷ best rate (log scale)")
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    settings = "; ".join({SETTINGS[each.cell.setting].label: 0 for each in judged})
    count = f"{len(judged) // len(by_rule):,} suggestions per rule"
    write_below(ax.figure, f"{settings}, {count}\ndot: the median; bar: nine in ten")
    return ax


def _in_front(strategy: Strategy) -> str:
    """Return a colour for runs over grey ones: that of the strategy, unless it is grey itself."""
    return "blue" if strategy.colour == "grey" else strategy.colour


def _tuning_runs(recorded: Recorded, strategy: str, length: str) -> list[Row]:
    found = recorded.runs("tuning", strategy, length)
    if not found:
        raise ValueError(f"{recorded.name} has no tuning runs of {strategy!r} at {length!r}")
    return found


def learning(ax: Axes, recorded: Recorded, strategy: str, length: str, peak_lr: float) -> Axes:
    """Draw the training loss of the tuning runs, one peak rate in front, others in grey."""
    tuned = _tuning_runs(recorded, strategy, length)
    shown = STRATEGIES[strategy]
    ends = []
    for row in sorted(tuned, key=lambda row: row.lr == peak_lr):
        front = row.lr == peak_lr
        colour = PALETTE[_in_front(shown) if front else "grey"]
        epochs = [(tenth + 0.5) / 10 for tenth in range(len(row.loss))]
        ax.plot(epochs, row.loss, color=colour, linewidth=1.8 if front else 0.6)
        if front:
            ends.append("diverged" if row.diverged else f"{100 * row.accuracy:.1f}{PERCENT}")
    ax.set(xlabel="epoch", ylabel="training loss", xlim=(0, tuned[0].run.judged), ylim=(0.4, 2.6))
    ax.set_title(
        f"{shown.label}, peak rate {peak_lr:g}: validation accuracy {' and '.join(ends)}",
        size=10,
    )
    seeds = len(study.TUNING_SEEDS)
    caption(ax, recorded, length, f"{seeds} tuning seeds; grey: the other rates of the grid")
    return ax


def at_one_peak(
    ax: Axes, recorded: Recorded, strategies: Sequence[str], length: str, peak_lr: float
) -> Axes:
    """Draw the validation accuracy of each tuning run after each epoch, other rates in grey.

    The runs of all the strategies at the rate `peak_lr` are drawn in front.
    """
    every = {strategy: _tuning_runs(recorded, strategy, length) for strategy in strategies}
    epochs = range(1, recorded.setting.judgements(length) + 1)
    ends = []
    for strategy, runs in every.items():
        shown = STRATEGIES[strategy]
        values = [(row.lr, [recorded.value(row, epoch) for epoch in epochs]) for row in runs]
        front = sorted((line for lr, line in values if lr == peak_lr), key=lambda line: -line[-1])
        for lr, line in values:
            if lr != peak_lr:
                ax.plot(epochs, line, color=PALETTE["grey"], linewidth=0.5)
        for line in front:
            name = shown.label if line is front[0] else "_"  # matplotlib names no "_"
            colour = PALETTE[_in_front(shown)]
            ax.plot(epochs, line, shown.line, marker="o", ms=4, color=colour, label=name)
        ends.append(f"{shown.label} {' and '.join(f'{line[-1]:.1f}' for line in front)} %")
    ax.set(xlabel="epoch", ylabel="validation accuracy", xticks=list(epochs), ylim=(0, 80))
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0, symbol=PERCENT))
    ax.set_title(f"Peak learning rate {peak_lr:g}: {', '.join(ends)}")
    name_lines(ax)
    seeds = len(study.TUNING_SEEDS)
    caption(ax, recorded, length, f"{seeds} seeds each; grey: the other rates")
    return ax
