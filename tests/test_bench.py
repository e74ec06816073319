"""The benchmarks run, and what the book says of them was measured. No time is asserted."""

import importlib
import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from benchmarks import pairs, speed

ROOT = Path(__file__).parents[1]


def smoke(folder, *arguments):
    """Run benchmarks in smoke mode; return the process and the rows that it wrote."""
    file = folder / "rows.json"
    command = [sys.executable, "-m", "pytest", "benchmarks/speed.py", "--smoke"]
    options = ["-p", "no:cacheprovider", f"--benchmark-json={file}", *arguments]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"benchmarks": []}
    return done, content, [bench["extra_info"] for bench in content["benchmarks"]]


@pytest.mark.slow
def test_smoke_mode_runs_a_benchmark_and_prints_its_row(tmp_path):
    done, content, rows = smoke(tmp_path, "-k", "test_fit or test_flops")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["row"] for row in rows] == [
        "fit : the same loop written flat",
        "FLOP/s of training : FLOP/s of torch.mm",
    ]
    for row in rows:
        assert row["reached"] > 0
        assert row["row"] in done.stdout
    assert content["machine_info"]["mm_gflops"]["1"] > 0
    assert "node" not in content["machine_info"], "the name of somebody's machine"


@pytest.mark.slow
def test_smoke_mode_fails_where_a_benchmark_does(tmp_path, monkeypatch):
    plugin = "from lrlib import train\ndel train.fit\n"
    (tmp_path / "break_fit.py").write_text(plugin, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done, _, rows = smoke(tmp_path, "-p", "break_fit", "-k", "test_fit")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "has no attribute 'fit'" in done.stdout
    assert not any(rows)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_continuous_integration_runs_every_benchmark():
    """`.ci/run` calls `make bench SMOKE=1`, which takes the whole file."""
    assert " make bench SMOKE=1 ;;" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    command = ["make", "-n", "bench", "SMOKE=1"]
    recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m pytest benchmarks/speed.py" in recipe
    assert "--smoke" in recipe
    assert "rows/ratios.json" not in recipe, "a smoke run must not replace what was measured"
    assert {name for name in vars(speed) if name.startswith("test_")} == set(speed.ROWS)
    assert len(speed.ROWS) == 9


class Fixture:
    """The part of pytest-benchmark's fixture that `in_turn` uses."""

    def pedantic(self, function, rounds, warmup_rounds):
        for _ in range(rounds + warmup_rounds):
            function()


def test_sides_take_turns_and_their_order_alternates():
    order, now = [], [0.0]

    def side(name, seconds):
        def work():
            order.append(name)
            now[0] += seconds

        return work

    times = pairs.in_turn(
        Fixture(), 3, lambda: now[0], slow=side("slow", 3.0), quick=side("quick", 2.0)
    )
    assert order == ["slow", "quick", "quick", "slow"] * 2
    assert times == {"slow": [3.0] * 3, "quick": [2.0] * 3}
    assert pairs.ratio(times, "slow", "quick") == 1.5


def test_the_ratio_is_the_median_over_the_rounds():
    times = {"a": [1.0, 9.0, 2.0], "b": [1.0, 1.0, 1.0]}
    assert pairs.ratio(times, "a", "b") == 2.0


@pytest.mark.parametrize(
    ("wanted", "aim", "reached", "verdict"),
    [
        (10, 20, 9.9, "missed"),
        (10, 20, 10.0, "enough"),
        (10, 20, 20.0, "aim"),
        (1.08, 1.03, 1.09, "missed"),
        (1.08, 1.03, 1.05, "enough"),
        (1.08, 1.03, 1.02, "aim"),
    ],
)
def test_a_row_says_what_was_reached(monkeypatch, wanted, aim, reached, verdict):
    monkeypatch.setitem(speed.ROWS, "test_it", ("ours : theirs", wanted, aim, " %"))
    benchmark = types.SimpleNamespace(name="test_it", extra_info={})
    speed.note(benchmark, reached)
    sign = "≥" if aim > wanted else "≤"
    assert benchmark.extra_info == {
        "row": "ours : theirs",
        "reached": reached,
        "shown": f"{reached:.1f} %" if reached >= 10 else f"{reached:.2f} %",
        "wanted": f"{sign} {wanted} %",
        "aim": f"{sign} {aim} %",
        "verdict": verdict,
    }


def test_a_ratio_that_is_no_number_is_refused():
    benchmark = types.SimpleNamespace(name="test_fit", extra_info={})
    with pytest.raises(AssertionError):
        speed.note(benchmark, float("nan"))
    assert benchmark.extra_info == {}


# The page of the book that shows the rows.


@pytest.fixture
def measured(monkeypatch):
    """The extension that draws the page."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    return importlib.import_module("measured")


def test_the_page_shows_each_drawing_and_each_number(measured):
    page = (ROOT / "book" / "speed.md").read_text(encoding="utf-8")
    assert re.findall(r"^```{measured} (.*)$", page, re.MULTILINE) == list(measured.DRAWINGS)
    assert set(re.findall(r"{measured}`([^`]*)`", page)) == set(measured.numbers())


def test_a_drawing_can_be_read_without_seeing_it_and_on_a_phone(measured):
    for name, draw in measured.DRAWINGS.items():
        drawing = BeautifulSoup(draw(), "html.parser")
        if drawing.svg:
            assert drawing.svg["aria-label"], name
            continue
        assert drawing.caption.get_text(), name
        lines = drawing.select("tbody > tr")
        assert all(line.select_one("th:first-child") for line in lines), name
        assert {cell["scope"] for cell in drawing.select("th")} == {"col", "row"}, name
        assert not [cell for cell in drawing.select("td") if " " in cell.get_text()], name
        assert "1 epochs" not in drawing.get_text()


def test_no_point_lies_on_the_edge_of_its_panel(measured, monkeypatch):
    monkeypatch.setattr(measured, "figure", lambda drawn, *_: drawn)
    for size in measured.SIZES:
        for ax in measured.growth(size).axes:
            low, high = ax.get_ylim()
            inside = [low < y < 0.95 * high for line in ax.lines for y in line.get_ydata()]
            assert inside, size
            assert all(inside), size


def test_a_change_is_compared_with_the_books_recipe_in_the_same_time(measured):
    """Halfway between two lengths, on a logarithmic axis, the mean of the two is expected."""
    book = measured.BOOK
    recipes = [
        [{"name": book, "processor_seconds": 10, "val_accuracy": 0.4}],
        [{"name": book, "processor_seconds": 40, "val_accuracy": 0.6}],
        [{"name": "other", "processor_seconds": 20, "val_accuracy": 0.55}],
    ]
    measured.add_gains(recipes)
    gains = [rows[0]["gain"] for rows in recipes]
    assert gains == pytest.approx([0, 0, 5])


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


@pytest.mark.skipif(
    git("rev-parse", "--is-shallow-repository") != "false", reason="the history is not here"
)
def test_a_finished_experiment_can_be_found(measured):
    for name in (*measured.TABLES, "growth"):
        program = name if name in ("growth", "quick") else "search"
        for commit in {row["commit"] for row in measured.read(name)}:
            assert git("cat-file", "-t", f"{commit}:benchmarks/{program}.py") == "blob", commit
