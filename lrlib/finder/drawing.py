"""The picture of a range test. It alone needs matplotlib, and is imported when it is drawn."""

import math
from typing import TYPE_CHECKING

import numpy as np

from lrlib._drawing import PALETTE, SMALLEST
from lrlib._extras import extra
from lrlib.finder.descent import finite
from lrlib.finder.rules import DEFAULT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lrlib.finder.result import RangeTest

# What four libraries suggest where one does not choose.
MARKED = (DEFAULT, "fastai-valley", "lightning", "torch-lr-finder")


def draw(test: "RangeTest", ax: "Axes | None") -> "Axes":
    """Draw raw and smoothed losses with what four libraries suggest, or why there is nothing."""
    if ax is None:
        with extra("plots", "drawing a range test"):
            from matplotlib import pyplot as plt  # here: it would choose a window system for others

        _, ax = plt.subplots()
    lrs, losses = finite(test.lrs, test.losses)
    ax.plot(lrs, losses, color=PALETTE["grey"], linewidth=0.6, label="raw loss")
    ax.set_xscale("log")
    ax.set(xlabel="learning rate (log scale)", ylabel="training loss")
    try:
        curve = test._descent()
    except ValueError as reason:
        text = f"No suggestion: {reason}"
        ax.text(0.02, 0.02, text, transform=ax.transAxes, size=SMALLEST, wrap=True)
        return ax
    ax.plot(lrs, curve.loss, color=PALETTE["blue"], label="smoothed loss")
    # Hollow and of four sizes: rules that agree do not hide each other.
    colours = ("green", "orange", "red", "purple")
    for method, marker, colour, size in zip(
        MARKED, "so^D", colours, (5, 7.5, 10, 12.5), strict=True
    ):
        try:
            lr = test.suggest(method)
        except ValueError:
            continue  # another library's cuts leave too few points
        height = np.interp(math.log(lr), np.log(lrs), curve.loss)
        label = f"{method}: {lr:.2g}"
        (mark,) = ax.plot(lr, height, marker, color=PALETTE[colour], ms=size, label=label)
        mark.set(fillstyle="none", markeredgewidth=1.8)
    # The end of a test that diverged is far above everything one wants to see.
    bottom = min(losses.min(), curve.loss[curve.bottom])
    depth = curve.start - bottom
    ax.set_ylim(bottom - 0.1 * depth, min(losses.max(), bottom + 2 * depth) + 0.1 * depth)
    # Two columns: above the first losses, or below them, there is room for three lines.
    ax.legend(frameon=False, fontsize=SMALLEST, ncols=2, labelspacing=0.7)
    return ax
