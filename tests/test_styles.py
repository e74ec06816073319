"""Outputs bring their styles where no page of the book has them."""

import itertools
import re

import numpy as np
import pytest
from checkout import read

from lrlib import exercises, plots, quiz
from lrlib._drawing import PALETTE
from lrlib._styles import DARK


def outputs():
    figure, (ax,) = plots.panels()
    ax.plot([0, 1], color=PALETTE["blue"])
    guess = quiz.Prediction("Which?", ["a", "b"])
    return {
        "figure": plots.show(figure, "A line.").data,
        "quiz": quiz.ask("Which?", {"a": "It is.", "b": "It isn't."}, right="a").data,
        "score": guess.score("a", "So it came.").data,
        "exercise": exercises.check(lambda answer: None, 1).data,
    }


def test_each_output_brings_the_styles_that_it_needs(live):
    for kind, text in outputs().items():
        assert text.startswith("<style>"), kind
        assert text.count("<style>") == 1, kind


def test_a_page_of_the_book_has_them_already(static):
    for kind, text in outputs().items():
        assert "<style>" not in text, kind


def test_dark_colours_are_those_of_the_site():
    css = read("book/_static/lrlib.css")
    dark = re.search(r'html\[data-theme="dark"\] \{(.*?)\}', css, flags=re.DOTALL)[1]
    assert dict(re.findall(r"--lrlib-(\w+): (#\w+);", dark)) == DARK
    assert DARK.keys() == PALETTE.keys()


def oklab(colour):
    """Where a colour lies in a space in which equal steps look equally large (Ottosson, 2020)."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    cones = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
    opponents = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    return np.array(opponents) @ np.cbrt(np.array(cones) @ linear)


@pytest.mark.parametrize(("palette", "apart"), [(PALETTE, 0.085), (DARK, 0.13)])
def test_lines_of_two_colours_can_be_told_apart(palette, apart):
    for one, other in itertools.combinations(palette, 2):
        distance = np.linalg.norm(oklab(palette[one]) - oklab(palette[other]))
        assert distance >= apart, (one, other)


@pytest.mark.parametrize("name", DARK)
def test_every_dark_colour_is_set_on_a_dark_page(live, name):
    assert f"--lrlib-{name}: {DARK[name]};" in outputs()["quiz"]
