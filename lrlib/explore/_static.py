"""The controls of `lrlib.explore` on a page without a kernel: plain HTML over drawn SVG."""

import html
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lrlib import plots
from lrlib._drawing import follow_theme
from lrlib._extras import extra
from lrlib.explore._ranges import Range, first_value, is_logarithmic, is_whole, words

with extra("plots", "a figure to play with"):
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_POSITIONS = {1: 13, 2: 6, 3: 4, 4: 3}  # of each slider, by how many there are
_DASHES = {"-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3"}
_numbers = itertools.count(1)


def frames(picture: Callable[[dict[str, float]], str], ranges: dict[str, Range]) -> str:
    """Draw the picture for a grid of values, under sliders that choose one of these frames."""
    choices = [_positions(limits, _POSITIONS[len(ranges)]) for limits in ranges.values()]
    starts = [
        values.index(first_value(limits))
        for values, limits in zip(choices, ranges.values(), strict=True)
    ]
    drawn = []
    for positions in itertools.product(*(range(len(values)) for values in choices)):
        values = [values[i] for values, i in zip(choices, positions, strict=True)]
        hidden = "" if list(positions) == starts else " hidden"
        content = picture(dict(zip(ranges, values, strict=True)))
        drawn.append(f'<div class="lrlib-frame"{hidden}>{content}</div>')
    key = _new_key()
    controls = [
        _slider(key, name, values, start)
        for name, values, start in zip(ranges, choices, starts, strict=True)
    ]
    return _explorer(key, "".join([*controls, *drawn]), _CHOOSE_FRAME)


def layers(
    figure: Figure,
    axes: Sequence[Axes],
    draw: Callable[[Sequence[Axes], str], object],
    alt: str,
    names: Sequence[str],
    chosen: Sequence[str],
) -> str:
    """Draw everything into one picture, under boxes that show and hide its parts."""
    key = _new_key()
    boxes = []
    for number, name in enumerate(names):
        before = _artists(axes)
        draw(axes, name)
        new = [artist for artist in _artists(axes) if artist not in before]
        for part, artist in enumerate(new):
            artist.set_gid(f"layer{number}-{part}")
        line = next(artist for artist in new if isinstance(artist, Line2D))
        boxes.append(_checkbox(key, number, name, line, checked=name in chosen))

    def mark(group: re.Match[str]) -> str:
        style = "" if names[int(group[2])] in chosen else ' style="display: none"'
        return f'{group[1]} data-layer="{group[2]}"{style}'

    picture = re.sub(r'(<g id="[^"]*-layer(\d+)-\d+")', mark, plots.show(figure, alt).data)
    fields = f'<fieldset class="lrlib-choices"><legend>Show</legend>{"".join(boxes)}</fieldset>'
    frame = f'<div class="lrlib-frame">{picture}</div>'
    return _explorer(key, fields + frame, _CHOOSE_LAYERS)


def _new_key() -> str:
    return f"lrlib-explore-{next(_numbers)}"


def _explorer(key: str, content: str, script: str) -> str:
    return (
        f'<div class="lrlib-explore" id="{key}">{content}'
        f"<script>{script.replace('KEY', json.dumps(key))}</script></div>"
    )


def _artists(axes: Iterable[Axes]) -> list[Artist]:
    return [artist for ax in axes for artist in ax.get_children()]


def _positions(limits: Range, count: int) -> list[float]:
    if isinstance(limits, list):
        return limits
    low, high, first = limits
    space = np.geomspace if is_logarithmic(low, high) else np.linspace
    values = [float(f"{value:.3g}") for value in space(low, high, count)]
    if is_whole(limits):
        values = [round(value) for value in values]
    return sorted({*values, first})


def _slider(key: str, name: str, values: Sequence[float], start: int) -> str:
    texts = [f"{value:.4g}" for value in values]
    label = html.escape(words(name))
    identity = f"{key}-{name}"
    data = html.escape(json.dumps(texts), quote=True)
    return (
        f'<div class="lrlib-control"><label for="{identity}">{label}</label>'
        f'<input type="range" id="{identity}" min="0" max="{len(values) - 1}" value="{start}" '
        f'data-values="{data}" aria-valuetext="{texts[start]}" data-lm-suppress-shortcuts="true">'
        f'<output for="{identity}">{texts[start]}</output></div>'
    )


def _checkbox(key: str, number: int, name: str, line: Line2D, *, checked: bool) -> str:
    """A box, a piece of the line that it stands for, and its name."""
    colour = follow_theme(str(line.get_color()))
    dashes = _DASHES[str(line.get_linestyle())]
    mark = " checked" if checked else ""
    return (
        f'<label><input type="checkbox" id="{key}-{number}" value="{number}"{mark} '
        'data-lm-suppress-shortcuts="true">'
        '<svg class="lrlib-swatch" viewBox="0 0 32 8" aria-hidden="true"><path d="M0 4H32" '
        f'style="stroke: {colour}" stroke-dasharray="{dashes}"/></svg>{html.escape(name)}</label>'
    )


# The frames lie in the order of nested loops over the sliders, the last one fastest.
_CHOOSE_FRAME = """
(function () {
  const root = document.getElementById(KEY);
  const inputs = [...root.querySelectorAll("input")];
  const frames = root.querySelectorAll(".lrlib-frame");
  function update() {
    let chosen = 0;
    for (const input of inputs) {
      chosen = chosen * (Number(input.max) + 1) + Number(input.value);
      const text = JSON.parse(input.dataset.values)[input.value];
      input.setAttribute("aria-valuetext", text);
      input.nextElementSibling.value = text;
    }
    frames.forEach((frame, number) => { frame.hidden = number !== chosen; });
  }
  for (const input of inputs) input.addEventListener("input", update);
  update();
})();
"""

_CHOOSE_LAYERS = """
(function () {
  const root = document.getElementById(KEY);
  const boxes = [...root.querySelectorAll("input")];
  const picture = root.querySelector(".lrlib-frame svg");
  const alt = picture.getAttribute("aria-label");
  function update() {
    const shown = boxes.filter((box) => box.checked);
    for (const box of boxes) {
      for (const part of root.querySelectorAll(`[data-layer="${box.value}"]`)) {
        part.style.display = box.checked ? "" : "none";
      }
    }
    const names = shown.map((box) => box.parentElement.textContent.trim());
    picture.setAttribute("aria-label", `${alt} Shown: ${names.join("; ") || "none"}.`);
  }
  for (const box of boxes) box.addEventListener("change", update);
  update();
})();
"""
