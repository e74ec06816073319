"""A figure once more, for a phone: its panels one below the other, its names above its lines."""

import math
import textwrap
from itertools import pairwise
from typing import Any

from lrlib._drawing import LINE_END, SMALLEST, enlarge_small_letters, write_below
from lrlib._extras import extra

with extra("plots", "drawing"):
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

WIDTH = 3.7  # inches: 333 pixels, what a phone of 390 leaves
_LINE = 0.17  # inches
_LETTERS = 45  # of the smallest size, in the whole width


def narrow(figure: Figure) -> None:
    """Lay a figure out anew, for the width of a phone. What it shows stays as it is."""
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    grid = figure.add_gridspec(len(panels), 1)
    for row, ax in enumerate(panels):
        ax.set_subplotspec(grid[row, 0])
    caption = _wrapped(figure.get_supxlabel(), _LETTERS)
    if caption:
        write_below(figure, caption)
    lines = _names_above(figure) + caption.count("\n")
    share = 1.0 if len(panels) == 1 else 0.75
    height = share * figure.get_figheight() * len(panels)
    figure.set_size_inches(WIDTH, height + lines * _LINE)
    enlarge_small_letters(figure)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(h_pad=0.1)  # a title belongs to what is below it
    figure.draw_without_rendering()
    for ax in panels:
        _keep_within(ax)


def _keep_within(ax: Axes) -> None:
    """Break a panel's title and its label where they would leave the figure."""
    letters = max(12, int(_LETTERS * ax.get_position().width))
    for side in ("center", "left"):
        ax.set_title(_wrapped(ax.get_title(side), letters), size=10, loc=side)
    ax.set_xlabel(_wrapped(ax.get_xlabel(), letters))
    _turn_what_overlaps(ax)


def _names_above(figure: Figure) -> int:
    """Gather the names that stand at lines or in lists above the figure, and count their lines.

    Where panels use a name or a style for different lines, or draw lines of other names, each panel
    keeps a list of its own.
    """
    panels: list[dict[str, Artist]] = []
    drawn: set[str] = set()
    for ax in figure.axes:
        ends = [text for text in ax.texts if text.get_label() == LINE_END]
        listed = ax.get_legend()
        for artist in (*ends, *([listed] if listed else [])):
            artist.set_visible(False)
        handles, labels = ax.get_legend_handles_labels()
        drawn.update(labels)
        panels.append(dict(zip(labels, handles, strict=True)) if ends or listed else {})
    looks = {(name, _look(artist)) for named in panels for name, artist in named.items()}
    own: dict[str, Any] = {"fontsize": SMALLEST, "frameon": False, "labelcolor": "linecolor"}
    names, styles = ({each[of] for each in looks} for of in (0, 1))
    if not len(looks) == len(names) == len(styles) or drawn > names:
        for ax, named in zip(figure.axes, panels, strict=True):
            if named:
                ax.legend(named.values(), named.keys(), loc="best", **own)
        return 0
    every = {name: artist for named in panels for name, artist in named.items()}
    if not every:
        return 0
    columns = 2 if max(map(len, every)) < 20 else 1
    figure.legend(every.values(), every.keys(), loc="outside upper left", ncols=columns, **own)
    return math.ceil(len(every) / columns)


def _look(artist: Artist) -> tuple[object, ...]:
    """What tells a line from others, as far as an artist has it."""
    asked = ("get_color", "get_linestyle", "get_facecolor")
    return tuple(str(getattr(artist, each)()) for each in asked if hasattr(artist, each))


def _wrapped(text: str, letters: int) -> str:
    return "\n".join(textwrap.fill(line, letters) for line in text.split("\n"))


def _turn_what_overlaps(ax: Axes) -> None:
    """Let the numbers below a panel stand upright where they would run into each other."""
    labels = [each for each in ax.get_xticklabels() if each.get_text()]
    boxes = [each.get_window_extent() for each in labels]
    shown = [box for box in boxes if ax.bbox.x0 - 1 <= (box.x0 + box.x1) / 2 <= ax.bbox.x1 + 1]
    shown.sort(key=lambda box: box.x0)
    if any(left.x1 + 3 > right.x0 for left, right in pairwise(shown)):
        ax.tick_params(axis="x", labelrotation=90)
