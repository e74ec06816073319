"""The figure of the runs that `lrlib.explore.retrain` compares, with a kernel and without one."""

import html
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lrlib import plots
from lrlib._drawing import DASHES, swatch
from lrlib._extras import extra
from lrlib.explore._ranges import Values, words
from lrlib.history import History

with extra("plots", "drawing"):
    from matplotlib.figure import Figure


class Run(NamedTuple):
    values: Values
    colour: str
    history: History


def comparison(
    runs: Sequence[Run],
    recorded: Mapping[str, History],
    steps: int,
    alt: str,
    embed: Callable[[Figure, str], str],
) -> str:
    """Draw the runs over the recorded ones and say below how each ended; in HTML."""
    drawn = [(f"{name} (recorded)", "grey", history) for name, history in recorded.items()]
    named = zip(_names(runs), runs, strict=True)
    drawn += [(name, run.colour, run.history) for name, run in named]
    if not drawn:
        return ""
    figure, axes = plots.panels(columns=2)
    longest = max(len(history.step) for _, _, history in drawn)
    for ax, y in zip(axes, ("loss", "val_accuracy"), strict=True):
        for (name, colour, history), style in zip(drawn, itertools.cycle(DASHES), strict=False):
            # One by one, without names: right of two panels they would take the panels' place.
            plots.curves(ax, {name: history}, y, [colour])
            ax.lines[-1].set(linestyle=style)
        ax.set_xlim(0, 1.02 * max(longest, steps))  # a growing curve moves no axis
        for line in ax.lines[: len(recorded)]:
            line.set_linewidth(0.9)
    ends = "".join(
        f"<li>{swatch(line)} {html.escape(f'{name}: {history}')}</li>"
        for line, (name, _, history) in zip(axes[0].lines, drawn, strict=True)
    )
    look = "list-style: none; padding: 0; font-size: 0.875em"
    return f'{embed(figure, alt)}<ul class="lrlib-ends" style="{look}">{ends}</ul>'


def _names(runs: Sequence[Run]) -> list[str]:
    """Name each run by the values in which the runs differ; a single run by all of them."""
    parameters = list(runs[0].values) if runs else []
    differing = [p for p in parameters if len({run.values[p] for run in runs}) > 1]
    return [
        ", ".join(f"{words(p)} {run.values[p]:.4g}" for p in differing or parameters)
        for run in runs
    ]
