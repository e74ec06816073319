"""Figures to play with: with ipywidgets in a notebook, drawn by the browser on a page of the book.

You describe a figure once, as a function that draws and the range of each of its parameters.
"""

import os
from collections.abc import Callable, Mapping

from lrlib import plots
from lrlib._drawing import embedded
from lrlib._extras import extra
from lrlib.explore import _static
from lrlib.explore._ranges import Range, Values, check, said
from lrlib.explore._ranges import Stops as Stops  # others make them
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

    In a notebook your function draws again whenever a slider moves. A page of the book has no
    Python to run, so it holds the figure for a grid of values, or a formula in JavaScript.

    Args:
        draw: Called as `draw(ax, **values)`, with the axes to draw on and one value per parameter.
        alt: What the figure shows, in a sentence, for readers who can't see it.
        height: The height of the figure in inches, positive.
        formula: For pages of the book alone: the name under which `book/_static/formulas.js` has
            the same figure. `None` uses the grid.
        ranges: For each of one to four parameters, by name, (lowest, highest, first value). Three
            whole numbers give a slider of whole numbers. Other sliders are logarithmic if the
            lowest is positive and the highest at least 100 times as large, as from 0.001 to 1. Or
            give a list of at least two values, in rising order, to allow no others; the slider
            starts in the middle of the list, or with `Stops(values, first)` at the value `first`.

    Returns:
        An object that a notebook displays when it is the last value of a cell.

    Raises:
        ValueError: There are no parameters or more than four, a lowest value isn't below its
            highest, a first value lies outside its range, or a list doesn't rise.

    Example:
        >>> from lrlib.plots import curves
        >>> from lrlib.schedules import StepDecay, lr_curve
        >>> def draw(ax, every):
        ...     curves(ax, {"step decay": lr_curve(StepDecay(every), 300)})
        >>> sliders(draw, "Steps.", every=(20, 200, 100))  # doctest: +SKIP
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
        text = embedded(drawn, said(alt, values))
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
    """Show sliders and a button that trains with their values, and compare the last four runs.

    The curves grow during the training. **Stop** ends a run early and keeps its curves so far.
    **Reset** ends it, removes all runs, and puts the sliders back. A notebook makes one such run at
    a time, however many forms it has. An error in your function is shown in place of the figure.

    A page of the book can't train: it shows the recorded runs, and says where you can.

    Cells can go on while it trains, but torch has one random state for both. So a run comes out
    the same again only if no cell trains, draws random numbers or sets the seed meanwhile.

    Args:
        run: Called as `run(**values, on_step=on_step)`. It trains with the values, hands `on_step`
            to `lrlib.train.fit`, and returns the history.
        alt: What the figure of the runs shows, in a sentence, for readers who can't see it.
        steps: The steps of a whole run, for the progress bar, at least 1.
        recorded: By name, histories to compare with, drawn thinner and in grey; `None` for none.
        ranges: For each parameter (lowest, highest, first value), or a list, as for `sliders`.

    Returns:
        An object that a notebook displays when it is the last value of a cell.

    Raises:
        ValueError: `steps` is below 1, or the ranges are not those that `sliders` takes.

    Example:
        Here `splits` is from `data.load`, and `new_run` makes a network and its optimizer:

        >>> from lrlib import train
        >>> def run(peak_lr, on_step):
        ...     net, optimizer = new_run(peak_lr)
        ...     return train.fit(net, optimizer, splits, epochs=1, on_step=on_step)
        >>> retrain(run, "Runs.", steps=9, peak_lr=(0.01, 1.0, 0.1))  # doctest: +SKIP
    """
    check(ranges)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}; pass the steps of a whole run")
    recorded = recorded or {}
    if os.environ.get("LRLIB_STATIC"):

        def embed(figure: Figure, alt: str) -> str:
            return plots.show(figure, alt).data  # a page has a picture for phones, too

        return HTML(_NEEDS_KERNEL + comparison([], recorded, steps, alt, embed))
    from lrlib.explore._retraining import Retraining  # ipywidgets loads with it

    return Retraining(run, alt, steps, recorded, ranges).box
