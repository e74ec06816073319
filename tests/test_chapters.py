"""Every chapter has every part, in the order in which a reader needs them."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(ROOT.glob("notebooks/*.ipynb"))

# The tag of the cell that begins each part.
PARTS = [
    *("part-play", "part-what", "part-predict", "part-torch", "part-run", "part-study"),
    *("part-sensitive", "part-tweak", "part-mistakes", "part-claims", "part-exercises"),
    "part-next",
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
def test_a_chapter_has_every_part_once_and_in_order(path):
    found = [tag for cell in cells_of(path) for tag in tags(cell) if tag.startswith("part-")]
    assert found == PARTS


@every_chapter
def test_a_chapter_begins_with_a_figure_to_play_with(path):
    (first, *_) = [cell for cell in cells_of(path) if "explore.sliders(" in source(cell)]
    assert "part-play" in tags(first)
    before = cells_of(path)[: [c["id"] for c in cells_of(path)].index(first["id"])]
    prose = [source(cell) for cell in before if cell["cell_type"] == "markdown"]
    assert len(" ".join(prose).split()) < 80


@every_chapter
def test_a_chapter_asks_for_predictions_and_scores_each(path):
    text = "\n".join(map(source, cells_of(path)))
    asked = re.findall(r"^(\w+) = quiz\.Prediction\(", text, flags=re.MULTILINE)
    assert len(asked) >= 2
    for name in asked:
        assert len(re.findall(rf"^{name}\.score\(", text, flags=re.MULTILINE)) == 1
    predict = "\n".join(map(source, part(path, "part-predict")))
    assert predict.count("quiz.Prediction(") == len(asked)


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
def test_a_chapter_shows_the_study_its_sensitivity_and_its_claims(path):
    for name, calls in {
        "part-study": r"figures\.(curves|at_suggestion)\(",
        "part-sensitive": r"figures\.sensitivity\((.|\n)*explorers\.peak_rates\(",
        "part-claims": rf'tables\.verdicts\(study, "{path.stem}"\)',
    }.items():
        assert re.search(calls, "\n".join(map(source, part(path, name)))), name


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


def test_no_two_mistakes_have_one_title():
    titles = [
        source(section[0]).splitlines()[0]
        for path in CHAPTERS
        for section in sections_of_mistakes(path)
    ]
    assert len(set(titles)) == len(titles)


def test_every_source_is_cited_and_there_are_at_least_thirty():
    entries = re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.M)
    assert len(entries) == len(set(entries)) >= 30
    pages = [*ROOT.glob("book/*.md"), *CHAPTERS]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    cited = {key for keys in re.findall(r"\{cite:[tp]\}`([^`]+)`", text) for key in keys.split(",")}
    assert set(entries) - cited == set()
