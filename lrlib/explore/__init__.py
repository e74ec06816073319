"""Figures to play with: ipywidgets where a kernel runs, frames on a static page.

One description serves both: a function that draws, and the range of each of its parameters.
"""

import os
from collections.abc import Callable, Mapping

from lrlib import plots
from lrlib._extras import extra
from lrlib.explore import _static
from lrlib.explore._ranges import Range, Values, check, said
from lrlib.explore._runs import comparison
from lrlib.history import History

with extra("plots", "a figure to play with"):
    from IPython.display import HTML
    from matplotlib.figure import Figure

Draw = Callable[..., object]


def sliders(
    draw: Draw, alt: str, *, height: float = 3.0, formula: str | None = None, **ranges: Range
) -> object:
    """Show a figure with one slider for each of its parameters.

    With a kernel the sliders are ipywidgets. On a page of the book the reader's browser draws, from
    data that the page holds for a grid of values, or from a formula for every value.

    Args:
        draw: Called as `draw(ax, **values)`, with one value a parameter.
        alt: What the figure shows, in a sentence.
        height: The height of the figure in inches, positive.
        formula: The same figure's name in `book/_static/formulas.js`. `None` has the grid.
        ranges: For each parameter (lowest, highest, first value), one to four parameters. Whole
            numbers give a slider of whole numbers; from 0.001 to 1, or wherever the highest is
            100 times the lowest or more, the slider is logarithmic. A list has the only values
            that there are, in rising order; the slider begins in its middle.

    Returns:
        An object that notebooks and pages display.

    Raises:
        ValueError: There are no parameters or more than four, a first value lies outside its
            range, or a list does not rise.

    Example:
        >>> from lrlib.plots import curves
        >>> from lrlib.schedules import StepDecay, lr_curve
        >>> def draw(ax, every):
        ...     curves(ax, {"step decay": lr_curve(StepDecay(every), 300)})
        >>> sliders(draw, "The rate falls in steps.", every=(20, 200, 100))  # doctest: +SKIP
    """
    check(ranges)

    place = None

    def figure(values: Values) -> Figure:
        nonlocal place
        drawn, (ax,) = plots.panels(height=height)
        draw(ax, **values)
        if place is not None:
            # Laid out once: the axes stay where they are while a slider moves, and it is faster.
            drawn.set_layout_engine("none")
            ax.set_position(place)
        return drawn

    if os.environ.get("LRLIB_STATIC"):
        return HTML(_static.frames(figure, alt, ranges, formula))

    def picture(values: Values) -> str:
        nonlocal place
        drawn = figure(values)
        text = plots.show(drawn, said(alt, values)).data
        place = drawn.axes[0].get_position()
        return text

    from lrlib.explore import _live  # ipywidgets loads with it

    return _live.sliders(picture, ranges)


_NEEDS_KERNEL = (
    '<p class="lrlib-needs-kernel">Here the notebook has controls that train again with your own '
    "values. They need a running kernel: download this notebook at the top of the page, and run it "
    'as <a href="../book/setup.html">Set up</a> says.</p>'
)


def retrain(
    run: Callable[..., History],
    alt: str,
    *,
    steps: int,
    recorded: Mapping[str, History] | None = None,
    **ranges: Range,
) -> object:
    """Show sliders and a button that trains with their values and compares the last runs.

    The curves grow while it trains. Stop ends a run early and keeps what it has done; Reset ends
    it, forgets all runs, and puts the sliders back. The last four runs stay in the figure. One
    training runs at a time in a kernel, whatever is pressed.

    Training needs a kernel. While the book is built, the recorded runs are shown with a sentence
    that says where to train.

    The training runs in a thread beside the cells. torch has one random state for all threads: a
    run gives the same result again if no cell runs meanwhile, or none that draws random numbers,
    sets the seed, or trains.

    Args:
        run: Called as `run(**values, on_step=on_step)`. It trains with the values, hands `on_step`
            to `lrlib.train.fit`, and returns the history.
        alt: What the figure of the runs shows, in a sentence.
        steps: The steps of a whole run, for the progress bar, at least 1.
        recorded: Names and histories of runs to compare with, drawn thinner and in grey.
        ranges: For each parameter (lowest, highest, first value), as for `sliders`.

    Returns:
        An object that notebooks and pages display.

    Raises:
        ValueError: `steps` is below 1, or the ranges are not those that `sliders` takes.

    Example:
        >>> from lrlib import train
        >>> def run(peak_lr, on_step):
        ...     net, optimizer = new_run(peak_lr)
        ...     return train.fit(net, optimizer, splits, epochs=1, on_step=on_step)
        >>> retrain(run, "My runs.", steps=117, peak_lr=(0.01, 1.0, 0.1))  # doctest: +SKIP
    """
    check(ranges)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}; pass the steps of a whole run")
    recorded = recorded or {}
    if os.environ.get("LRLIB_STATIC"):
        return HTML(comparison([], recorded, steps, alt) + _NEEDS_KERNEL)
    from lrlib.explore._retraining import Retraining  # ipywidgets loads with it

    return Retraining(run, alt, steps, recorded, ranges).box
