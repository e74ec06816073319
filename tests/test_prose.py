"""No result of a run is typed into prose: results come from the record, or from the cell above."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from lrlib import schedules

ROOT = Path(__file__).parents[1]

QUANTITY = r"\d[\d.,]*\s?(?:%|percent|(?:percentage )?points?\b|s\b|seconds?\b|minutes?\b|hours?\b)"
MEASURED = r"\b(?:accuracy|accuracies|error|loss)\b[^.;|]*\b\d*\.\d+"
RESULT = re.compile(f"{QUANTITY}|{MEASURED}")


def share(schedule, steps):
    return np.array([schedule(step) for step in range(steps + 1)])


READING_TIME = re.compile(r"About (\d+) minutes to read")
WORDS_A_MINUTE = 150  # of prose and code, with figures between them

# What follows from a formula is computed here.
COMPUTED = {
    "In the last tenth of the steps it is below 2.5 % of the peak": lambda: (
        share(schedules.CosineAnnealing(1000), 1000)[900:].max() < 0.025
    ),
    "never further apart than 11 % of the peak": lambda: (
        0.10
        < np.abs(
            share(schedules.CosineAnnealing(1000), 1000) - share(schedules.Linear(1000), 1000)
        ).max()
        < 0.11
    ),
    r"$\ln 10 \approx 2.3$": lambda: round(np.log(10), 1) == 2.3,
    "after $99 s$ steps a tenth": lambda: abs(schedules.InverseSquareRoot(5)(99 * 5) - 0.1) < 1e-12,
    "counts as guessing: 10 %": lambda: 1 / 10 == 0.1,
}

# What is chosen, and no result.
CHOSEN = {
    "95 % interval": "its name",
    "such a band would hold the true mean in 95 % of the cases": "what the name means",
    "within one percentage point of": "what the bars of a figure show",
    "within 1 point of the best": "what a column of a table shows",
    "Runs in under 90 seconds on two CPU cores": "the length that the chapters are made for",
    "at most 90 seconds": "the length that the chapters are made for",
    "at most 90 s a notebook": "the same",
    "less than 200 kB a second for 20 seconds": "where a slow mirror is given up",
    "78 % of the validation images right within 60 seconds": "a goal",
    "and 82 % within 120 seconds": "a goal",
}


def passages():
    """The prose of notebooks and pages, without code, formulas set apart and front matter."""
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                yield f"{path.stem}, cell {cell['id']}", "".join(cell["source"])
    for path in [*sorted(ROOT.glob("book/*.md")), ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        yield path.name, re.sub(r"\A---.*?^---|```.*?```", "", text, flags=re.DOTALL | re.MULTILINE)


def sentences(text):
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:-|\d+\.|\|) )", text)
    return [s for block in blocks for s in re.split(r"(?<=[.!?]) ", " ".join(block.split()))]


def typed_results(text):
    """The sentences that hold a quantity of a run and no source for it."""
    found = []
    for sentence in sentences(text):
        rest = READING_TIME.sub("", sentence)
        for known in (*COMPUTED, *CHOSEN):
            rest = rest.replace(known, "")
        if RESULT.search(rest) and "{cite" not in sentence:
            found.append(sentence)
    return found


@pytest.mark.parametrize("text", [pytest.param(text, id=where) for where, text in passages()])
def test_no_result_is_typed(text):
    assert typed_results(text) == [], "render it from the record, or cite its source"


@pytest.mark.parametrize(
    "sentence",
    [
        "Cosine annealing ends at 75.3 %.",
        "It is 1.2 points better.",
        "The validation accuracy reaches 0.753 here.",
        "A loss of about 0.62 is usual.",
        "One run takes 34 s.",
        "The eight notebooks take five minutes, or 4 minutes on a good day.",
        "Its 95 % interval ends at 3.1 %.",
    ],
)
def test_a_typed_result_is_found(sentence):
    assert typed_results(f"Some text before it. {sentence} Some after.") == [sentence]


@pytest.mark.parametrize(
    "sentence",
    [
        "{cite:t}`loshchilov2017` report an error of 3.14 % for an ensemble.",
        "The peak is 0.05 and the run has 351 steps.",
        "The 95 % interval is a band.",
    ],
)
def test_a_setting_or_a_citation_is_no_typed_result(sentence):
    assert typed_results(sentence) == []


@pytest.mark.parametrize("claim", COMPUTED)
def test_what_follows_from_a_formula_is_true(claim):
    assert COMPUTED[claim]()


@pytest.mark.parametrize("fragment", [*COMPUTED, *CHOSEN])
def test_an_exception_is_still_needed(fragment):
    assert any(fragment in " ".join(text.split()) for _, text in passages()), "remove it"


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_the_reading_time_fits_the_length(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    folded = {"hide-input", "hide-cell", "remove-cell"}
    seen = [c for c in cells if not folded & set(c["metadata"].get("tags", []))]
    words = sum(len("".join(cell["source"]).split()) for cell in seen)
    (stated,) = READING_TIME.findall("".join(cells[0]["source"]))
    assert int(stated) == round(words / WORDS_A_MINUTE)
