"""What the page computes in the reader's browser is what the chapter's own function draws.

For the first values of the sliders, their ends, and more in between.
"""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from playwright.sync_api import Browser

from lrlib import explore, finder, plots, schedules
from lrlib.explore import _described

ROOT = Path(__file__).resolve().parents[2]


def figures() -> dict[str, tuple]:
    """What each chapter hands to `explore.sliders` with a formula: its function and its ranges."""
    found: dict[str, tuple] = {}

    def note(draw, alt, *, height=3.0, formula=None, **ranges) -> None:
        if formula:
            found[formula] = draw, ranges

    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "formula=" in source:
                names = {"np": np, "plots": plots, "schedules": schedules, "finder": finder}
                exec(source, {**names, "explore": SimpleNamespace(sliders=note)})
    return found


FIGURES = figures()


@pytest.fixture(scope="module")
def tab(browser: Browser):
    page = browser.new_page()
    page.add_script_tag(path=ROOT / "book" / "_static" / "formulas.js")
    yield page
    page.close()


def described(draw, values):
    figure, (ax,) = plots.panels()
    draw(ax, **values)
    (panel,) = _described.describe(figure)["panels"]
    for line in panel["lines"]:
        line |= {key: line[key].tolist() for key in ("xs", "ys") if key in line}
    return panel


def choices(limits):
    low, high, first = limits
    inside = np.random.default_rng(0).uniform(low, high, 5)
    whole = all(isinstance(value, int) for value in limits)
    return [first, low, high, *(round(v) if whole else float(v) for v in inside)]


def test_every_formula_is_drawn_in_a_chapter(tab):
    assert len(FIGURES) >= 8
    assert set(FIGURES) == set(tab.evaluate("Object.keys(window.lrlibFormulas)"))


@pytest.mark.parametrize("name", FIGURES)
def test_a_formula_gives_what_the_chapter_draws(tab, name):
    draw, ranges = FIGURES[name]
    explore._ranges.check(ranges)
    first = described(draw, {key: limits[2] for key, limits in ranges.items()})
    grid = list(itertools.product(*map(choices, ranges.values())))
    few = grid if len(grid) <= 64 else [grid[0], *np.random.default_rng(0).permutation(grid)[:63]]
    chosen = [
        {
            key: type(limits[2])(value)
            for (key, limits), value in zip(ranges.items(), values, strict=True)
        }
        for values in few
    ]
    call = """([name, all, panel]) => {
        const first = JSON.parse(panel);
        return JSON.stringify(all.map((values) => window.lrlibFormulas[name](values, first)));
    }"""
    drawn = json.loads(tab.evaluate(call, [name, chosen, json.dumps(first)]))
    for values, theirs in zip(chosen, drawn, strict=True):
        ours = described(draw, values)
        assert len(ours["lines"]) == len(theirs["lines"])
        for line, other in zip(ours["lines"], theirs["lines"], strict=True):
            for key in {"xs", "ys"} & line.keys():
                np.testing.assert_allclose(other[key], line[key], rtol=1e-9, atol=1e-12)
        rest = ("x", "y", "texts", "legend", "named")
        assert [theirs[key] for key in rest] == [ours[key] for key in rest], "the axes moved"
        assert numbers(theirs["title"]) == pytest.approx(numbers(ours["title"]), rel=0.05)


def numbers(title):
    words = title.replace("=", " ").replace(",", " ").split()
    return [float(word) for word in words if word[0].isdigit()]
