"""A figure as data: what its axes hold, for a page that draws it in the reader's browser.

`book/_static/figures.js` draws from this what matplotlib draws from the same axes.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrlib._drawing import PALETTE
from lrlib._extras import extra

with extra("plots", "a figure to play with"):
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import Collection
    from matplotlib.colors import to_hex
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text
    from matplotlib.ticker import FixedLocator, PercentFormatter

_COLOURS = {value: name for name, value in PALETTE.items()}


def describe(figure: Figure, layers: Mapping[Artist, int] | None = None) -> dict[str, Any]:
    """Read a figure of lines, bands and texts.

    Args:
        figure: From `lrlib.plots.panels`.
        layers: For lines and bands, the number of the box that shows and hides them.

    Returns:
        `panels`, from left to right, and the `caption` below them.

    Raises:
        TypeError: A panel holds something else.
    """
    return {
        "panels": [_panel(ax, layers or {}) for ax in figure.axes],
        "caption": figure.get_supxlabel(),
        "height": round(figure.get_figheight() * 90),
    }


def _panel(ax: Axes, layers: Mapping[Artist, int]) -> dict[str, Any]:
    strange = [*ax.patches, *ax.images]
    if strange:
        raise TypeError(f"a figure to play with holds lines, bands and texts, got {strange[0]}")
    titles = [ax.get_title(loc=place) for place in ("left", "center", "right")]
    return {
        "title": next(filter(None, titles), ""),
        "x": _axis(ax.xaxis, *ax.get_xlim()),
        "y": _axis(ax.yaxis, *ax.get_ylim()),
        "bands": [_band(band) | _layer(band, layers) for band in ax.collections],
        "lines": [_line(ax, line) | _layer(line, layers) for line in ax.lines],
        "texts": [_text(ax, text) for text in ax.texts if not _is_name(ax, text)],
        "legend": ax.get_legend() is not None,
        "named": any(_is_name(ax, text) for text in ax.texts),
    }


def _axis(axis: Axis, low: float, high: float) -> dict[str, Any]:
    formatter, locator = axis.get_major_formatter(), axis.get_major_locator()
    described: dict[str, Any] = {
        "label": axis.get_label_text(),
        "low": float(low),
        "high": float(high),
        "log": axis.get_scale() == "log",
    }
    if isinstance(formatter, PercentFormatter):
        described["whole"] = float(formatter.xmax)
    if isinstance(locator, FixedLocator):
        described["ticks"] = [float(tick) for tick in locator()]
    return described


def _band(band: Collection) -> dict[str, Any]:
    """What `fill_between` makes: the points around it."""
    xs, ys = np.asarray(band.get_paths()[0].vertices).T
    return {"xs": xs, "ys": ys, "colour": _colour(band.get_facecolor()[0])}


def _colour(colour: Any) -> str:
    """A name of the palette, which follows the page from light to dark, or the colour itself."""
    return _COLOURS.get(to_hex(colour), to_hex(colour))


def _layer(artist: Artist, layers: Mapping[Artist, int]) -> dict[str, int]:
    return {"layer": layers[artist]} if artist in layers else {}


def _line(ax: Axes, line: Line2D) -> dict[str, Any]:
    """`across` is a line from edge to edge, at a height, and `along` one at a place."""
    label = str(line.get_label())
    marker = line.get_marker()
    described: dict[str, Any] = {
        "colour": _colour(line.get_color()),
        "width": float(line.get_linewidth()),
        "dash": str(line.get_linestyle()),
        "label": "" if label.startswith("_") else label,
    }
    if marker not in (None, "None", ""):
        hollow = line.get_fillstyle() == "none"
        described |= {"marker": str(marker), "size": float(line.get_markersize()), "hollow": hollow}
    xs, ys = (np.asarray(values, float) for values in (line.get_xdata(), line.get_ydata()))
    if line.get_transform() == ax.get_yaxis_transform(which="grid"):
        return described | {"across": float(ys[0])}
    if line.get_transform() == ax.get_xaxis_transform(which="grid"):
        return described | {"along": float(xs[0])}
    return described | {"xs": xs, "ys": ys}


def _is_name(ax: Axes, text: Text) -> bool:
    """Right of the panel stand the names of lines: the page places them itself."""
    return text.get_transform() is ax.transAxes and text.get_position()[0] > 1


def _text(ax: Axes, text: Text) -> dict[str, Any]:
    x, y = text.get_position()
    return {
        "text": text.get_text(),
        "x": float(x),
        "y": float(y),
        "inside": text.get_transform() is ax.transAxes,  # x and y are fractions of the panel
        "colour": "" if text.get_color() == "black" else _colour(text.get_color()),
        "align": text.get_horizontalalignment(),
    }


def to_json(frames: Sequence[Mapping[str, Any]]) -> str:
    """Write frames with each list of numbers once, rounded to what an eye can see.

    Returns:
        JSON with `curves`, the lists, and `frames`, whose lines name theirs by number.
    """
    curves: dict[str, int] = {}

    def number(values: np.ndarray) -> int:
        text = json.dumps([_rounded(value) for value in values], separators=(",", ":"))
        return curves.setdefault(text, len(curves))

    def encoded(value: Any) -> Any:
        match value:
            case np.ndarray():
                return number(value)
            case dict():
                return {key: encoded(each) for key, each in value.items()}
            case list():
                return [encoded(each) for each in value]
        return value

    written = json.dumps(encoded(list(frames)), separators=(",", ":"), ensure_ascii=False)
    # Inside a script element, an end tag in a text would end the element.
    return f'{{"curves":[{",".join(curves)}],"frames":{written}}}'.replace("</", "<\\/")


def _rounded(value: float) -> float | None:
    """Four digits: on a figure of 700 pixels the fifth moves nothing. JSON has no NaN."""
    if not math.isfinite(value):
        return None
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short
