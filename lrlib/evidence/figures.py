"""Figures of the recorded study. They draw what the record holds, and nothing else."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, PercentFormatter

from lrlib import schedules
from lrlib._drawing import PALETTE, name_lines, tick_whole_percents
from lrlib.evidence import claims, rows, study
from lrlib.evidence.measures import accuracy_on_test, subtract
from lrlib.evidence.rows import Row

_CHANCE = 10


def curves(ax: Axes, record: Sequence[Row], variants: Sequence[str], budget: str) -> Axes:
    """Draw the mean validation accuracy after each epoch, with its 95 % interval."""
    for variant in variants:
        runs = main_runs(record, variant, budget)
        shown = study.VARIANTS[variant]
        _mean_curve(ax, runs, shown.label, shown.colour, shown.line)
    name_lines(ax)
    _caption(ax, f"{setting(budget)}, {len(runs)} seeds at the tuned rate, band: 95 % interval")
    return ax


def at_suggestion(ax: Axes, record: Sequence[Row], variant: str) -> Axes:
    """Draw how short runs go at the rate that the finder suggests, and how at the tuned rate."""
    shown = study.VARIANTS[variant]
    tuned = main_runs(record, variant, "short")
    found = _finder_runs(record, variant)
    _mean_curve(ax, tuned, "tuned rate", shown.colour, shown.line)
    _mean_curve(ax, found, "suggestion", "brown", "-.")
    name_lines(ax)
    ax.set_title(shown.label)
    seeds = f"{len(tuned)} seeds at the tuned rate, {len(found)} at suggestions"
    _caption(ax, f"{setting('short')}\n{seeds}, band: 95 % interval")
    return ax


def strategy(axes: Sequence[Axes], record: Sequence[Row], variant: str, budget: str) -> None:
    """Draw a variant's learning rate at its tuned peak, and its mean validation accuracy."""
    rates, accuracy = axes
    runs = main_runs(record, variant, budget)
    run = runs[0]
    shown = study.VARIANTS[variant]
    lr = schedules.lr_curve(run.run.make_schedule(), run.run.steps, peak_lr=run.lr)
    epochs = np.arange(len(lr)) / study.STEPS_PER_EPOCH
    # Every tenth step is more than a page can show.
    rates.plot(epochs[::10], lr[::10], shown.line, color=PALETTE[shown.colour], label=shown.label)
    rates.set(xlabel="epoch", ylabel="learning rate (log scale)", yscale="log", ylim=(1e-5, 1))
    _mean_curve(accuracy, runs, shown.label, shown.colour, shown.line)
    seeds = f"{len(runs)} seeds at each tuned rate"
    _caption(accuracy, f"{setting(budget)}, {seeds}, band: 95 % interval")


def _mean_curve(ax: Axes, runs: Sequence[Row], label: str, colour: str, line: str) -> None:
    """Draw the mean over runs of one length after each epoch, with its interval."""
    epochs = range(1, runs[0].run.epochs + 1)
    values = [[_accuracy(row, epoch) for row in runs] for epoch in epochs]
    means, lows, highs = zip(*(claims.interval(column) for column in values), strict=True)
    ax.plot(epochs, means, line, marker="o", ms=4, color=PALETTE[colour], label=label)
    ax.fill_between(epochs, lows, highs, color=PALETTE[colour], alpha=0.15, linewidth=0)
    ax.set(xlabel="epoch", ylabel="validation accuracy", xticks=list(epochs))
    tick_whole_percents(ax, whole=100)


def sensitivity(ax: Axes, record: Sequence[Row], variants: Sequence[str], budget: str) -> Axes:
    """Draw the final validation accuracy against the peak rate, every seed, and where it is best.

    The bar along the bottom spans the rates whose mean is within 1 point of the best one.
    """
    all_rates: list[float] = []
    for number, variant in enumerate(variants):
        grid, means, points = tuning(record, variant, budget)
        all_rates += grid
        shown = study.VARIANTS[variant]
        colour = PALETTE[shown.colour]
        ax.plot(grid, means, shown.line, color=colour, label=shown.label)
        for lr, accuracy, diverged in points:
            ax.plot(lr, accuracy, "x" if diverged else ".", color=colour, ms=6)
        best = int(np.argmax(means))
        ax.plot(grid[best], means[best], "o", color=colour, ms=9, fillstyle="none")
        near = near_best(record, variant, budget)
        bottom = ax.get_xaxis_transform()  # heights from 0, the bottom, to 1
        height = 0.03 + 0.035 * number
        ax.plot([near[0], near[-1]], [height] * 2, color=colour, linewidth=4, transform=bottom)
    _rates_below(ax, all_rates)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor", loc="center left")
    seeds = len(study.TUNING_SEEDS)
    _caption(
        ax,
        f"{setting(budget)}, {seeds} tuning seeds\n"
        "circle: the tuned rate; bar: rates within 1 point of it; ×: diverged, counted as chance",
    )
    return ax


def differences(ax: Axes, record: Sequence[Row], budget: str, reference: str) -> Axes:
    """Draw each variant's test accuracy minus the reference's, in pairs, with 95 % intervals."""
    others = [variant for variant in study.VARIANTS if variant != reference]
    found = {variant: paired(record, variant, reference, budget) for variant in others}
    ordered = sorted(found, key=lambda variant: found[variant][0])
    for height, variant in enumerate(ordered):
        mean, low, high = found[variant]
        shown = study.VARIANTS[variant]
        colour = PALETTE[shown.colour]
        ax.plot([low, high], [height, height], color=colour)
        ax.plot(mean, height, "o", color=colour, ms=5)
    ax.axvline(0, color=PALETTE["grey"], linewidth=1)
    ax.set_yticks(range(len(ordered)), [study.VARIANTS[variant].label for variant in ordered])
    label = study.VARIANTS[reference].label
    ax.set(xlabel=f"test accuracy minus that of {label}, percentage points")
    pairs = len(main_runs(record, reference, budget))
    _caption(ax, f"{setting(budget)}, each at its tuned rate, {pairs} pairs, 95 % intervals")
    return ax


def edge(ax: Axes, record: Sequence[Row]) -> Axes:
    """Draw how short runs end at ever higher peak rates, every seed, without and with warm-up."""
    for variant in study.EDGE_VARIANTS:
        runs = rows.select(record, "edge", variant, "short")
        if not runs:
            raise ValueError(f"the record has no edge runs of {variant!r}; run `make record`")
        grid = sorted({row.lr for row in runs})
        means = [fmean(100 * row.accuracy for row in runs if row.lr == lr) for lr in grid]
        shown = study.VARIANTS[variant]
        colour = PALETTE[shown.colour]
        ax.plot(grid, means, shown.line, color=colour, label=shown.label)
        for row in runs:
            mark = "x" if row.accuracy < study.TRAINS else "."
            ax.plot(row.lr, 100 * row.accuracy, mark, color=colour, ms=6)
    ax.axhline(100 * study.TRAINS, color=PALETTE["grey"], linewidth=1)
    _rates_below(ax, (row.lr for row in record if row.run.stage == "edge"))
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor")
    seeds = len(study.EDGE_SEEDS)
    _caption(
        ax, f"{setting('short')}, {seeds} seeds; ×: below {study.TRAINS:.0%}, it fails to train"
    )
    return ax


def suggestions(ax: Axes, record: Sequence[Row], variant: str) -> Axes:
    """Draw what the four rules suggest, every seed, beside the tuned rate of a variant."""
    runs = _finder_runs(record, variant)
    best = main_runs(record, variant, "short")[0].lr
    rules = list(runs[0].suggestions)
    for height, rule in enumerate(rules):
        found = [row.suggestions[rule] for row in runs]
        ax.plot(found, [height] * len(found), "|", color=PALETTE["blue"], ms=14)
    ends = [min(min(row.suggestions.values()) for row in runs), best]
    ends.append(max(max(row.suggestions.values()) for row in runs))
    ax.axvline(best, color=PALETTE["orange"], linestyle="--", linewidth=1.5)
    ax.text(best, len(rules) - 0.4, " tuned rate", color=PALETTE["orange"], size=9)
    ax.set_yticks(range(len(rules)), rules)
    ax.set(xscale="log", xlabel="suggested learning rate (log scale)", ylim=(-0.6, len(rules)))
    ax.set_xlim(10 ** math.floor(math.log10(min(ends))), 10 ** math.ceil(math.log10(max(ends))))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    label = study.VARIANTS[variant].label
    _caption(ax, f"{rows.DATASET}, batch 128, {len(runs)} seeds; tuned: {label}, 2 epochs")
    return ax


def _finder_runs(record: Sequence[Row], variant: str) -> list[Row]:
    runs = rows.select(record, "finder", variant, "short")
    if not runs:
        raise ValueError(f"the record has no finder runs of {variant!r}; run `make record`")
    return runs


def learning(ax: Axes, record: Sequence[Row], variant: str, budget: str, peak_lr: float) -> Axes:
    """Draw the training loss of the tuning runs, those at one peak rate in front."""
    tuned = rows.select(record, "tuning", variant, budget)
    shown = study.VARIANTS[variant]
    ends = []
    for row in sorted(tuned, key=lambda row: row.lr == peak_lr):
        front = row.lr == peak_lr
        colour = PALETTE[shown.colour if front else "grey"]
        epochs = [(tenth + 0.5) / 10 for tenth in range(len(row.loss))]
        ax.plot(epochs, row.loss, color=colour, linewidth=1.8 if front else 0.6)
        if front:
            ends.append("diverged" if row.diverged else f"{row.accuracy:.1%}")
    ax.set(xlabel="epoch", ylabel="training loss", xlim=(0, study.EPOCHS[budget]), ylim=(0.4, 2.6))
    ax.set_title(
        f"{shown.label}, peak rate {peak_lr:g}: validation accuracy {' and '.join(ends)}",
        size=10,
    )
    seeds = len(study.TUNING_SEEDS)
    _caption(ax, f"{setting(budget)}, {seeds} tuning seeds; grey: the other rates of the grid")
    return ax


def at_one_peak(
    ax: Axes, record: Sequence[Row], variants: Sequence[str], budget: str, peak_lr: float
) -> Axes:
    """Draw the validation accuracy of tuning runs at one peak rate, the other rates in grey."""
    epochs = range(1, study.EPOCHS[budget] + 1)
    ends = []
    for variant in variants:
        runs = rows.select(record, "tuning", variant, budget)
        shown = study.VARIANTS[variant]
        for lr in sorted({row.lr for row in runs}, key=lambda lr: lr == peak_lr):
            means = [
                fmean(_accuracy(row, epoch) for row in runs if row.lr == lr) for epoch in epochs
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
    _caption(ax, f"{setting(budget)}, means of {seeds} seeds; grey: the other rates")
    return ax


def paired(
    record: Sequence[Row], variant: str, reference: str, budget: str
) -> tuple[float, float, float]:
    """Return the mean paired difference of test accuracies, in points, and its 95 % interval."""
    for each in (variant, reference):
        main_runs(record, each, budget)  # its error names what is missing
    own, other = (accuracy_on_test(record, each, budget) for each in (variant, reference))
    return claims.interval(subtract(own, other))


def main_runs(record: Sequence[Row], variant: str, budget: str) -> list[Row]:
    """Return a variant's runs with fresh seeds at its tuned rate."""
    chosen = rows.select(record, "main", variant, budget)
    if not chosen:
        raise ValueError(
            f"the record has no runs of {variant!r} at the budget {budget!r}; choose from "
            f"{', '.join(study.VARIANTS)} and {', '.join(study.EPOCHS)}, or run `make record`"
        )
    return chosen


def tuning(
    record: Sequence[Row], variant: str, budget: str
) -> tuple[list[float], list[float], list[tuple[float, float, bool]]]:
    """Return the rates of a grid, the mean accuracies in percent, and every seed's own."""
    grid = study.rates(rows.results(record), variant, budget)
    points = [
        (row.lr, 100 * row.accuracy, row.diverged)
        for row in rows.select(record, "tuning", variant, budget)
    ]
    if {lr for lr, _, _ in points} != set(grid):
        raise ValueError(
            f"the record lacks rates of the grid of {variant!r} at the budget {budget!r}; "
            "run `make record`"
        )
    means = [float(np.mean([a for lr, a, _ in points if lr == rate])) for rate in grid]
    return list(grid), means, points


def near_best(record: Sequence[Row], variant: str, budget: str) -> list[float]:
    """Return the rates of a grid whose mean accuracy is within 1 point of the best one's."""
    grid, means, _ = tuning(record, variant, budget)
    return [lr for lr, mean in zip(grid, means, strict=True) if mean >= max(means) - 1]


def _accuracy(row: Row, epoch: int) -> float:
    return _CHANCE if row.diverged else 100 * row.val_accuracy[epoch - 1]


def setting(budget: str) -> str:
    """Name the data, the budget, the network's width and the batch size."""
    return f"{rows.DATASET}, 45,000 images × {study.EPOCHS[budget]} epochs, width 16, batch 128"


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


def _caption(ax: Axes, text: str) -> None:
    ax.figure.supxlabel(text, size=8, color=PALETTE["grey"], x=0.01, ha="left")
