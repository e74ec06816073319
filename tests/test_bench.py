"""The benchmarks run, and what they print says what was measured. No time is asserted."""

import json
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from benchmarks import growth, machine, pairs, report, search, speed

ROOT = Path(__file__).parents[1]


def smoke(folder, *arguments):
    """Run benchmarks in smoke mode; return the process and the rows that it wrote."""
    file = folder / "rows.json"
    command = [sys.executable, "-m", "pytest", "benchmarks/speed.py", "--smoke"]
    options = ["-p", "no:cacheprovider", f"--benchmark-json={file}", *arguments]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"benchmarks": []}
    return done, content, [bench["extra_info"] for bench in content["benchmarks"]]


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
    assert " make bench SMOKE=1\n" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    command = ["make", "-n", "bench", "SMOKE=1"]
    recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m pytest benchmarks/speed.py" in recipe
    assert "--smoke" in recipe
    assert "rows/ratios.json" not in recipe, "a smoke run must not replace what was measured"
    assert len([name for name in vars(speed) if name.startswith("test_")]) == 9


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
    ("bounds", "reached", "verdict"),
    [
        ({"at_least": 10, "at_most": None, "aim": 20}, 9.9, "missed"),
        ({"at_least": 10, "at_most": None, "aim": 20}, 10.0, "enough"),
        ({"at_least": 10, "at_most": None, "aim": 20}, 20.0, "aim"),
        ({"at_least": None, "at_most": 1.08, "aim": 1.03}, 1.09, "missed"),
        ({"at_least": None, "at_most": 1.08, "aim": 1.03}, 1.05, "enough"),
        ({"at_least": None, "at_most": 1.08, "aim": 1.03}, 1.02, "aim"),
    ],
)
def test_the_table_says_what_was_reached(bounds, reached, verdict):
    row = {"row": "ours : theirs", "reached": reached, "unit": "", **bounds}
    line = report.as_text([row]).splitlines()[1]
    assert line.startswith("ours : theirs")
    assert line.endswith(verdict)


def test_a_ratio_that_is_no_number_is_refused():
    with pytest.raises(AssertionError):
        speed.note(types.SimpleNamespace(extra_info={}), "row", float("nan"), aim=1)


@pytest.mark.slow
def test_the_search_and_the_growth_write_rows_and_repeat_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LRLIB_DATASET", "shapes10")
    monkeypatch.setattr(machine, "ROWS", tmp_path)
    monkeypatch.setattr(search, "SEEDS", (0,))
    tiny = search.Recipe("tiny", n_train=1024, epochs=1)
    monkeypatch.setattr(search, "ACCURACY", (tiny,))
    monkeypatch.setattr(search, "GOALS", (tiny,))
    monkeypatch.setattr(search, "SETTINGS", search.SETTINGS[:1])
    monkeypatch.setattr(growth, "SWEEPS", {"images": (1024,)})
    for _ in range(2):
        search.accuracy()
        search.goal()
        search.throughput(rounds=2, steps=1)
        growth.main()
    rows = {name: machine.read_rows(name) for name in ("accuracy", "goal", "throughput", "growth")}
    assert [len(found) for found in rows.values()] == [1, 1, 1, 1]
    assert "test_accuracy" not in rows["accuracy"][0], "a search must not read the test images"
    assert 0 <= rows["goal"][0]["test_accuracy"] <= 1
    assert rows["throughput"][0]["ratio"] > 0
    assert rows["growth"][0]["peak_mb"] >= rows["growth"][0]["loaded_mb"]
