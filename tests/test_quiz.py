"""Predictions are scored against what a run says, and every answer of a quiz is explained."""

import subprocess
import sys

import ipywidgets
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from lrlib import _ids, quiz


def parse(shown):
    return BeautifulSoup(shown.data, "html.parser")


def displayed(prediction):
    """What is shown: one output, or a widget and the copy that a notebook keeps of it."""
    InteractiveShell.instance()
    with capture_output() as captured:
        prediction._ipython_display_()
    return captured.outputs[0]


def buttons(prediction):
    return prediction._buttons


def test_a_prediction_with_a_kernel_is_scored_from_the_button_that_is_chosen(live):
    guess = quiz.Prediction("Which rate wins?", ["0.1", "1"])
    assert "application/vnd.jupyter.widget-view+json" in displayed(guess).data
    assert isinstance(buttons(guess), ipywidgets.RadioButtons)
    assert "t answered the question above" in guess.score("0.1", "It ended at 60 %.").data
    buttons(guess).value = "0.1"
    assert (
        "✓ You said: 0.1. The result: 0.1. It ended at 60\u00a0%."
        in parse(guess.score("0.1", "It ended at 60 %.")).get_text()
    )
    assert "✗ You said: 0.1. The result: 1." in parse(guess.score("1", "b")).get_text()


def test_a_prediction_that_is_answered_after_the_run_is_scored_then(live):
    guess = quiz.Prediction("Which rate wins?", ["0.1", "1"])
    score = guess.score("0.1", "It ended at 60 %.")
    assert "application/vnd.jupyter.widget-view+json" in displayed(score).data
    shown = score._shown
    assert "t answered the question above" in shown.value
    buttons(guess).value = "1"
    assert "✗ You said: 1. The result: 0.1." in shown.value
    buttons(guess).value = "0.1"
    assert "✓ You said: 0.1. The result: 0.1." in shown.value


def test_two_kernels_share_no_id(live):
    """JupyterLab has one document for all chapters that are open in it."""
    command = [sys.executable, "-c", "from lrlib._ids import new_id; print(new_id('lrlib-quiz'))"]
    ids = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)}
    assert len(ids) == 2
    assert len({_ids.new_id("lrlib-quiz") for _ in range(2)}) == 2
    assert _ids._kernel in quiz.ask("Which?", {"a": "1", "b": "2"}, right="a").data


def test_a_prediction_on_a_static_page_is_plain_html(static):
    guess = quiz.Prediction("Is `lr` < 1?", ["yes", "no & never"])
    page = BeautifulSoup(displayed(guess).data["text/html"], "html.parser")
    assert page.legend.get_text() == "Is lr < 1?"
    assert page.legend.code.get_text() == "lr"
    assert [label.get_text() for label in page.select("label")] == ["yes", "no & never"]
    assert len({each["name"] for each in page.select("input[type=radio]")}) == 1


def test_a_static_page_holds_no_widget(static, monkeypatch):
    monkeypatch.delattr(ipywidgets, "RadioButtons")
    assert "radio" in displayed(quiz.Prediction("Which rate wins?", ["0.1", "1"])).data["text/html"]


def test_a_static_score_knows_its_question_and_the_right_answer(static):
    first, second = (quiz.Prediction("Which?", ["a", "b"]) for _ in range(2))
    shown = [prediction.score("b", "So it came.").data for prediction in (first, second)]
    keys = []
    for prediction, text in zip((first, second), shown, strict=True):
        question = BeautifulSoup(displayed(prediction).data["text/html"], "html.parser")
        (link,) = BeautifulSoup(text, "html.parser").select("a")
        keys.append(link["href"])
        assert link["href"] == f"#{question.fieldset['id']}"
        assert "=== 1 ?" in text
        assert "The result: b. So it came." in text
    assert len(set(keys)) == 2


def test_a_score_must_be_one_of_the_answers():
    guess = quiz.Prediction("Which?", ["a", "b"])
    with pytest.raises(ValueError, match="right must be one of a, b, got 'c'"):
        guess.score("c", "x")


@pytest.mark.parametrize("answers", [[], ["a"], ["a", "a"]])
def test_there_must_be_a_choice(answers):
    with pytest.raises(ValueError, match="answers must be at least two and differ"):
        quiz.Prediction("Which?", answers)
    with pytest.raises(ValueError, match="answers must be at least two"):
        quiz.ask("Which?", dict.fromkeys(answers, "so"), right="a")


def test_a_quiz_explains_each_answer_and_shows_none_at_first():
    page = parse(quiz.ask("Which?", {"a": "It is `a`.", "b": "It is not."}, right="a"))
    explanations = page.select("[role=status] > p")
    assert [each.get_text() for each in explanations] == [
        "✓ Right. It is a.",
        "✗ Not this one. It is not.",
    ]
    assert all(each.has_attr("hidden") for each in explanations)


def test_a_quiz_needs_an_explanation_of_its_own_for_each_answer():
    for explanations in ({"a": "so", "b": "so"}, {"a": "so", "b": ""}):
        with pytest.raises(ValueError, match="each answer needs an explanation of its own"):
            quiz.ask("Which?", explanations, right="a")
    with pytest.raises(ValueError, match="right must be one of a, b, got 'c'"):
        quiz.ask("Which?", {"a": "1", "b": "2"}, right="c")
