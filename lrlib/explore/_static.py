"""The controls of `lrlib.explore` on a page without a kernel: plain HTML, and a figure as data.

`book/_static/explorers.js` draws what the controls say. Without it, as in an export of a notebook,
the first picture is seen and the controls rest.
"""

import html
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lrlib._drawing import embedded, swatch
from lrlib._extras import extra
from lrlib._ids import new_id
from lrlib.explore import _described
from lrlib.explore._ranges import (
    Range,
    Values,
    first_value,
    is_logarithmic,
    is_whole,
    said,
    said_of,
    words,
)

with extra("plots", "a figure to play with"):
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_POSITIONS = {1: 13, 2: 6, 3: 4, 4: 3}  # of each slider, by how many there are


def frames(
    figure: Callable[[Values], Figure], alt: str, ranges: Mapping[str, Range], formula: str | None
) -> str:
    """Describe the figure for each position of its sliders, or, with a formula, for the first."""
    choices = [_positions(limits, _POSITIONS[len(ranges)]) for limits in ranges.values()]
    first = {name: first_value(limits) for name, limits in ranges.items()}
    grid = (
        [first]
        if formula
        else [dict(zip(ranges, values, strict=True)) for values in itertools.product(*choices)]
    )
    described = [_described.describe(figure(values)) for values in grid]
    key = new_id("lrlib-explore")
    controls = [
        _slider(key, name, limits, None if formula else positions)
        for (name, limits), positions in zip(ranges.items(), choices, strict=True)
    ]
    shown = embedded(figure(first), said(alt, first))
    about = {"alt": alt} | ({"formula": formula} if formula else {})
    return _explorer(key, about, "".join(controls), shown, described)


def layers(
    figure: Figure,
    axes: Sequence[Axes],
    draw: Callable[[Sequence[Axes], str], object],
    alt: str,
    names: Sequence[str],
    chosen: Sequence[str],
) -> str:
    """Describe everything as one figure, under boxes that show and hide its parts."""
    key = new_id("lrlib-explore")
    boxes, layer = [], {}
    for number, name in enumerate(names):
        before = _artists(axes)
        draw(axes, name)
        new = [artist for artist in _artists(axes) if artist not in before]
        for artist in new:
            layer[artist] = number
            artist.set_visible(name in chosen)
        line = next(artist for artist in new if isinstance(artist, Line2D))
        boxes.append(_checkbox(key, number, name, line, checked=name in chosen))
    choices = f'<legend>Show</legend><div class="lrlib-choices">{"".join(boxes)}</div>'
    shown = embedded(figure, said_of(alt, chosen))
    return _explorer(key, {"alt": alt}, choices, shown, [_described.describe(figure, layer)])


def _explorer(
    key: str,
    about: Mapping[str, str],
    controls: str,
    first: str,
    described: Sequence[Mapping[str, Any]],
) -> str:
    data = "".join(f' data-{name}="{html.escape(text)}"' for name, text in about.items())
    return (
        f'<div class="lrlib-explore" id="{key}"{data}><fieldset disabled>{controls}</fieldset>'
        "<noscript><p>Without JavaScript, this figure shows its first state.</p></noscript>"
        f'<div class="lrlib-frame">{first}</div>'
        f'<script type="application/json">{_described.to_json(described)}</script></div>'
    )


def _artists(axes: Iterable[Axes]) -> list[Artist]:
    return [artist for ax in axes for artist in ax.get_children()]


def _positions(limits: Range, count: int) -> list[float]:
    if isinstance(limits, list):
        return limits
    low, high, first = limits
    space = np.geomspace if is_logarithmic(limits) else np.linspace
    values = [float(f"{value:.3g}") for value in space(low, high, count)]
    if is_whole(limits):
        values = [round(value) for value in values]
    return sorted({*values, first})


def _slider(key: str, name: str, limits: Range, positions: Sequence[float] | None) -> str:
    """A slider over the positions, or over all that the limits allow."""
    label = html.escape(words(name))
    identity = f"{key}-{name}"
    first = first_value(limits)
    given = limits if isinstance(limits, list) else positions
    if given is not None:
        highest, start = len(given) - 1, given.index(first)
        data = {"values": json.dumps(given)}
    else:
        low, high, _ = limits
        highest, start = _place_of(limits)
        data = {"low": f"{low}", "high": f"{high}", "first": f"{first}"}
        data |= {"whole": "1"} if is_whole(limits) else {}
        data |= {"log": "1"} if is_logarithmic(limits) else {}
    attributes = "".join(f' data-{k}="{html.escape(v)}"' for k, v in data.items())
    return (
        f'<div class="lrlib-control"><label for="{identity}">{label}</label>'
        f'<input type="range" id="{identity}" name="{name}" min="0" max="{highest}" '
        f'value="{start}"{attributes} aria-valuetext="{first:.4g}" '
        f'data-lm-suppress-shortcuts="true"><output for="{identity}">{first:.4g}</output></div>'
    )


def _place_of(limits: Range) -> tuple[int, int]:
    """How many places a slider has, and the one nearest to the first value."""
    low, high, first = limits[:3]
    if is_logarithmic(limits):
        return 200, round(200 * math.log(first / low) / math.log(high / low))
    places = round(high - low) if is_whole(limits) else 200
    return places, round(places * (first - low) / (high - low))


def _checkbox(key: str, number: int, name: str, line: Line2D, *, checked: bool) -> str:
    """A box, a piece of the line that it stands for, and its name."""
    mark = " checked" if checked else ""
    return (
        f'<label><input type="checkbox" id="{key}-{number}" value="{number}"{mark} '
        f'data-lm-suppress-shortcuts="true">{swatch(line)}{html.escape(name)}</label>'
    )
