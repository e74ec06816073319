"""Recording: it can be stopped at any moment, and goes on where it stopped."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock

from lrlib import data
from lrlib.evidence import record, rows, study
from lrlib.evidence.study import Run

FOLDER = Path(__file__).parent
pytestmark = pytest.mark.usefixtures("undo_what_a_recorder_sets")

# A recorder whose runs take a moment instead of minutes, in a process that can be killed.
QUICK_RECORDER = f"""
import random, sys, time
sys.path.insert(0, {str(FOLDER)!r})
from pathlib import Path
import synthetic
from lrlib.evidence import record, study

def make(run):
    time.sleep(random.uniform(0, 0.02))
    return synthetic.row(run, synthetic.accuracy(run))

if __name__ == "__main__":
    record.make = make
    print(record.record(Path(sys.argv[1]), workers=2, at_most=int(sys.argv[2])))
"""


@pytest.fixture
def recorder(tmp_path):
    program = tmp_path / "recorder.py"
    program.write_text(QUICK_RECORDER)

    def start(at_most):
        command = [sys.executable, str(program), str(tmp_path / "record.jsonl"), str(at_most)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
        )

    return start


def test_a_killed_recorder_loses_only_the_runs_in_flight(recorder, tmp_path):
    file = tmp_path / "record.jsonl"
    kept = []
    for wait in (0.0, 0.05, 0.2):
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


def test_half_a_line_is_dropped_and_its_run_made_again(recorder, tmp_path):
    file = tmp_path / "record.jsonl"
    recorder(at_most=3).communicate()
    content = file.read_bytes()
    file.write_bytes(content[:-40])
    output, errors = recorder(at_most=1).communicate()
    assert "cut short and is dropped" in output, errors
    assert len(rows.read(file)) == 3


def test_a_faulty_record_is_not_continued(recorder, tmp_path):
    file = tmp_path / "record.jsonl"
    recorder(at_most=2).communicate()
    before = file.read_text().replace('"fixed"', '"fixd"')
    file.write_text(before)
    _, errors = recorder(at_most=1).communicate()
    assert "variant is 'fixd'" in errors
    assert file.read_text() == before


def test_two_recorders_do_not_write_one_record(tmp_path):
    file = tmp_path / "record.jsonl"
    with FileLock(f"{file}.lock"), pytest.raises(RuntimeError, match="another process writes"):
        record.record(file, workers=1, at_most=1)


def test_the_stand_in_is_refused(tiny_splits, monkeypatch):
    record._splits.cache_clear()
    monkeypatch.setattr(data, "load", lambda: tiny_splits)
    monkeypatch.setenv("LRLIB_DATASET", "shapes10")
    with pytest.raises(RuntimeError, match="made on CIFAR-10 alone, got tiny"):
        record.make(Run("main", "cosine", "short", 0.1, 0))


@pytest.fixture
def tiny_study(tiny_splits, monkeypatch):
    """A study of a few steps on tiny images that pass for CIFAR-10."""
    named = data.Splits(
        tiny_splits.train, tiny_splits.val, tiny_splits.test, "CIFAR-10", tiny_splits.classes
    )
    monkeypatch.setattr(record, "_splits", lambda: named)
    monkeypatch.setattr(study, "BATCH_SIZE", 64)


def test_a_row_says_what_happened(tiny_study):
    run = Run("main", "warmup-cosine", "short", 0.05, 4)
    row = record.make(run)
    assert row.run == run
    assert row.lr == 0.05
    assert len(row.val_accuracy) == 2
    assert 0 <= row.test_accuracy <= 1
    assert row.threads >= 1
    assert len(row.commit) >= 7
    rows._check(row)


def test_the_commit_is_dirty_when_code_changed_but_not_when_the_record_grew(tmp_path, monkeypatch):
    def git(*arguments):
        author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *author, *arguments], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(record, "__file__", str(tmp_path / "record.py"))
    commit = record._commit.__wrapped__  # the answer is kept for the life of a process
    assert commit() == "unknown"
    git("init")
    (tmp_path / "record.py").write_text("one")
    (tmp_path / "record.jsonl").write_text("one")
    git("add", ".")
    git("commit", "-m", "one")
    (tmp_path / "record.jsonl").write_text("two")
    assert re.fullmatch("[0-9a-f]{12}", commit())
    (tmp_path / "record.py").write_text("two")
    assert commit().endswith("-dirty")


def test_the_same_run_gives_the_same_row(tiny_study):
    run = Run("main", "adamw-cosine", "short", 0.002, 1)
    first, second = record.make(run), record.make(run)
    assert (first.val_accuracy, first.loss) == (second.val_accuracy, second.loss)
    other = record.make(Run("main", "adamw-cosine", "short", 0.002, 2))
    assert other.loss != first.loss


def test_tuning_does_not_look_at_the_test_images(tiny_study, monkeypatch):
    seen = []
    evaluate = record.train.evaluate
    monkeypatch.setattr(
        record.train, "evaluate", lambda net, images: seen.append(images) or evaluate(net, images)
    )
    assert record.make(Run("tuning", "fixed", "short", 0.05, 100)).test_accuracy is None
    assert not any(images is record._splits().test for images in seen)
    record.make(Run("main", "fixed", "short", 0.05, 0))
    assert sum(images is record._splits().test for images in seen) == 1


def test_a_run_that_diverges_is_recorded_as_such(tiny_study, capsys):
    row = record.make(Run("edge", "cosine", "short", 1e30, 0))
    assert "the loss was" in row.stopped
    assert row.accuracy == row.test_accuracy == 0.1
    rows._check(row)


def test_an_interrupted_run_is_no_row(tiny_study, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(record.train, "make_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record.make(Run("main", "fixed", "short", 0.05, 0))


def test_losses_are_means_over_tenths_of_an_epoch():
    losses = [float(step // 35.1) for step in range(2 * 351)]
    assert record._tenths(losses) == pytest.approx(range(20), abs=0.1)
    assert len(record._tenths(losses[:100])) == 3
    assert record._tenths([1.0] * 36 + [float("inf")]) == [1.0]


def test_a_cluster_makes_runs_through_its_executor(tmp_path, monkeypatch):
    distributed = pytest.importorskip("dask.distributed")
    monkeypatch.syspath_prepend(str(FOLDER))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        monkeypatch.setattr(record, "make", _make_from_rows)
        made = record.record(
            tmp_path / "record.jsonl", workers=2, scheduler=cluster.scheduler_address, at_most=4
        )
    assert made == 4
    assert len(rows.read(tmp_path / "record.jsonl")) == 4


def _make_from_rows(run):
    import synthetic

    return synthetic.row(run, synthetic.accuracy(run))
