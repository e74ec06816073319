"""Outputs bring their styles where no page of the book has them."""

import re

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


@pytest.mark.parametrize("name", DARK)
def test_every_dark_colour_is_set_on_a_dark_page(live, name):
    assert f"--lrlib-{name}: {DARK[name]};" in outputs()["quiz"]
