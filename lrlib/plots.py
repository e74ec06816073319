"""Figures: functions that draw on axes, and one that turns a figure into SVG for a page.

Figures are drawn from the history of a run. Text and axes take the colour of the page around them,
so that a figure can be read on a light and on a dark page. `PALETTE` holds the colours of lines by
name: "blue", "orange", "green", "red", "purple", "brown", "pink", "teal" and "grey".
"""

import copy
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrlib._drawing import (
    DASHES,
    LINE_END,
    SMALLEST,
    embedded,
    name_lines,
    svg,
    tick_whole_percents,
    write_below,
)
from lrlib._drawing import PALETTE as PALETTE
from lrlib._extras import extra
from lrlib._markup import unbroken
from lrlib._narrow import narrow
from lrlib.history import History

with extra("plots", "drawing"):
    import matplotlib as mpl
    from IPython.display import HTML
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

_STYLE: dict[Any, Any] = {  # matplotlib types its keys one by one
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "font.size": 10,
    "lines.linewidth": 1.8,
    "xtick.labelsize": SMALLEST,
    "ytick.labelsize": SMALLEST,
}
_AXIS_LABELS = {
    "lr": "learning rate",
    "loss": "training loss",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
}
_SMOOTHING = 15


def panels(columns: int = 1, height: float = 3.0, width: float = 8.0) -> tuple[Figure, list[Axes]]:
    """Make a figure with one or more panels side by side, in the style of the book.

    Args:
        columns: How many panels, at least 1.
        height: The height of the figure in inches, positive.
        width: The width of the figure in inches, positive.

    Returns:
        The figure and the list of its axes, from left to right. `show` displays the figure.

    Example:
        >>> figure, (left, right) = panels(columns=2)
        >>> len(figure.axes)
        2
    """
    with mpl.rc_context(_STYLE):
        # Between panels stand the names of the left one's lines and the right one's label.
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=0.06))
        axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, list(axes)


def curves(
    ax: Axes,
    series: Mapping[str, History | np.ndarray],
    y: str = "lr",
    colours: Sequence[str] = tuple(PALETTE),
) -> Axes:
    """Draw one line for each run or schedule, named at its right end if there are several.

    Where three panels draw the same lines, the last one alone names them.

    A run's loss is drawn as a centred mean over 15 steps, which doesn't shift the curve; near its
    ends, as the straight line through the 15 that are nearest. Its validation results are points at
    the ends of the epochs, and a caption says what it trained on, and for how long. An array is
    drawn as it is.

    Args:
        ax: Where to draw, one of the axes from `panels`.
        series: By name, the history of a run, or an array with one value per step, as
            `lrlib.schedules.lr_curve` returns it.
        y: What to show of each history: "lr", "loss", "val_loss" or "val_accuracy". For an array it
            only names the axis.
        colours: Names from `PALETTE`, the first for the first line and so on. If there are more
            lines than names, they start over.

    Returns:
        The axes that were passed.

    Raises:
        ValueError: `y` is none of the four, or `series` is empty.
        KeyError: A colour is not in `PALETTE`.

    Example:
        >>> from lrlib.schedules import CosineAnnealing, lr_curve
        >>> figure, (ax,) = panels()
        >>> rates = lr_curve(CosineAnnealing(100), 101, peak_lr=0.1)
        >>> ax = curves(ax, {"cosine": rates})
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
        _leave_names_to_the_last(ax)
    _name_runs(ax, [run for run in series.values() if isinstance(run, History)])
    return ax


def _leave_names_to_the_last(ax: Axes) -> None:
    """Of three panels that draw the same lines, let this one alone name them: they have no room."""
    names = [line.get_label() for line in ax.lines]
    same = [each for each in ax.figure.axes if [line.get_label() for line in each.lines] == names]
    if len(same) < 3:
        return
    for each in same:
        for text in list(each.texts):
            if each is not ax and text.get_label() == LINE_END:
                text.remove()


def _points(values: History | np.ndarray, y: str) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(values, History):
        return np.arange(len(values)), np.asarray(values)
    ys = np.array(getattr(values, y), dtype=float)
    if y.startswith("val_"):
        return np.array(values.epoch_end), ys
    if y == "loss":
        ys = _smoothed(ys)
    return np.array(values.step), ys


def _smoothed(values: np.ndarray) -> np.ndarray:
    if len(values) < 2:
        return values
    width = min(_SMOOTHING, len(values))
    steps = np.arange(len(values))
    # Near the ends the window stays whole, and the line through its values is read beside its
    # middle: a smaller window would show the noise of single steps.
    first = np.clip(steps - width // 2, 0, len(values) - width)
    places = np.arange(width) - (width - 1) / 2
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    with np.errstate(invalid="ignore"):  # the loss of a run that blew up; nothing is drawn there
        slopes = windows @ places / (places @ places)
        return windows.mean(axis=1)[first] + slopes[first] * places[steps - first]


def _name_runs(ax: Axes, runs: Sequence[History]) -> None:
    """Say below the figure what its runs trained on, and for how long."""
    figure = ax.figure
    known = [line for line in figure.get_supxlabel().split("\n") if line]
    new = [unbroken(f"{run.setting}, seed {run.seed}") for run in runs]
    if runs:
        lines = "\n".join(dict.fromkeys([*known, *new]))
        write_below(figure, lines)


def show(figure: Figure, alt: str) -> HTML:
    """Turn a figure into SVG for a notebook or page, with a text for readers who can't see it.

    Args:
        figure: From `panels`.
        alt: What the figure shows, in a sentence.

    Returns:
        An object that a notebook displays when it is the last value of a cell.

    Raises:
        ValueError: `alt` is empty.

    Example:
        >>> figure, (ax,) = panels()
        >>> 'aria-label="An empty panel."' in show(figure, "An empty panel.").data
        True
    """
    if not alt.strip():
        raise ValueError("alt must say what the figure shows, got an empty text")
    phone = copy.deepcopy(figure)  # the reader may go on with theirs
    narrow(phone)
    # The site's script takes the second picture where a page is narrow. Elsewhere it does nothing.
    return HTML(embedded(figure, alt, beside=f"<template>{svg(phone, alt)}</template>"))
