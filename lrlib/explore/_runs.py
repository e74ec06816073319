"""The figure of the runs that `lrlib.explore.retrain` compares, with a kernel and without one."""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lrlib import plots
from lrlib.explore._ranges import Values, words
from lrlib.history import History


class Run(NamedTuple):
    values: Values
    colour: str
    history: History


def comparison(runs: Sequence[Run], recorded: Mapping[str, History], steps: int, alt: str) -> str:
    """Draw the runs over the recorded ones and say below how each ended; in HTML."""
    series = {f"{name} (recorded)": history for name, history in recorded.items()}
    series |= zip(_names(runs), (run.history for run in runs), strict=True)
    if not series:
        return ""
    figure, axes = plots.panels(columns=2)
    colours = [*("grey" for _ in recorded), *(run.colour for run in runs)]
    longest = max(len(history.step) for history in series.values())
    for ax, y in zip(axes, ("loss", "val_accuracy"), strict=True):
        plots.curves(ax, series, y, colours)
        ax.set_xlim(0, max(longest, steps))  # a growing curve moves no axis
        for line in ax.lines[: len(recorded)]:
            line.set_linewidth(0.9)
    ends = (f"<li>{html.escape(f'{name}: {history}')}</li>" for name, history in series.items())
    return f"{plots.show(figure, alt).data}<ul>{''.join(ends)}</ul>"


def _names(runs: Sequence[Run]) -> list[str]:
    """Name each run by the values in which the runs differ; a single run by all of them."""
    parameters = list(runs[0].values) if runs else []
    differing = [p for p in parameters if len({run.values[p] for run in runs}) > 1]
    return [
        ", ".join(f"{words(p)} {run.values[p]:.4g}" for p in differing or parameters)
        for run in runs
    ]
