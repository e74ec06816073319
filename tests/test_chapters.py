"""Every chapter has every part; their order is the chapter's own."""

import ast
import json
import re
from pathlib import Path

import gallery
import pytest
import yaml

from lrlib.evidence import claims, comparisons

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(ROOT.glob("notebooks/*.ipynb"))

# The tag of the cell that begins each part.
PARTS = [
    *(
        "part-short",
        "part-play",
        "part-what",
        "part-predict",
        "part-torch",
        "part-run",
        "part-study",
    ),
    *("part-sensitive", "part-tweak", "part-mistakes", "part-exercises"),
    *("part-next", "part-sources"),
]

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


def part(path, name):
    """The cells from the one that begins a part to the next part."""
    cells = cells_of(path)
    starts = [number for number, cell in enumerate(cells) if set(tags(cell)) & set(PARTS)]
    begin = next(number for number in starts if name in tags(cells[number]))
    end = next((number for number in starts if number > begin), len(cells))
    return cells[begin:end]


def test_there_are_eight_chapters():
    assert len(CHAPTERS) == 8


@every_chapter
def test_a_chapter_has_every_part_once(path):
    found = [tag for cell in cells_of(path) for tag in tags(cell) if tag.startswith("part-")]
    assert sorted(found) == sorted(PARTS)


@every_chapter
def test_a_chapter_says_in_short_what_it_is_how_to_write_it_and_what_was_found(path):
    cells = part(path, "part-short")
    code = [source(cell) for cell in cells if cell["cell_type"] == "code"]
    assert source(cells[0]).startswith("## In short")
    assert any("torch" in text for text in code), "no code to copy"
    assert any("findings.in_short(" in text for text in code), "no findings"


@every_chapter
def test_a_chapter_has_a_figure_to_play_with(path):
    assert "explore.sliders(" in "\n".join(map(source, part(path, "part-play")))


# A prediction stands before its run. A statement is a run if it trains, or calls a function of the
# chapter that does; what it assigns is this run's, and so is what other statements make of that.

TRAINS = {"fit", "train_step", "range_test"}


def called(node):
    """The last names of all that is called: `fit` of `train.fit(...)`."""
    functions = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    return {getattr(each, "attr", getattr(each, "id", "")) for each in functions}


def read(node):
    nodes = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    return {each.id for each in nodes if isinstance(each.ctx, ast.Load)}


def changed(node):
    """The names that are assigned, filled by an index, or appended to."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and getattr(each.func, "attr", "") == "append":
            each = each.func.value
        elif not isinstance(getattr(each, "ctx", None), ast.Store):
            continue
        while isinstance(each, ast.Subscript):
            each = each.value
        if isinstance(each, ast.Name):
            found.add(each.id)
    return found


def predictions(sources):
    """For each prediction, how many runs stand before it, and the last run that its score reads."""
    training, runs, run_of, before, answered_by = set(TRAINS), 0, {}, {}, {}
    for statement in [node for text in sources for node in ast.parse(text).body]:
        calls = called(statement)
        if isinstance(statement, ast.FunctionDef):
            training |= {statement.name} if calls & training else set()
            continue
        last = max((run_of.get(name, 0) for name in read(statement)), default=0)
        if calls & training:
            runs += 1
            last = runs
        run_of |= dict.fromkeys(changed(statement), last)
        if "Prediction" in calls:
            before[statement.targets[0].id] = runs
        if "score" in calls:
            (name,) = read(statement) & before.keys()
            assert name not in answered_by, f"{name} is scored twice"
            answered_by[name] = last
    return {name: (before[name], answered_by.get(name, 0)) for name in before}


@every_chapter
def test_a_chapter_asks_for_predictions_before_the_runs_that_answer_them(path):
    # The cell that installs speaks to IPython: Python alone cannot read it.
    code = [
        cell
        for cell in cells_of(path)
        if cell["cell_type"] == "code" and "remove-cell" not in tags(cell)
    ]
    found = predictions([source(cell) for cell in code])
    assert len(found) >= 2
    assert {name for name, (before, answered_by) in found.items() if answered_by <= before} == set()
    assert "quiz.Prediction(" in "\n".join(map(source, part(path, "part-predict")))


def test_a_prediction_behind_its_run_is_found():
    ask = 'guess = quiz.Prediction("Up?", ["yes", "no"])'
    run = """
def run(lr):
    return train.fit(net, lr)
runs = {}
for lr in rates:
    runs[lr] = run(lr)
"""
    score = 'loss = runs[0.1].loss[-1]\nguess.score("yes", f"{loss} on {splits.name}")'
    assert predictions([ask, run, score]) == {"guess": (0, 1)}
    assert predictions([run, ask, score]) == {"guess": (1, 1)}
    assert predictions([ask, run]) == {"guess": (0, 0)}


@every_chapter
def test_a_chapter_has_quizzes(path):
    assert sum("quiz.ask(" in source(cell) for cell in cells_of(path)) >= 2


@every_chapter
def test_a_chapter_has_exercises_with_a_stub_a_check_and_a_solution(path):
    kinds = [
        tag for c in part(path, "part-exercises") for tag in tags(c) if tag.startswith("exercise")
    ]
    one = ["exercise", "exercise-check", "exercise-solution"]
    assert len(kinds) >= 2 * len(one)
    assert kinds == one * (len(kinds) // len(one))
    for cell in cells_of(path):
        if "exercise-solution" in tags(cell):
            assert "hide-cell" in tags(cell), "a solution that is not folded"


@every_chapter
def test_a_chapter_shows_the_study_and_its_sensitivity(path):
    for name, calls in {
        "part-study": r"figures\.(curves|at_suggestion)\(",
        "part-sensitive": r"figures\.sensitivity\((.|\n)*explorers\.peak_rates\(",
    }.items():
        assert re.search(calls, "\n".join(map(source, part(path, name)))), name


@every_chapter
def test_a_chapter_answers_each_of_its_claims_once(path):
    calls = re.findall(r"findings\.answers\(([^)]*)\)", "\n".join(map(source, cells_of(path))))
    shown = re.findall(r'"([\w-]+)"', "".join(calls))
    own = [each.id for each in [*claims.read(), *comparisons.read()] if each.chapter == path.stem]
    assert sorted(shown) == sorted(own)


@every_chapter
def test_old_addresses_lead_to_headings_of_the_chapter(path):
    headings = {
        line.lstrip("# ")
        for cell in cells_of(path)
        if cell["cell_type"] == "markdown"
        for line in source(cell).splitlines()
        if line.startswith("#")
    }
    former = yaml.safe_load((ROOT / "book" / "old_addresses.yml").read_text(encoding="utf-8"))
    assert set(former[f"notebooks/{path.stem}"].values()) <= headings


def sections_of_mistakes(path):
    sections = []
    for cell in part(path, "part-mistakes"):
        if cell["cell_type"] == "markdown" and source(cell).startswith("### "):
            sections.append([])
        if sections:
            sections[-1].append(cell)
    return sections


@every_chapter
def test_a_mistake_has_its_code_a_figure_and_a_repair(path):
    sections = sections_of_mistakes(path)
    assert sections
    for section in sections:
        title = source(section[0]).splitlines()[0]
        code = [source(cell) for cell in section if cell["cell_type"] == "code"]
        assert any("assert" in text for text in code), f"{title}: nothing is asserted"
        assert any("plots.show(" in text for text in code), f"{title}: no figure"
        assert len(code) >= 3, f"{title}: no repair"
        links = [source(cell) for cell in section if cell["cell_type"] == "markdown"]
        assert any("](https://" in text for text in links), f"{title}: no link to who met it"


@every_chapter
def test_a_mistake_is_listed_by_one_symptom(path):
    for section in sections_of_mistakes(path):
        assert len(set(tags(section[0])) & set(gallery.SYMPTOMS)) == 1, source(section[0])


def test_every_symptom_has_a_mistake():
    assert set(gallery.symptom_of_each().values()) == set(gallery.SYMPTOMS)


def test_no_two_mistakes_have_one_title():
    titles = [
        source(section[0]).splitlines()[0]
        for path in CHAPTERS
        for section in sections_of_mistakes(path)
    ]
    assert len(set(titles)) == len(titles)
