"""What the check of an exercise says to an answer, without running its chapter."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@cache
def names_of(chapter: str, exercise: str) -> dict[str, Any]:
    """Run the imports, the exercise's stub and its check, and return what they define."""
    cells = {cell.id: cell for cell in nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", 4).cells}
    names: dict[str, Any] = {}
    for name in ("imports", f"{exercise}-stub", f"{exercise}-check"):
        exec(cells[name].source, names)
    return names


def said(chapter: str, exercise: str, *answers: object) -> str:
    """Return the feedback on the answers: it begins as `word` says."""
    names = names_of(chapter, exercise)
    (check,) = [value for name, value in names.items() if name.startswith("check_")]
    (text,) = re.findall("[✓✗] (.*)</p>", names["exercises"].check(check, *answers).data)
    return text


def word(right: bool) -> str:
    """How the feedback begins on an answer that is right, or is not."""
    return "Right." if right else "Not yet."
