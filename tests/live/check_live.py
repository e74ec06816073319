"""Notebooks as their readers have them, in JupyterLab and a real browser: `make test-live`.

JupyterLab serves copies of the notebooks on 127.0.0.1, and Chromium uses them as a reader would.
Cells run in the quick budget on Shapes-10; each check runs those that it needs.
"""

import ast
import json
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise

import pytest
from lab import PATIENCE, Chapter
from playwright.sync_api import Locator, Page, expect

from lrlib.explore._ranges import first_value, words

# The tags of cells whose code the site folds or leaves out.
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


def source(cell: dict) -> str:
    return "".join(cell["source"]) if cell["cell_type"] == "code" else ""


def test_code_is_folded_where_the_site_folds_it(chapter: Chapter) -> None:
    for id, cell in chapter.cells.items():
        if cell["cell_type"] == "code":
            shown = chapter.cell(id)
            folded = shown.locator(".jp-InputPlaceholder").is_visible()
            assert folded == bool(FOLDED & set(cell["metadata"].get("tags", []))), id
            assert folded != shown.locator(".cm-editor").is_visible(), id


def test_a_solution_does_not_give_itself_away(chapter: Chapter) -> None:
    """JupyterLab shows the first line of what it folds."""
    for id, cell in chapter.cells.items():
        if "exercise-solution" in cell["metadata"].get("tags", []):
            expect(chapter.cell(id).locator(".jp-InputPlaceholder")).to_have_text("# Solution")


def test_no_markup_is_raw(chapter: Chapter) -> None:
    for id, cell in chapter.cells.items():
        if cell["cell_type"] == "markdown":
            text = chapter.cell(id).locator(".jp-MarkdownOutput").inner_text()
            for mark in ("{cite", "{ref", "{doc", "```", "]("):
                assert mark not in text, id


def first_values(cell: dict) -> dict[str, float]:
    """Where the sliders of a cell begin, as its code says, by their labels."""
    nodes = ast.walk(ast.parse(source(cell)))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    given = {
        each.arg: each.value
        for call in calls
        if ast.unparse(call.func) in ("explore.sliders", "explore.retrain")
        for each in call.keywords
        if isinstance(each.value, ast.Tuple | ast.List)
    }
    return {words(name): first_value(ast.literal_eval(each)) for name, each in given.items()}


def test_a_slider_begins_exactly_where_the_code_says(chapter: Chapter) -> None:
    explorers = [id for id, cell in chapter.cells.items() if "explore.sliders(" in source(cell)]
    chapter.run("imports", *explorers)
    for id in explorers:
        shown, first = chapter.widget(id), first_values(chapter.cells[id])
        for name, value in first.items():
            slider = shown.locator(".widget-slider", has_text=name)
            expect(slider.locator(".widget-readout")).to_have_text(f"{value:.4g}")
            label = slider.locator(".widget-label")
            assert label.evaluate("label => label.scrollWidth <= label.clientWidth"), name
        # The kernel writes the text of the figure: what a browser had moved would stand there.
        said = ", ".join(f"{name} {value:.4g}" for name, value in first.items())
        text = re.compile(re.escape(said) + r"\.$")
        expect(shown.locator("figure svg")).to_have_attribute("aria-label", text)


def test_whole_numbers_stay_whole(warm_up: Chapter) -> None:
    warm_up.run("imports", "explore")
    shown = warm_up.widget("explore")
    shown.locator(".widget-slider", has_text="warm-up steps").get_by_role("slider").focus()
    for steps in (71, 72, 73):
        warm_up.page.keyboard.press("ArrowRight")
        moved = re.compile(rf"warm-up steps {steps}, start 0\.1\.$")
        expect(shown.locator("figure svg")).to_have_attribute("aria-label", moved)


def said(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def panels(figure: Locator) -> list[float]:
    """The width of each panel, where its lines are cut off, in pixels as they are seen."""
    return figure.evaluate(
        """picture => [...picture.querySelectorAll("clipPath > rect")].map(room =>
            room.width.baseVal.value * picture.getBoundingClientRect().width
                / picture.viewBox.baseVal.width)"""
    )


@pytest.mark.parametrize("chapter", ["cyclical", "warm_up"], indirect=True)
def test_a_run_with_the_readers_values_leaves_the_panels_their_size(chapter: Chapter) -> None:
    chapter.run(
        "imports", "data", *(id for id in ("new-run", "run") if id in chapter.cells), "retrain"
    )
    form = chapter.widget("retrain")
    figure, runs = form.locator("figure svg"), form.locator("li")
    before = panels(figure)
    form.get_by_role("button", name="Train").click()
    expect(runs).to_contain_text(["above (recorded)", said(first_values(chapter.cells["retrain"]))])
    expect(runs.last).to_contain_text("validation accuracy", timeout=PATIENCE)
    assert panels(figure) == pytest.approx(before, rel=0.05)
    assert min(before) > 0.4 * figure.bounding_box()["width"]


@pytest.mark.parametrize(
    ("chapter", "question", "answer", "runs"),
    [
        ("cyclical", "predict-rises", "never", ["data", "new-run", "run", "score-rises"]),
        ("finder", "guess-stop", "below 0.1", ["data", "range-test", "score-stop"]),
    ],
    indirect=["chapter"],
)
def test_a_prediction_is_scored_when_it_is_answered_after_the_run(
    chapter: Chapter, question: str, answer: str, runs: list[str]
) -> None:
    chapter.run("imports", question, *runs)
    score = chapter.output(runs[-1])
    expect(score).to_contain_text("You haven’t answered the question above. The result:")
    chapter.output(question).get_by_label(answer, exact=True).check()
    expect(score).to_contain_text(re.compile(f"[✓✗] You said: {answer}. The result:"))


def test_a_quiz_answers_in_its_own_tab(cyclical: Chapter, finder: Chapter) -> None:
    """JupyterLab has one document for all the notebooks that are open in it."""
    cyclical.run("imports", "quiz-second-peak")
    finder.run("imports", "quiz-curve")
    finder.output("quiz-curve").get_by_text("The loss of one batch").click()
    said = finder.output("quiz-curve").locator("[role=status]")
    expect(said).to_contain_text("✓ Right. Each point is measured before its own update.")
    first = cyclical.output("quiz-second-peak")
    expect(first.locator("[role=status] p:not([hidden])")).to_have_count(0)
    first.get_by_text("0.05", exact=True).click()
    expect(first.locator("[role=status]")).to_contain_text("✗ Not this one. Half of the first peak")
    expect(said).to_contain_text("✓ Right.")


def test_no_two_things_in_the_window_have_one_id(cyclical: Chapter, finder: Chapter) -> None:
    for chapter, quiz in ((cyclical, "quiz-second-peak"), (finder, "quiz-curve")):
        chapter.run("imports", "explore", quiz)
    ids = cyclical.page.evaluate(
        "[...document.querySelectorAll('.jp-Notebook [id]')].map(e => e.id)"
    )
    assert len(ids) > 50
    assert sorted(set(ids)) == sorted(ids)


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"])
def theme(request: pytest.FixtureRequest, window: Page) -> Iterator[str]:
    def choose(name: str) -> None:
        window.evaluate(
            "name => jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name
        )
        expect(window.locator("body")).to_have_attribute("data-jp-theme-name", name)

    choose(request.param)
    yield request.param
    choose("JupyterLab Light")


# The contrast of each text and each line that can be seen, against the ground behind it. Bands let
# the ground shine through and are left out.
CONTRASTS = """output => {
  const channels = (colour) => {
    const [r, g, b, opacity = 1] = (colour.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return { rgb: [r, g, b], opacity };
  };
  const ground = (element) => {
    const { rgb, opacity } = channels(getComputedStyle(element).backgroundColor);
    return opacity === 1 ? rgb : ground(element.parentElement);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (colour, behind) => {
    const seen = colour.rgb.map((c, i) => colour.opacity * c + (1 - colour.opacity) * behind[i]);
    const [low, high] = [luminance(seen), luminance(behind)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  for (const element of output.querySelectorAll(":not(script, style, defs, defs *)")) {
    const style = getComputedStyle(element);
    const drawn = element.matches("svg path, svg use, svg text");
    const written = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!(drawn || written) || !element.checkVisibility() || style.fillOpacity < 1) continue;
    for (const colour of (drawn ? [style.stroke, style.fill] : [style.color]).map(channels)) {
      if (colour.opacity === 0) continue;
      found.push([contrast(colour, ground(element)), element.outerHTML.slice(0, 200)]);
    }
  }
  return found;
}"""


@pytest.mark.parametrize(
    ("chapter", "cells"),
    [
        ("cyclical", ["explore", "predict-rises", "quiz-second-peak", "study-curves"]),
        ("warm_up", ["explore", "guess-peak", "quiz-lambda", "study-curves", "sensitive-figure"]),
        ("finder", ["explore", "guess-stop", "quiz-curve"]),
    ],
    indirect=["chapter"],
)
def test_what_a_cell_shows_can_be_read(theme: str, chapter: Chapter, cells: list[str]) -> None:
    chapter.run("imports", *cells)
    for id in cells:
        output = chapter.output(id)
        output.locator("figure, .lrlib-quiz, .widget-radio").first.wait_for()
        for answer in output.locator(".lrlib-question label").all():
            answer.click()
        areas = output.locator(".jp-OutputArea-output").all()  # the numbers beside are JupyterLab's
        found = [each for area in areas for each in area.evaluate(CONTRASTS)]
        assert found, id
        assert [each for each in found if each[0] < 4.5] == [], id


def test_results_stand_at_a_bar_and_have_no_bullets(finder: Chapter) -> None:
    finder.run("imports", "study-answers")
    results = finder.output("study-answers").locator(".lrlib-claims > li").all()
    assert results
    for each in results:
        assert each.evaluate("e => getComputedStyle(e).listStyleType") == "none"


def test_what_a_cell_prints_is_broken_between_words(finder: Chapter) -> None:
    finder.run("imports", "study-answers")
    finder.add("print('lowest ' * 60)")
    finder.wait()
    printed = finder.output("added").locator("pre")
    # A word that is broken has two boxes.
    boxes = printed.evaluate(
        """pre => [...pre.textContent.matchAll(/lowest/g)].map(word => {
            const range = document.createRange();
            range.setStart(pre.firstChild, word.index);
            range.setEnd(pre.firstChild, word.index + 6);
            return range.getClientRects().length;
        })"""
    )
    assert len(boxes) == 60
    assert set(boxes) == {1}


def test_a_quiz_has_one_answer_a_line(chapter: Chapter) -> None:
    (quiz, *_) = [id for id, cell in chapter.cells.items() if "quiz.ask(" in source(cell)]
    chapter.run("imports", quiz)
    boxes = [each.bounding_box() for each in chapter.output(quiz).locator("label").all()]
    assert len(boxes) >= 3
    assert all(above["y"] + above["height"] <= below["y"] for above, below in pairwise(boxes))
    assert len({box["x"] for box in boxes}) == 1


def test_the_stop_button_ends_the_run_and_nothing_is_concluded_from_it(warm_up: Chapter) -> None:
    warm_up.run_all()
    run = warm_up.output("run")
    expect(run).to_contain_text("step/s")
    warm_up.panel.get_by_title("Interrupt the kernel").click()
    warm_up.wait()
    expect(run).to_contain_text("KeyboardInterrupt")
    outputs, ids = warm_up.saved(), list(warm_up.cells)
    (printed,) = [each["text"] for each in outputs["run"] if each.get("name") == "stdout"]
    assert re.search("Stopped: interrupted after .* Its history is `train.last`", "".join(printed))
    assert [id for id in ids[ids.index("run") + 1 :] if outputs[id]] == []
    warm_up.add("print(len(train.last.step), train.last.stopped)")
    expect(warm_up.output("added")).to_contain_text(re.compile(r"\d+ interrupted after \d+ steps?"))


VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize(
    ("chapter", "cells"),
    [
        ("cyclical", ["explore", "predict-rises", "data", "run", "score-rises", "retrain"]),
        ("warm_up", ["explore", "guess-peak", "study-curves", "sensitive-slider"]),
        ("finder", ["explore", "guess-stop", "data", "range-test", "score-stop"]),
    ],
    indirect=["chapter"],
)
def test_opened_again_each_widget_has_left_something_to_see(
    another_window: Page, chapter: Chapter, cells: list[str]
) -> None:
    chapter.run("imports", *cells)
    for id in cells:
        expect(chapter.output(id).locator(".lrlib-kept:visible")).to_have_count(0)
    widgets = [id for id, outputs in chapter.saved().items() if VIEW in json.dumps(outputs)]
    assert len(widgets) >= 3
    # The kernel of a copy knows no widget of the notebook's, like any kernel of the next day.
    copy = chapter.path.with_stem(f"{chapter.path.stem} again")
    shutil.copy(chapter.path, copy)
    again = Chapter(another_window, copy)
    for id in widgets:
        shown = again.output(id)
        expect(shown.locator(".lrlib-kept")).to_be_visible()
        expect(shown).not_to_contain_text("model not found", use_inner_text=True)
