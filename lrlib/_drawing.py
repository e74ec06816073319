"""What every figure is drawn with: the palette, names at the ends of lines, SVG for a page."""

import html
import io
import math
import re

import numpy as np

from lrlib._extras import extra
from lrlib._ids import new_id

with extra("plots", "drawing"):
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator, PercentFormatter

# Each colour has a contrast of at least 4.5 : 1 on white. Style sheets have lighter ones for a dark
# page.
PALETTE = {
    "blue": "#1f6fb4",
    "orange": "#b45309",
    "green": "#1a7f37",
    "red": "#c9252d",
    "purple": "#7c4dbd",
    "brown": "#855a3c",
    "pink": "#b8327a",
    "teal": "#0f766e",
    "grey": "#6b7280",
}
# The styles of lines, in the order in which they are used, and what SVG calls them.
DASHES = {"-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3"}
_COORDINATES = re.compile(r' (?:d|x|y)="[^"]*"|translate\([^)]*\)')
_LONG = re.compile(r"\d+\.\d{2,}")


def tick_whole_percents(ax: Axes, whole: float) -> None:
    """Label the heights as percent, without decimals; `whole` is the height of 100 %."""
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=whole, decimals=0))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))


def name_lines(ax: Axes) -> None:
    """Write each line's name right of its end; names that would overlap are moved apart."""
    finite = [
        line
        for line in ax.lines
        if not str(line.get_label()).startswith("_")
        and np.isfinite(np.asarray(line.get_ydata(), float)).any()
    ]
    low, high = ax.get_ylim()
    logarithmic = ax.get_yscale() == "log"

    def height(line: Line2D) -> float:
        ys = np.asarray(line.get_ydata(), float)
        last = float(ys[np.isfinite(ys)][-1])
        if logarithmic:
            return math.log(max(last, low) / low) / math.log(high / low)
        return min(max((last - low) / (high - low), 0), 1)

    position = -math.inf
    for line in sorted(finite, key=height):
        position = max(height(line), position + 0.075)
        name, colour = str(line.get_label()), line.get_color()
        ax.text(1.02, position, name, color=colour, transform=ax.transAxes, va="center", size=9)


def swatch(line: Line2D) -> str:
    """A piece of a line, to stand beside its name."""
    colour, dashes = follow_theme(str(line.get_color())), DASHES[str(line.get_linestyle())]
    return (
        '<svg class="lrlib-swatch" viewBox="0 0 32 8" width="32" height="8" aria-hidden="true">'
        f'<path d="M0 4H32" stroke-width="2.5" style="stroke: {colour}" '
        f'stroke-dasharray="{dashes}"/></svg>'
    )


def follow_theme(text: str) -> str:
    """Let the palette's colours in SVG or CSS follow the page from light to dark."""
    for name, value in PALETTE.items():
        text = text.replace(value, f"var(--lrlib-{name}, {value})")
    return text


def svg(figure: Figure, alt: str) -> str:
    """Write a figure as SVG that has ids of its own and the colours of the page around it."""
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lrlib"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    prefix = f"{new_id('figure')}-"
    text = re.sub(r'(id="|href="#|url\(#)', rf"\1{prefix}", text)
    text = text.replace("#000000", "currentColor")
    text = _COORDINATES.sub(_shortened, follow_theme(text))
    text = text.replace("'DejaVu Sans', ", "")
    label = html.escape(alt, quote=True)
    attributes = f'role="img" aria-label="{label}" fill="currentColor" '
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt" ', "", text, count=1)
    width = figure.get_figwidth() * 90
    style = f'style="width: 100%; max-width: {width:.0f}px; height: auto" '
    return text.replace("<svg ", f"<svg {attributes}{style}", 1).strip()


def _shortened(coordinates: re.Match[str]) -> str:
    """Round to a tenth of a point: a page of frames is a third lighter, and looks the same."""

    def rounded(number: re.Match[str]) -> str:
        value = float(number[0])
        return f"{value:.{1 if value >= 10 else 2}f}".rstrip("0").rstrip(".")  # markers are small

    return _LONG.sub(rounded, coordinates[0])
