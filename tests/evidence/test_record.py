"""Recording: it can be stopped at any moment, and goes on where it stopped."""

import itertools
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from synthetic import row, run

from lrlib import data
from lrlib.evidence import record, rows, runs, study, tasks
from lrlib.evidence.settings import LEADING, SETTINGS

FOLDER = Path(__file__).parent
pytestmark = pytest.mark.usefixtures("undo_what_a_recorder_sets")

# A recorder whose runs take a moment instead of minutes, in a process that can be killed.
QUICK_RECORDER = f"""
import random, sys, time
sys.path.insert(0, {str(FOLDER)!r})
from pathlib import Path
import synthetic
from lrlib.evidence import record, runs

def make(run):
    time.sleep(random.uniform(0, 0.02))
    return synthetic.row(run, synthetic.accuracy(run))

if __name__ == "__main__":
    runs.make = make
    record.runs = runs
    folder, at_most = Path(sys.argv[1]), int(sys.argv[2])
    print(record.record(folder, settings=["cnn-max"], workers=2, at_most=at_most))
"""


@pytest.fixture
def recorder(tmp_path):
    program = tmp_path / "recorder.py"
    program.write_text(QUICK_RECORDER)

    def start(at_most):
        command = [sys.executable, str(program), str(tmp_path), str(at_most)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
        )

    return start


@pytest.mark.slow
def test_a_killed_recorder_loses_only_the_runs_in_flight(recorder, tmp_path):
    file = tmp_path / "cnn-max.jsonl"
    kept = []
    for wait in (0.0, 0.2):
        process = recorder(at_most=100_000)
        while process.poll() is None and len(file.read_bytes() if file.exists() else b"") < 2000:
            time.sleep(0.01)
        time.sleep(wait + random.uniform(0, 0.05))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        whole = file.read_bytes()
        lines = whole[: whole.rfind(b"\n") + 1].splitlines()
        assert lines[: len(kept)] == kept, "a finished run was lost or changed"
        kept = lines
    process = recorder(at_most=5)
    output, errors = process.communicate()
    assert output.endswith("5\n"), errors
    runs = [row.run for row in rows.read(file)]
    assert len(runs) == len(kept) + 5
    assert max(Counter(runs).values()) == 1


def first_lines(count):
    """What a recorder has written down after so many runs."""
    first = itertools.islice(study.missing({}, "cnn-max"), count)
    return "".join(rows.to_line(_make_from_rows(each)) for each in first)


def test_half_a_line_is_dropped_and_its_run_made_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs, "make", _make_from_rows)
    monkeypatch.setattr(record, "ProcessPoolExecutor", lambda n, **_: ThreadPoolExecutor(n))
    file = tmp_path / "cnn-max.jsonl"
    file.write_text(first_lines(3)[:-40])
    assert record.record(tmp_path, settings=["cnn-max"], workers=1, at_most=1) == 1
    assert "cut short and is dropped" in capsys.readouterr().out
    assert len(rows.read(file)) == 3


def test_a_faulty_record_is_not_continued(tmp_path):
    file = tmp_path / "cnn-max.jsonl"
    before = first_lines(2).replace('"fixed"', '"fixd"')
    file.write_text(before)
    with pytest.raises(ValueError, match="strategy is 'fixd'"):
        record.record(tmp_path, workers=1, at_most=1)
    assert file.read_text() == before


def test_two_recorders_do_not_write_one_record(tmp_path):
    with (
        FileLock(tmp_path / "lock"),
        pytest.raises(RuntimeError, match="another process records"),
    ):
        record.record(tmp_path, workers=1, at_most=1)


def test_the_stand_in_is_refused(tiny_splits, monkeypatch):
    tasks.images.cache_clear()
    monkeypatch.setattr(data, "load", lambda n_train: tiny_splits)
    with pytest.raises(RuntimeError, match="made on CIFAR-10 alone, got tiny"):
        runs.make(run("main", "cosine", "short", 0.1, 0))


@pytest.fixture
def tiny_study(tiny_splits, monkeypatch):
    """A study of a few steps on tiny images that pass for CIFAR-10."""
    named = data.Splits(
        tiny_splits.train, tiny_splits.val, tiny_splits.test, "CIFAR-10", tiny_splits.classes
    )
    monkeypatch.setattr(data, "load", lambda n_train: named)
    tasks.images.cache_clear()
    small = replace(SETTINGS["cnn-max"], batch_size=64, judged_every=10, lengths={"short": 20})
    monkeypatch.setitem(SETTINGS, "cnn-max", small)
    yield named
    tasks.images.cache_clear()


def test_a_row_says_what_happened(tiny_study):
    wanted = run("evaluation", "warmup-cosine", "short", 0.05, 4)
    made = runs.make(wanted)
    assert made.run == wanted
    assert made.lr == 0.05
    assert len(made.val_accuracy) == len(made.val_loss) == 2
    assert 0 <= made.test_accuracy <= 1
    assert made.threads >= 1
    assert len(made.commit) >= 7
    rows._parse(rows.to_line(made))


def test_the_commit_is_dirty_when_code_changed_but_not_when_the_record_grew(tmp_path, monkeypatch):
    def git(*arguments):
        author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *author, *arguments], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(runs, "__file__", str(tmp_path / "record.py"))
    commit = runs.commit.__wrapped__  # the answer is kept for the life of a process
    assert commit() == "unknown"
    git("init")
    (tmp_path / "record.py").write_text("one")
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded" / "text.jsonl").write_text("one")
    git("add", ".")
    git("commit", "-m", "one")
    (tmp_path / "recorded" / "text.jsonl").write_text("two")
    assert re.fullmatch("[0-9a-f]{12}", commit())
    (tmp_path / "record.py").write_text("two")
    assert commit().endswith("-dirty")


def test_the_same_run_gives_the_same_row(tiny_study):
    wanted = run("evaluation", "adamw-cosine", "short", 0.002, 1)
    first, second = runs.make(wanted), runs.make(wanted)
    assert (first.val_accuracy, first.loss) == (second.val_accuracy, second.loss)
    other = runs.make(run("main", "adamw-cosine", "short", 0.002, 2))
    assert other.loss != first.loss


def test_tuning_does_not_look_at_the_test_images(tiny_study, monkeypatch):
    seen = []
    evaluate = tasks.train.evaluate
    monkeypatch.setattr(
        tasks.train, "evaluate", lambda net, images: seen.append(images) or evaluate(net, images)
    )
    assert runs.make(run("tuning", "fixed", "short", 0.05, 100)).test_accuracy is None
    assert not any(images is tiny_study.test for images in seen)
    runs.make(run("evaluation", "fixed", "short", 0.05, 0))
    assert sum(images is tiny_study.test for images in seen) == 1


def test_a_run_that_diverges_is_recorded_as_such(tiny_study):
    made = runs.make(run("edge", "cosine", "short", 1e30, 0))
    assert "the loss was" in made.stopped
    assert made.accuracy == made.test_accuracy == 0.1
    rows._parse(rows.to_line(made))


def test_an_interrupted_run_is_no_row(tiny_study, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runs.make(run("evaluation", "fixed", "short", 0.05, 0))


def test_losses_are_means_over_tenths_of_an_epoch():
    losses = [float(step // 35.1) for step in range(2 * 351)]
    assert runs._tenths(losses, 351) == pytest.approx(range(20), abs=0.1)
    assert len(runs._tenths(losses[:100], 351)) == 3
    assert runs._tenths([1.0] * 36 + [float("inf")], 351) == [1.0]


def test_a_cluster_makes_runs_through_its_executor(tmp_path, monkeypatch):
    distributed = pytest.importorskip("dask.distributed")
    monkeypatch.syspath_prepend(str(FOLDER))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        monkeypatch.setattr(runs, "make", _make_from_rows)
        made = record.record(
            tmp_path,
            settings=["text"],
            workers=2,
            scheduler=cluster.scheduler_address,
            at_most=4,
        )
    assert made == 4
    assert len(rows.read(tmp_path / "text.jsonl")) == 4


def _make_from_rows(run):
    import synthetic

    return synthetic.row(run, synthetic.accuracy(run))


def test_an_unknown_setting_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"the settings are .* got txt"):
        record.record(tmp_path, settings=["txt"])


def test_what_is_left_is_estimated_from_the_pace_so_far():
    made = [row(each, seconds=10.0) for each in study.missing({}, "text")][:4]
    results = rows.results(made)
    todo = list(study.missing(results, "text"))
    waiting = 1000 * len(study.cells("text")) * (len(study.SEEDS) + 3 * 2)
    steps = waiting + sum(run.steps for run in todo)
    hours = f"{10 / made[0].run.steps * steps / 3600 / 2:.1f} hours left"
    assert record.hours_left(made, todo, results, ["text"], 2) == hours
    assert record.hours_left([], todo, {}, ["text"], 2).endswith("and text")


def test_a_machine_is_calibrated_before_it_goes_on():
    first = record._uncalibrated(set(), ["cnn-mean", "text"])
    assert first == study.calibration()
    assert record._uncalibrated(set(first[:9]), ["cnn-mean"]) == first[9:]
    assert record._uncalibrated(set(), ["text"]) == []


def test_the_finders_runs_come_first_and_then_leading_strategies_in_every_setting():
    asked = record._missing({}, ("sparse", "cnn-mean"))
    urgency = [study.urgency(run) for run in asked]
    assert urgency == sorted(urgency)
    assert {group for group, _ in urgency} == {0, 1, 2}
    leading = [run for run in asked if study.urgency(run) == (1, 0)]
    assert all(run.strategy in LEADING and run.length == "long" for run in leading)
    assert {run.setting for run in leading} == {"sparse", "cnn-mean"}
    assert asked[0].setting == "sparse"


def test_the_other_strategies_of_a_setting_are_finished_one_after_the_other():
    asked = record._missing({}, ("large-batch",))
    rest = [run.strategy for run in asked if run.length == "long" and study.urgency(run) > (1, 0)]
    others = [name for name in SETTINGS["large-batch"].strategies["long"] if name not in LEADING]
    finished = [name for name, _ in itertools.groupby(rest)]
    assert finished[: len(others)] == others  # then those that judge the finder alone
