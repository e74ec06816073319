"""What every figure is drawn with: the palette, names at the ends of lines, SVG for a page."""

import html
import io
import math
import re
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from lrlib._extras import extra
from lrlib._ids import new_id
from lrlib._markup import unbroken
from lrlib._styles import styled

with extra("plots", "drawing"):
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text
    from matplotlib.ticker import (
        FuncFormatter,
        LogFormatterSciNotation,
        MaxNLocator,
        PercentFormatter,
    )

# Each colour has a contrast of at least 4.5 : 1 on white. Style sheets have lighter ones for a dark
# page.
PALETTE = {
    "blue": "#1f6fb4",
    "orange": "#b75a00",
    "green": "#1a7f37",
    "red": "#c8102e",
    "purple": "#7c4dbd",
    "brown": "#663d20",
    "pink": "#b8327a",
    "teal": "#0f766e",
    "grey": "#6b7280",
}
# The styles of lines, in the order in which they are used, and what SVG calls them.
DASHES = {"-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3"}
SMALLEST = 9.5  # points: 11 pixels where a window of 1280 leaves a figure 670, and on a phone
PERCENT = "\u00a0%"  # as text has it
LINE_END = "_a line's end"  # the label of a name that stands there
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_COORDINATES = re.compile(r' (?:d|x|y)="[^"]*"|translate\([^)]*\)')
# What matplotlib measured with is not what a reader has: the face of the page is.
_FONT = re.compile(r"font-family: '[^;\"]*(?:; |(?=\"))")
# Matplotlib's style sheet is for a file of its own. In a page it would hold for all that is there,
# which a browser would style anew with each picture; the picture's own attributes say the same.
_SHEET = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>\s*", re.DOTALL)
_JOINS = 'stroke-linejoin="round" stroke-linecap="butt" '
_LONG = re.compile(r"\d+\.\d{2,}")
# How matplotlib writes what cannot be seen, a straight tick, and the places where it stands.
_UNSEEN = re.compile(r'\s*<path [^>]*style="fill: none"/>')
_TICK = re.compile(r'\s*<defs>\s*<path id="([^"]*)" d="M 0 0 \nL (\S+) (\S+) \n"[^>]*/>\s*</defs>')
_PLACED = re.compile(r'<use xlink:href="#([^"]*)" x="([^"]*)" y="([^"]*)" style="([^"]*)"/>')


def tick_whole_percents(ax: Axes, whole: float) -> None:
    """Label the heights as percent, without decimals; `whole` is the height of 100 %."""
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=whole, decimals=0, symbol=PERCENT))
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

    around = 1.1  # inches that a title, the numbers, a label and a caption take
    inches = max(0.8, ax.figure.bbox.height / ax.figure.dpi - around)
    apart = 1.2 * SMALLEST / 72 / inches
    finite.sort(key=height)
    position = -apart  # none stands below the axis
    for line, wanted in zip(finite, _spread([height(line) for line in finite], apart), strict=True):
        position = max(wanted, position + apart)
        name, colour = str(line.get_label()), line.get_color()
        text = ax.text(1.02, position, name, transform=ax.transAxes, va="center")
        text.set(color=colour, label=LINE_END, size=SMALLEST)


def _spread(heights: Sequence[float], apart: float) -> list[float]:
    """Move rising heights until they are so far apart, close ones evenly around their middle."""
    groups: list[list[float]] = []
    for place, height in enumerate(heights):
        groups.append([height - place * apart])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    levels = [fmean(group) for group in groups for _ in group]
    return [level + place * apart for place, level in enumerate(levels)]


def write_below(figure: Figure | SubFigure, text: str) -> None:
    """Write a caption below a figure: what its lines are of."""
    figure.supxlabel(unbroken(text), size=SMALLEST, color=PALETTE["grey"], x=0.01, ha="left")


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


def enlarge_small_letters(figure: Figure) -> None:
    """Let no letter be smaller than those that can be read on a page."""
    for text in figure.findobj(Text):
        text.set_fontsize(max(text.get_fontsize(), SMALLEST))


def count_in_whole_numbers(figure: Figure) -> None:
    """Let no number of an axis lie between two steps, or two epochs."""
    for ax in figure.axes:
        locator = ax.xaxis.get_major_locator()
        if ax.get_xlabel() in ("step", "epoch") and isinstance(locator, MaxNLocator):
            locator.set_params(integer=True)


def write_powers_in_one_piece(figure: Figure) -> None:
    """Let a logarithmic axis say 10⁻⁵ in five letters, not in as many elements of a formula."""

    def plain(value: float, _: int | None) -> str:
        return f"10{f'{math.log10(value):.0f}'.translate(_RAISED)}"

    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, LogFormatterSciNotation) and axis.get_scale() == "log":
                axis.set_major_formatter(FuncFormatter(plain))


def svg(figure: Figure, alt: str) -> str:
    """Write a figure as SVG that has ids of its own and the colours of the page around it."""
    file = io.StringIO()
    enlarge_small_letters(figure)
    count_in_whole_numbers(figure)
    write_powers_in_one_piece(figure)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lrlib"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = _SHEET.sub("", text)
    prefix = f"{new_id('figure')}-"
    text = re.sub(r'(id="|href="#|url\(#)', rf"\1{prefix}", text)
    text = text.replace("#000000", "currentColor")
    text = _COORDINATES.sub(_shortened, follow_theme(text))
    text = _FONT.sub("", text)
    text = _with_ticks_joined(_without_bare_groups(_UNSEEN.sub("", text)))
    label = html.escape(alt, quote=True)
    attributes = f'role="img" aria-label="{label}" fill="currentColor" {_JOINS}'
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt" ', "", text, count=1)
    width = figure.get_figwidth() * 90
    style = f'style="width: 100%; max-width: {width:.0f}px; height: auto" '
    return text.replace("<svg ", f"<svg {attributes}{style}", 1).strip()


def embedded(figure: Figure, alt: str, beside: str = "") -> str:
    """Write a figure as HTML, with its style where a page has none, and what stands beside it."""
    return styled(f'<figure class="lrlib-figure">{svg(figure, alt)}{beside}</figure>')


def _without_bare_groups(text: str) -> str:
    """Drop groups that have a name and nothing else: a page is a quarter lighter to lay out."""
    kept: list[bool] = []

    def keep(tag: re.Match[str]) -> str:
        if tag[0] == "</g>":
            return tag[0] if kept.pop() else ""
        kept.append("axes_" in tag[0] or not re.fullmatch(r'<g( id="[^"]*")?>', tag[0]))
        return tag[0] if kept[-1] else ""

    return re.sub(r"\n\s+(?=\n)", "", re.sub(r"</?g\b[^>]*(?<!/)>", keep, text))


def _with_ticks_joined(text: str) -> str:
    """Draw the ticks of a panel as one line each way: alone they are a third of all elements."""
    ticks = {name: f"l {dx} {dy}" for name, dx, dy in _TICK.findall(text)}
    panels = re.split(r'(?=<g id="[^"]*axes_)', _TICK.sub("", text))
    return "".join(_joined(panel, ticks) for panel in panels)


def _joined(panel: str, ticks: dict[str, str]) -> str:
    lines: dict[tuple[str, str], list[str]] = {}
    for name, x, y, style in _PLACED.findall(panel):
        if name in ticks:
            lines.setdefault((name, style), []).append(f"M {x} {y}{ticks[name]}")

    def draw(placed: re.Match[str]) -> str:
        name, _, _, style = placed.groups()
        if name not in ticks:
            return placed[0]
        drawn = lines.pop((name, style), None)  # all of them, where the first one stands
        return f'<path d="{"".join(drawn)}" style="{style}"/>' if drawn else ""

    return _PLACED.sub(draw, panel)


def _shortened(coordinates: re.Match[str]) -> str:
    """Round to a tenth of a point: a page of frames is a third lighter, and looks the same."""

    def rounded(number: re.Match[str]) -> str:
        value = float(number[0])
        return f"{value:.{1 if value >= 10 else 2}f}".rstrip("0").rstrip(".")  # markers are small

    return _LONG.sub(rounded, coordinates[0])
