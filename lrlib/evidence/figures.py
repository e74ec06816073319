"""Figures and lists of the recorded study. They draw what the record holds, and nothing else."""

import html
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, PercentFormatter

from lrlib.evidence import claims, rows, study
from lrlib.evidence.rows import Row
from lrlib.plots import PALETTE

_CHANCE = 10
_STYLES = ("-", "--", "-.", ":")  # a second cue beside colour
_MARKS = {"holds": "✓", "fails": "✗", "undecided here": "?"}


def curves(ax: Axes, record: Sequence[Row], variants: Sequence[str], budget: str) -> Axes:
    """Draw the mean validation accuracy after each epoch, with its 95 % interval."""
    count = 0
    for number, variant in enumerate(variants):
        runs = main_runs(record, variant, budget)
        count = len(runs)
        epochs = range(1, study.EPOCHS[budget] + 1)
        values = [[_accuracy(row, epoch) for row in runs] for epoch in epochs]
        means, lows, highs = zip(*(claims.interval(column) for column in values), strict=True)
        shown = study.VARIANTS[variant]
        colour, style = PALETTE[shown.colour], _STYLES[number % 4]
        ax.plot(epochs, means, style, marker="o", ms=4, color=colour, label=shown.label)
        ax.fill_between(epochs, lows, highs, color=colour, alpha=0.15, linewidth=0)
    ax.set(xlabel="epoch", ylabel="validation accuracy", xticks=list(epochs))
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor")
    _caption(ax, f"{_setting(budget)}, {count} seeds at the tuned rate, band: 95 % interval")
    return ax


def sensitivity(ax: Axes, record: Sequence[Row], variants: Sequence[str], budget: str) -> Axes:
    """Draw the final validation accuracy against the peak rate, every seed, and where it is best.

    The bar along the bottom spans the rates whose mean is within 1 point of the best one.
    """
    for number, variant in enumerate(variants):
        grid, means, points = tuning(record, variant, budget)
        shown = study.VARIANTS[variant]
        colour = PALETTE[shown.colour]
        ax.plot(grid, means, _STYLES[number % 4], color=colour, label=shown.label)
        for lr, accuracy, diverged in points:
            ax.plot(lr, accuracy, "x" if diverged else ".", color=colour, ms=6)
        best = int(np.argmax(means))
        ax.plot(grid[best], means[best], "o", color=colour, ms=9, fillstyle="none")
        near = [lr for lr, mean in zip(grid, means, strict=True) if mean >= means[best] - 1]
        ax.plot([min(near), max(near)], [4 - 3 * number] * 2, color=colour, linewidth=4)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    ax.set(xlabel="peak learning rate (log scale)", ylabel="validation accuracy")
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor")
    seeds = len(study.TUNING_SEEDS)
    _caption(
        ax,
        f"{_setting(budget)}, {seeds} tuning seeds; circle: the tuned rate; bar: within 1 point "
        f"of it; ×: diverged, counted as chance",
    )
    return ax


def verdicts(record: Sequence[Row], chapter: str) -> str:
    """Return an HTML list of the chapter's claims, each with its verdict, interval and n."""
    chosen = [claim for claim in claims.read() if claim.chapter == chapter]
    if not chosen:
        raise ValueError(f"there are no claims for the chapter {chapter!r}; see claims.yml")
    items = []
    for claim in chosen:
        verdict = claims.judge(claim, record)
        name = verdict.word.replace(" ", "-")
        items.append(
            f'<li class="lrlib-claim lrlib-{name}" id="claim-{claim.id}">'
            f"<p>{html.escape(claim.claim)}</p>"
            f'<p><strong><span aria-hidden="true">{_MARKS[verdict.word]}</span> '
            f"{verdict.word}</strong>: {html.escape(sentence(claim, verdict))} "
            f"Source of the claim: {html.escape(claim.source)}.</p></li>"
        )
    return f'<ul class="lrlib-claims">{"".join(items)}</ul>'


def sentence(claim: claims.Claim, verdict: claims.Verdict) -> str:
    """Return what was measured: the mean difference, its interval, n and the budget."""
    signed = [f"{value:+.2f}" for value in (verdict.mean, verdict.low, verdict.high)]
    unit = f" {verdict.unit}" if verdict.unit else ""
    words, threshold = claim.expect
    return (
        f"{claim.measure}, {_side(claim.left)} minus {_side(claim.right)}: {signed[0]}{unit} "
        f"(95 % interval {signed[1]} to {signed[2]}, n = {verdict.pairs}); the claim says "
        f"{words} {threshold:g}{unit}."
    )


def _side(side: object) -> str:
    if not isinstance(side, dict):
        return f"{side:g}"
    rest = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in side.items() if name != "variant"
    )
    label = study.VARIANTS[side["variant"]].label
    return f"{label} ({rest})" if rest else label


def main_runs(record: Sequence[Row], variant: str, budget: str) -> list[Row]:
    """Return a variant's runs with fresh seeds at its tuned rate."""
    chosen = [
        row
        for row in record
        if (row.run.stage, row.run.variant, row.run.budget) == ("main", variant, budget)
    ]
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
        for row in record
        if (row.run.stage, row.run.variant, row.run.budget) == ("tuning", variant, budget)
    ]
    if {lr for lr, _, _ in points} != set(grid):
        raise ValueError(
            f"the record lacks rates of the grid of {variant!r} at the budget {budget!r}; "
            "run `make record`"
        )
    means = [float(np.mean([a for lr, a, _ in points if lr == rate])) for rate in grid]
    return list(grid), means, points


def _accuracy(row: Row, epoch: int) -> float:
    return _CHANCE if row.diverged else 100 * row.val_accuracy[epoch - 1]


def _setting(budget: str) -> str:
    return f"{rows.DATASET}, 45,000 images × {study.EPOCHS[budget]} epochs, width 16, batch 128"


def _caption(ax: Axes, text: str) -> None:
    ax.figure.supxlabel(text, size=8, color=PALETTE["grey"], x=0.01, ha="left")
