"""No result of a run is typed into prose: results come from the record, or from the cell above."""

import json
import re

import numpy as np
import references
from prose import CHAPTERS, every_passage

from lrlib import schedules

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
}

# What is chosen, and no result.
CHOSEN = {
    "95 % interval": "its name",
    "such a band would hold the true mean in 95 % of the cases": "what the name means",
    "leaves out the lowest and the highest 2.5 % of these gaps": "what the name means",
    "within one percentage point of": "what the bars of a figure show",
    "Runs in under 90 seconds on two CPU cores": "the length that the chapters are made for",
    "at most 90 seconds": "the length that the chapters are made for",
    "at most 90 s a notebook": "the same",
    "less than 200 kB a second for 20 seconds": "where a slow mirror is given up",
    "78 % of the validation images right within 60 seconds": "a goal",
    "and 82 % within 120 seconds": "a goal",
}


def sentences(text):
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:-|\d+\.|\|) )", text)
    end = r"(?<=[.!?])(?<!\bet al\.) "
    return [s for block in blocks for s in re.split(end, " ".join(block.split()))]


def cites(sentence):
    return "{cite" in sentence or bool(references.cited(sentence))


def typed_results(text):
    """The sentences that hold a quantity of a run and no source for it."""
    found = []
    for sentence in sentences(text):
        rest = READING_TIME.sub("", sentence)
        for known in (*COMPUTED, *CHOSEN):
            rest = rest.replace(known, "")
        if RESULT.search(rest) and not cites(sentence):
            found.append(sentence)
    return found


def test_no_result_is_typed():
    found = {where: typed_results(text) for where, text in every_passage().items()}
    found = {where: sentences for where, sentences in found.items() if sentences}
    assert found == {}, "render each from the record, or cite its source"


TYPED = [
    "Cosine annealing ends at 75.3 %.",
    "It is 1.2 points better.",
    "The validation accuracy reaches 0.753 here.",
    "A loss of about 0.62 is usual.",
    "One run takes 34 s.",
    "The eight notebooks take five minutes, or 4 minutes on a good day.",
    "Its 95 % interval ends at 3.1 %.",
    "[Nobody et al. (2017)](https://example.org/paper) report an error of 3.14 %.",
]
NOT_TYPED = [
    "{cite:t}`loshchilov2017` report an error of 3.14 % for an ensemble.",
    "[Loshchilov and Hutter (2017)](https://arxiv.org/abs/1608.03983) report an error of 3.14 %.",
    "[He et al. (2016)](https://arxiv.org/abs/1512.03385) report an error of 6.43 %.",
    "The peak is 0.05 and the run has 351 steps.",
    "The 95 % interval is a band.",
]


def test_a_typed_result_is_told_from_a_setting_and_a_citation():
    found = [typed_results(f"Some text before it. {each} Some after.") for each in TYPED]
    assert found == [[each] for each in TYPED]
    assert [each for each in NOT_TYPED if typed_results(each)] == []


def test_what_follows_from_a_formula_is_true():
    assert [claim for claim, holds in COMPUTED.items() if not holds()] == []


def test_every_exception_is_still_needed():
    text = "\n".join(" ".join(passage.split()) for passage in every_passage().values())
    unused = [fragment for fragment in (*COMPUTED, *CHOSEN) if fragment not in text]
    assert unused == [], "remove them"


def test_the_reading_time_fits_the_length():
    """Within a quarter: nobody reads to the minute."""
    folded = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
    wrong = {}
    for path in CHAPTERS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        seen = [c for c in cells if not folded & set(c["metadata"].get("tags", []))]
        needed = sum(len("".join(c["source"]).split()) for c in seen) / WORDS_A_MINUTE
        (stated,) = READING_TIME.findall("".join(cells[0]["source"]))
        if abs(int(stated) - needed) > needed / 4:
            wrong[path.stem] = f"{stated} minutes are stated, {needed:.0f} are needed"
    assert wrong == {}
