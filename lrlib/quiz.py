"""Questions to the reader: predictions that a run answers, and quizzes that explain each answer."""

import html
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lrlib._extras import extra
from lrlib._ids import new_id
from lrlib._markup import marked_up
from lrlib._markup import signed as signed
from lrlib._styles import styled

with extra("plots", "a quiz"):
    from IPython.display import HTML, display


class Prediction:
    """A question that the reader answers before a run, and the run answers afterwards.

    With a kernel the answers are an ipywidget, and on a static page they are plain HTML. Either way
    `score` compares the answer that was given.

    Args:
        question: What the reader predicts, in a sentence.
        answers: What the reader can choose from, at least two, all different.

    Raises:
        ValueError: There are fewer than two answers, or two are the same.

    Example:
        >>> guess = Prediction("Does it train at 3?", ["yes", "no"])
        >>> "The result: no" in guess.score("no", "It ended at 10 %.").data
        True
    """

    def __init__(self, question: str, answers: Sequence[str]) -> None:
        _require_choice(answers)
        self.question, self.answers = question, list(answers)
        self._key = new_id("lrlib-prediction")
        if not os.environ.get("LRLIB_STATIC"):  # a page would load the scripts of a dead widget
            with extra("widgets", "a prediction"):
                import ipywidgets

                from lrlib._kept import Kept

            self._buttons = ipywidgets.RadioButtons(
                options=self.answers, value=None, layout={"width": "max-content"}
            )
            # ipywidgets sets lines as far apart as controls.
            asked = (
                f'<strong style="display: block; line-height: 1.5">{html.escape(question)}</strong>'
            )
            listed = "".join(f"<li>{html.escape(answer)}</li>" for answer in self.answers)
            self._box = Kept([ipywidgets.HTML(asked), self._buttons], f"{asked}<ul>{listed}</ul>")

    def _ipython_display_(self) -> None:
        if os.environ.get("LRLIB_STATIC"):
            display(HTML(_fieldset(self._key, self.question, self.answers)))
        else:
            display(self._box)

    def score(self, right: str, because: str) -> HTML:
        """Compare the reader's answer with what came out.

        Args:
            right: The answer that came out.
            because: The numbers of the run behind it, in a sentence.

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: `right` is none of the answers.
        """
        if right not in self.answers:
            raise ValueError(f"right must be one of {', '.join(self.answers)}, got {right!r}")
        result = f"The result: {marked_up(right)}. {marked_up(because)}"
        if os.environ.get("LRLIB_STATIC"):
            script = _SCORE.replace("KEY", json.dumps(self._key))
            script = script.replace("RIGHT", json.dumps(self.answers.index(right)))
            return HTML(
                f'<div class="lrlib-score"><p role="status"><span>You haven’t answered '
                f'<a href="#{self._key}">the question above</a></span>. {result}</p>'
                f"<script>{script}</script></div>"
            )

        def text() -> str:
            given = self._buttons.value
            if given is None:
                yours = "You haven’t answered the question above"
            else:
                yours = f"{'✓' if given == right else '✗'} You said: {marked_up(given)}"
            return styled(f'<div class="lrlib-score"><p role="status">{yours}. {result}</p></div>')

        return _Score(text, self._buttons)


class _Score(HTML):
    """A score that changes when the question is answered, also long after the run."""

    def __init__(self, text: Callable[[], str], buttons: Any) -> None:
        with extra("widgets", "a prediction"):
            import ipywidgets

            from lrlib._kept import Kept

        super().__init__(text())  # type: ignore[no-untyped-call]  # IPython has no types
        self._shown = ipywidgets.HTML(text())
        self._box = Kept([self._shown], text(), advice="")

        def score_again(_: object) -> None:
            self._shown.value = text()

        buttons.observe(score_again, "value")

    def _ipython_display_(self) -> None:
        display(self._box)


def ask(question: str, answers: Mapping[str, str], right: str) -> HTML:
    """Ask a question, and explain each answer when it is chosen.

    Args:
        question: The question, in a sentence.
        answers: At least two answers, each with why it is right, or why it tempts and fails; no two
            explanations are the same.
        right: The answer that is right.

    Returns:
        An object that notebooks and pages display. It needs no kernel.

    Raises:
        ValueError: There are fewer than two answers, two explanations are the same or one is
            empty, or `right` is none of the answers.

    Example:
        >>> why = {"up": "It falls.", "down": "Half a cosine falls to its end."}
        >>> shown = ask("Where does a cosine go?", why, right="down")
        >>> shown.data.count('type="radio"')
        2
    """
    _require_choice(list(answers))
    if not all(answers.values()) or len(set(answers.values())) < len(answers):
        raise ValueError(f"each answer needs an explanation of its own, got {answers}")
    if right not in answers:
        raise ValueError(f"right must be one of {', '.join(answers)}, got {right!r}")
    key = new_id("lrlib-quiz")
    explanations = "".join(
        f"<p hidden>{'✓ Right.' if answer == right else '✗ Not this one.'} {marked_up(why)}</p>"
        for answer, why in answers.items()
    )
    return HTML(
        styled(
            f'<div class="lrlib-quiz">{_fieldset(key, question, list(answers))}'
            f'<div role="status">{explanations}</div>'
            f"<script>{_EXPLAIN.replace('KEY', json.dumps(key))}</script></div>"
        )
    )


def _require_choice(answers: Sequence[str]) -> None:
    if len(set(answers)) < max(2, len(answers)):
        raise ValueError(f"answers must be at least two and differ, got {list(answers)}")


def _fieldset(key: str, question: str, answers: Sequence[str]) -> str:
    choices = "".join(
        f'<label><input type="radio" name="{key}" value="{number}" '
        f'data-lm-suppress-shortcuts="true">{marked_up(answer)}</label>'
        for number, answer in enumerate(answers)
    )
    return (
        f'<fieldset class="lrlib-question" id="{key}"><legend>{marked_up(question)}</legend>'
        f"{choices}</fieldset>"
    )


_SCORE = """
(function () {
  const question = document.getElementById(KEY);
  const status = document.currentScript.previousElementSibling;
  function score() {
    const given = question.querySelector("input:checked");
    if (!given) return;
    const mark = Number(given.value) === RIGHT ? "✓" : "✗";
    status.firstChild.textContent = `${mark} You said: ${given.parentElement.textContent}`;
  }
  question.addEventListener("change", score);
  score();
})();
"""

_EXPLAIN = """
(function () {
  const question = document.getElementById(KEY);
  const explanations = question.nextElementSibling.children;
  question.addEventListener("change", (event) => {
    for (const each of explanations) each.hidden = true;
    explanations[Number(event.target.value)].hidden = false;
  });
})();
"""
