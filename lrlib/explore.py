"""Figures to play with: ipywidgets where a kernel runs, frames on a static page.

One description serves both: a function that draws, and the range of each of its parameters.
"""

import html
import itertools
import json
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from IPython.display import HTML, display

from lrlib import plots
from lrlib.train import History

Draw = Callable[..., object]
Range = tuple[float, float, float]
_POSITIONS = {1: 13, 2: 6, 3: 4}  # of each slider, by how many there are
_numbers = itertools.count(1)


def sliders(draw: Draw, alt: str, *, height: float = 3.0, **ranges: Range) -> object:
    """Show a figure with one slider for each of its parameters.

    With a kernel the sliders are ipywidgets with continuous values. While the book is built the
    figure is drawn for a grid of values, and a slider chooses among these frames without a kernel.

    Args:
        draw: Called as `draw(ax, **values)`, with one value a parameter.
        alt: What the figure shows, in a sentence.
        height: The height of the figure in inches, positive.
        ranges: For each parameter (lowest, highest, first value), one to three parameters. Whole
            numbers give a slider of whole numbers; from 0.001 to 1, or wherever the highest is
            100 times the lowest or more, the slider is logarithmic.

    Returns:
        An object that notebooks and pages display.

    Raises:
        ValueError: There are no parameters or more than three, or a first value lies outside its
            range.

    Example:
        >>> from lrlib.plots import curves
        >>> from lrlib.schedules import StepDecay, lr_curve
        >>> def draw(ax, every):
        ...     curves(ax, {"step decay": lr_curve(StepDecay(every), 300)})
        >>> sliders(draw, "The rate falls in steps.", every=(20, 200, 100))  # doctest: +SKIP
    """
    if not 1 <= len(ranges) <= 3:
        raise ValueError(f"sliders take one to three parameters, got {len(ranges)}")
    for name, (low, high, first) in ranges.items():
        if not low <= first <= high or low == high:
            raise ValueError(
                f"{name} must be (lowest, highest, first value) with the first value in between, "
                f"got ({low}, {high}, {first})"
            )

    def picture(values: dict[str, float]) -> str:
        figure, (ax,) = plots.panels(height=height)
        draw(ax, **values)
        setting = ", ".join(f"{_words(name)} {value:.4g}" for name, value in values.items())
        return plots.show(figure, f"{alt} {setting}.").data

    if os.environ.get("LRLIB_STATIC"):
        return HTML(_frames(picture, ranges))
    return _live(picture, ranges)


def _words(name: str) -> str:
    return name.replace("_", " ").replace("lr", "learning rate")


def _is_logarithmic(low: float, high: float) -> bool:
    return low > 0 and high / low >= 100


def _is_whole(limits: Range) -> bool:
    return all(isinstance(value, int) for value in limits)


def _live(picture: Callable[[dict[str, float]], str], ranges: dict[str, Range]) -> object:
    import ipywidgets

    controls = {name: _control(name, limits) for name, limits in ranges.items()}

    def redraw(**values: float) -> None:
        display(HTML(picture(values)))

    output = ipywidgets.interactive_output(redraw, controls)
    return ipywidgets.VBox([*controls.values(), output])


def _control(name: str, limits: Range) -> Any:
    import ipywidgets

    low, high, first = limits
    options = {
        "description": _words(name),
        "style": {"description_width": "9em"},
        "layout": {"width": "28em"},
    }
    if _is_logarithmic(low, high):
        return ipywidgets.FloatLogSlider(
            value=first, min=math.log10(low), max=math.log10(high), step=0.02, **options
        )
    if _is_whole(limits):
        return ipywidgets.IntSlider(value=first, min=low, max=high, **options)
    return ipywidgets.FloatSlider(
        value=first, min=low, max=high, step=(high - low) / 100, readout_format=".3g", **options
    )


def _positions(limits: Range, count: int) -> list[float]:
    low, high, first = limits
    space = np.geomspace if _is_logarithmic(low, high) else np.linspace
    values = [float(f"{value:.3g}") for value in space(low, high, count)]
    if _is_whole(limits):
        values = [round(value) for value in values]
    return sorted({*values, first})


def _frames(picture: Callable[[dict[str, float]], str], ranges: dict[str, Range]) -> str:
    choices = [_positions(limits, _POSITIONS[len(ranges)]) for limits in ranges.values()]
    starts = [
        values.index(limits[2]) for values, limits in zip(choices, ranges.values(), strict=True)
    ]
    frames = []
    for positions in itertools.product(*(range(len(values)) for values in choices)):
        values = [values[i] for values, i in zip(choices, positions, strict=True)]
        hidden = "" if list(positions) == starts else " hidden"
        content = picture(dict(zip(ranges, values, strict=True)))
        frames.append(f'<div class="lrlib-frame"{hidden}>{content}</div>')
    key = f"lrlib-explore-{next(_numbers)}"
    controls = [
        _html_control(key, name, values, start)
        for name, values, start in zip(ranges, choices, starts, strict=True)
    ]
    return (
        f'<div class="lrlib-explore" id="{key}">{"".join(controls)}{"".join(frames)}'
        f"<script>{_SCRIPT.replace('KEY', json.dumps(key))}</script></div>"
    )


def _html_control(key: str, name: str, values: Sequence[float], start: int) -> str:
    texts = [f"{value:.4g}" for value in values]
    words = html.escape(_words(name))
    identity = f"{key}-{name}"
    data = html.escape(json.dumps(texts), quote=True)
    return (
        f'<div class="lrlib-control"><label for="{identity}">{words}</label>'
        f'<input type="range" id="{identity}" min="0" max="{len(values) - 1}" value="{start}" '
        f'data-values="{data}" aria-valuetext="{texts[start]}" data-lm-suppress-shortcuts="true">'
        f'<output for="{identity}">{texts[start]}</output></div>'
    )


# The frames lie in the order of nested loops over the sliders, the last one fastest.
_SCRIPT = """
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


def retrain(run: Callable[..., History], alt: str, **ranges: Range) -> object:
    """Show sliders and a button that trains with their values and compares the last runs.

    Training needs a kernel. While the book is built, a sentence says so in place of the controls.

    Args:
        run: Called as `run(**values)`; trains and returns the history.
        alt: What the figure of the runs shows, in a sentence.
        ranges: For each parameter (lowest, highest, first value), as for `sliders`.

    Returns:
        An object that notebooks and pages display.

    Example:
        >>> def run(peak_lr):
        ...     return History("CIFAR-10", n_train=15_000, seed=0)
        >>> controls = retrain(run, "Runs at several rates.", peak_lr=(0.001, 1.0, 0.1))
    """
    if os.environ.get("LRLIB_STATIC"):
        return HTML(
            '<p class="lrlib-needs-kernel">Here the notebook has controls that train again with '
            "your own values. They need a running kernel: open the notebook to use them.</p>"
        )
    import ipywidgets

    controls = {name: _control(name, limits) for name, limits in ranges.items()}
    button = ipywidgets.Button(description="Train", button_style="primary")
    output = ipywidgets.Output()
    runs: dict[str, History] = {}

    def train_again(_: object) -> None:
        button.disabled = True
        try:
            with output:
                output.clear_output(wait=True)
                values = {name: control.value for name, control in controls.items()}
                name = ", ".join(f"{_words(name)} {value:.3g}" for name, value in values.items())
                runs[name] = run(**values)
                while len(runs) > 4:
                    del runs[next(iter(runs))]
                figure, axes = plots.panels(columns=2)
                for ax, y in zip(axes, ("loss", "val_accuracy"), strict=True):
                    plots.curves(ax, runs, y)
                output.clear_output(wait=True)
                display(plots.show(figure, alt))
        finally:
            button.disabled = False

    button.on_click(train_again)
    return ipywidgets.VBox([*controls.values(), button, output])
