"""Figures: functions that draw on axes, and one that turns a figure into SVG for a page.

Figures are drawn from what a run wrote down. Text and axes take the colour of the page around
them, so that a figure can be read on a light and on a dark page.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrlib._drawing import DASHES, name_lines, svg, tick_whole_percents
from lrlib._drawing import PALETTE as PALETTE
from lrlib._extras import extra
from lrlib._styles import styled
from lrlib.history import History

with extra("plots", "drawing"):
    import matplotlib as mpl
    from IPython.display import HTML
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLE: dict[Any, Any] = {  # matplotlib types its keys one by one
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "font.size": 10,
    "lines.linewidth": 1.8,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
_AXIS_LABELS = {
    "lr": "learning rate",
    "loss": "training loss",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
}
_SMOOTHING = 15


def panels(columns: int = 1, height: float = 3.0, width: float = 8.0) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels side by side, in the style of the book.

    Args:
        columns: How many panels, at least 1.
        height: The height of the figure in inches, positive.
        width: The width of the figure in inches, positive.

    Returns:
        The figure and its axes, from left to right.

    Example:
        >>> figure, (left, right) = panels(columns=2)
        >>> len(figure.axes)
        2
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, list(axes)


def curves(
    ax: Axes,
    series: Mapping[str, History | np.ndarray],
    y: str = "lr",
    colours: Sequence[str] = tuple(PALETTE),
) -> Axes:
    """Draw one line for each run or schedule, named at its right end.

    Losses are shown as a centred mean over 15 steps, which does not shift the curve. Validation
    results are points at the ends of the epochs. Below a figure of runs stands what they trained
    on, and for how long.

    Args:
        ax: Where to draw.
        series: Names and what they stand for: the history of a run, or an array of one value a
            step, as `lrlib.schedules.lr_curve` returns it. With one line its name is left out.
        y: What to show: "lr", "loss", "val_loss" or "val_accuracy".
        colours: Names from `PALETTE`, one a line, in the same order. They repeat.

    Returns:
        The axes that were passed.

    Raises:
        ValueError: `y` is none of the four, or `series` is empty.

    Example:
        >>> from lrlib.schedules import CosineAnnealing, lr_curve
        >>> figure, (ax,) = panels()
        >>> ax = curves(ax, {"cosine": lr_curve(CosineAnnealing(100), 101, peak_lr=0.1)})
        >>> ax.get_ylabel(), float(ax.lines[0].get_ydata()[50])
        ('learning rate', 0.05)
    """
    if y not in _AXIS_LABELS:
        raise ValueError(f"y must be one of {', '.join(_AXIS_LABELS)}, got {y!r}")
    if not series:
        raise ValueError("series must hold at least one run or schedule, got none")
    styles = itertools.cycle(DASHES)
    for (name, values), colour in zip(series.items(), itertools.cycle(colours), strict=False):
        xs, ys = _points(values, y)
        marker = "o" if y.startswith("val_") else None
        ax.plot(xs, ys, next(styles), color=PALETTE[colour], label=name, marker=marker, ms=4)
    ax.set_xlabel("step")
    ax.set_ylabel(_AXIS_LABELS[y])
    ax.set_xlim(left=0)
    if y == "lr":
        ax.set_ylim(bottom=0)
    if y == "val_accuracy":
        tick_whole_percents(ax, whole=1)
    if len(series) > 1:
        name_lines(ax)
    _name_runs(ax, [run for run in series.values() if isinstance(run, History)])
    return ax


def _points(values: History | np.ndarray, y: str) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(values, History):
        return np.arange(len(values)), np.asarray(values)
    ys = np.array(getattr(values, y), dtype=float)
    if y.startswith("val_"):
        return np.array(values.epoch_end), ys
    if y == "loss":
        ys = _centred_mean(ys)
    return np.array(values.step), ys


def _centred_mean(values: np.ndarray) -> np.ndarray:
    reach = min(_SMOOTHING // 2, (len(values) - 1) // 2)
    ends = np.arange(len(values))
    # Near the ends the window shrinks on both sides alike, so that it stays centred.
    reaches = np.minimum(reach, np.minimum(ends, ends[::-1]))
    return np.array([values[i - r : i + r + 1].mean() for i, r in zip(ends, reaches, strict=True)])


def _name_runs(ax: Axes, runs: Sequence[History]) -> None:
    """Say below the figure what its runs trained on, and for how long."""
    figure = ax.figure
    known = [line for line in figure.get_supxlabel().split("\n") if line]
    new = [f"{run.setting}, seed {run.seed}" for run in runs]
    if runs:
        lines = "\n".join(dict.fromkeys([*known, *new]))
        figure.supxlabel(lines, size=9, color=PALETTE["grey"], x=0.01, ha="left")


def show(figure: Figure, alt: str) -> HTML:
    """Turn a figure into inline SVG with a text for those who cannot see it.

    Args:
        figure: From `panels`.
        alt: What the figure shows, in a sentence.

    Returns:
        An object that notebooks and pages display.

    Raises:
        ValueError: `alt` is empty.

    Example:
        >>> figure, (ax,) = panels()
        >>> 'aria-label="An empty panel."' in show(figure, "An empty panel.").data
        True
    """
    if not alt.strip():
        raise ValueError("alt must say what the figure shows, got an empty text")
    return HTML(styled(f'<figure class="lrlib-figure">{svg(figure, alt)}</figure>'))
