"""The controls of `lrlib.explore` where a kernel runs, from ipywidgets.

What a callback draws, and the error it raises, go into the value of an HTML widget. An `Output`
widget would catch what other threads print, and lose what a thread of its own prints.
"""

import html
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lrlib._extras import extra
from lrlib._kept import Kept
from lrlib.explore._ranges import Range, Values, first_value, is_whole, stops, words

with extra("widgets", "a figure to play with"):
    import ipywidgets


def sliders(picture: Callable[[Values], str], ranges: Mapping[str, Range]) -> Kept:
    """Show a picture that is drawn again whenever a slider moves."""
    controls = {name: control(name, limits) for name, limits in ranges.items()}
    return _with_picture(list(controls.values()), lambda: picture(values_of(controls)))


def boxes(
    picture: Callable[[Sequence[str]], str], names: Sequence[str], chosen: Sequence[str]
) -> Kept:
    """Show a picture that is drawn again whenever a box is ticked or cleared."""
    controls = {
        name: ipywidgets.Checkbox(name in chosen, description=name, indent=False) for name in names
    }

    def drawn() -> str:
        return picture([name for name, box in controls.items() if box.value])

    return _with_picture(list(controls.values()), drawn)


def _with_picture(controls: Sequence[Any], picture: Callable[[], str]) -> Kept:
    # The first one is drawn here: an error in it is an error of the cell.
    figure = ipywidgets.HTML(picture())

    def redraw(_: object) -> None:
        try:
            figure.value = picture()
        except Exception as error:  # the reader's own function may raise anything
            figure.value = fault(error, "Change a value to draw again.")

    for control in controls:
        control.observe(redraw, "value")
    return Kept([*controls, figure], figure.value)


def control(name: str, limits: Range) -> Any:
    """A slider that holds the very values that it shows.

    One of floats would move its first value to its own grid as soon as a browser shows it.
    """
    options: dict[str, Any] = {
        "description": words(name),
        "style": {"description_width": "13em"},  # the longest name is "peak learning rate"
        "layout": {"width": "46em", "max_width": "100%"},
    }
    if is_whole(limits) and not isinstance(limits, list):
        low, high, first = limits
        return ipywidgets.IntSlider(value=first, min=low, max=high, **options)
    texts = [(f"{value:.4g}", value) for value in stops(limits)]
    return ipywidgets.SelectionSlider(options=texts, value=first_value(limits), **options)


def values_of(controls: Mapping[str, Any]) -> Values:
    return {name: control.value for name, control in controls.items()}


def fault(error: BaseException, advice: str) -> str:
    """The error for the reader; `tests/notebooks/check_executed.py` looks for the class."""
    last = html.escape(traceback.format_exception_only(error)[-1].strip())
    full = html.escape("".join(traceback.format_exception(error)))
    return (
        '<div class="lrlib-error" role="alert" '
        'style="border-left: 4px solid var(--lrlib-red, #c8102e); padding-left: 1em">'
        f"<p><strong>{last}</strong></p><p>{advice} If the error stays, mend the function in the "
        f"cell and run the cell again.</p><details><summary>Where it happened</summary>"
        f'<pre style="line-height: 1.3">{full}</pre></details></div>'
    )
