"""A figure that shows what the reader ticks, as in `lrlib.evidence.explorers.compare`."""

import os
from collections.abc import Callable, Sequence

from lrlib import plots
from lrlib._drawing import embedded, name_lines
from lrlib._extras import extra
from lrlib.explore import _static
from lrlib.explore._ranges import said_of

with extra("plots", "a figure to play with"):
    from IPython.display import HTML
    from matplotlib.axes import Axes


def compare(
    draw: Callable[[Sequence[Axes], str], object],
    names: Sequence[str],
    alt: str,
    *,
    chosen: Sequence[str],
    columns: int = 1,
    height: float = 3.4,
) -> object:
    """Show a figure with a box to tick for each of the things that can be drawn in it.

    Args:
        draw: Called as `draw(axes, name)` for each of the names that is shown. It draws at least
            one line into the axes, the same one whatever else is drawn.
        names: What can be shown, as the boxes and a legend call it; at least two.
        alt: What the figure shows, in a sentence.
        chosen: The names that are shown at first.
        columns: How many panels the figure has side by side, at least 1.
        height: The height of the figure in inches, positive.

    Returns:
        An object that notebooks and pages display.

    Raises:
        ValueError: There are fewer than two names, two are the same, or a chosen one is unknown.
    """
    if len(set(names)) < max(2, len(names)):
        raise ValueError(f"names must be at least two and differ, got {list(names)}")
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise ValueError(f"chosen must be among {', '.join(names)}, got {', '.join(unknown)}")
    if os.environ.get("LRLIB_STATIC"):
        figure, axes = plots.panels(columns, height)
        return HTML(_static.layers(figure, axes, draw, alt, names, chosen))

    def picture(shown: Sequence[str]) -> str:
        figure, axes = plots.panels(columns, height)
        for name in shown:
            draw(axes, name)
        name_lines(axes[-1])
        return embedded(figure, said_of(alt, shown))

    from lrlib.explore import _live  # ipywidgets loads with it

    return _live.boxes(picture, names, chosen)
