"""A check of an exercise says what is wrong, and raises nothing at the reader."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from lrlib import exercises, schedules


def halves(factor):
    assert factor < 1, "The `rate` has to fall < 1."


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (0.5, "✓ Right."),
        (2, "✗ Not yet. The <code>rate</code> has to fall &lt; 1."),
        (..., "✗ Not yet. Put your answer in place of the dots"),
        ("half", "✗ Not yet. It stopped with TypeError: "),
    ],
)
def test_an_answer_is_told_what_it_is(answer, said):
    text = exercises.check(halves, answer).data
    assert said in text
    assert ('class="lrlib-right"' in text) == (answer == 0.5)


@pytest.mark.parametrize(("answer", "said"), [(..., "Run this chapter"), (0.5, "✓ Right.")])
def test_a_page_does_not_blame_who_cannot_type(monkeypatch, answer, said):
    monkeypatch.setenv("LRLIB_STATIC", "1")
    text = exercises.check(halves, answer).data
    assert said in text
    assert "✗" not in text


def test_a_function_that_is_still_a_stub_does_not_pass():
    def test(schedule):
        assert schedule(0) == 1, "At step 0 the factor is 1."

    def stub(step): ...

    assert "At step 0 the factor is 1." in exercises.check(test, stub).data


def test_a_test_without_a_hint_is_refused():
    names = {}
    exec("def test(value): assert value > 1", names)  # pytest would give it a message

    with pytest.raises(ValueError, match="an assertion of test has no hint"):
        exercises.check(names["test"], 0)


@pytest.mark.parametrize(("answer", "said"), [(360, "Right."), ("360", "quotation marks")])
def test_a_number_in_quotation_marks_is_no_number(answer, said):
    """CyclicLR itself takes a text for a number."""
    path = Path(__file__).parents[1] / "notebooks" / "05-cyclical.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    (source,) = [cell.source for cell in cells if cell.id == "exercise-cycles-check"]
    names = {"exercises": exercises, "schedules": schedules, "np": np, "torch": torch}
    names |= {"lr_scheduler": torch.optim.lr_scheduler, "step_size_up": ...}
    exec(source, names)
    assert said in exercises.check(names["check_cycles"], answer).data
