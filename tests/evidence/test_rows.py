"""The record's file: what goes in comes out, and a faulty row is named by file and line."""

import json
import math

import pytest
from synthetic import row, run

from lrlib.evidence import rows, study

GOOD = row(run("evaluation", "cosine", "short", 0.1, 3))


def changed(**changes):
    return json.dumps({**json.loads(rows.to_line(GOOD)), **changes}) + "\n"


def test_what_is_written_is_read_again(tmp_path):
    file = tmp_path / "cnn-max.jsonl"
    others = [
        row(run("tuning", "adam", "long", 0.002, 100)),
        row(run("finder", "fixed", "short", None, 7)),
        row(run("edge", "cosine", "short", 12.8, 0), stopped="the loss was nan", val_accuracy=[]),
    ]
    file.write_text("".join(rows.to_line(r) for r in [GOOD, *others]))
    assert rows.read(file) == [GOOD, *others]


def test_no_file_is_an_empty_record(tmp_path):
    assert rows.read(tmp_path / "none.jsonl") == []


def test_a_run_that_diverged_counts_as_chance():
    assert row(GOOD.run, stopped="the loss was nan", val_accuracy=[0.4]).accuracy == 0.1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (rows.to_line(GOOD)[:-1], "cut short"),
        (rows.to_line(GOOD)[:90] + "\n", "no JSON object"),
        ("[1, 2]\n", "expected a JSON object"),
        (rows.to_line(GOOD).replace('"lr": 0.1', '"lr": 0.1, "lr": 0.2'), "lr stands there twice"),
        (rows.to_line(GOOD).replace('"lr": 0.1', '"lr": NaN'), "NaN is no number"),
        (rows.to_line(GOOD).replace('"seed": 3, ', ""), "missing: ['seed']"),
        (changed(seed=None), "seed is None"),
        (changed(colour="red"), "missing: ['colour']"),
        (changed(strategy="cosinus"), "strategy is 'cosinus', expected one of fixed"),
        (changed(length="medium"), "length is 'medium', expected one of brief, short, long"),
        (changed(setting="cnn"), "setting is 'cnn', expected one of"),
        (changed(stage="test"), "stage is 'test'"),
        (changed(lr=0.2), "lr is 0.2, expected peak_lr, 0.1"),
        (changed(peak_lr=None), "peak_lr is None"),
        (changed(dataset="Shapes-10"), "dataset is 'Shapes-10'"),
        (changed(val_accuracy=[0.5]), "val_accuracy is [0.5], expected 2 of them"),
        (changed(val_accuracy=[50, 60]), "val_accuracy is [50, 60]"),
        (changed(test_accuracy=None), "test_accuracy is None"),
        (changed(stage="tuning"), "test_accuracy is 0.7, expected null in tuning"),
        (changed(loss=["1.5"]), "loss is ['1.5']"),
        (changed(val_loss=[1.5]), "val_loss is [1.5], expected as many numbers"),
    ],
)
def test_a_faulty_row_is_named_by_file_and_line(tmp_path, line, message):
    file = tmp_path / "cnn-max.jsonl"
    other = row(run("evaluation", "linear", "short", 0.1, 3))
    file.write_text(rows.to_line(other) + line)
    with pytest.raises(ValueError, match="line 2") as error:
        rows.read(file)
    assert str(file) in str(error.value)
    assert message in str(error.value)


def test_a_run_that_stands_there_twice_is_named(tmp_path):
    file = tmp_path / "cnn-max.jsonl"
    again = rows.to_line(row(GOOD.run, accuracy=0.8))
    file.write_text(rows.to_line(GOOD) + again)
    with pytest.raises(ValueError, match=r"line 2: the run of line 1 again: .*cosine"):
        rows.read(file)


def test_a_value_that_is_no_number_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        rows.to_line(row(GOOD.run, seconds=float("nan")))


def test_a_task_without_classes_is_judged_by_its_loss(tmp_path):
    fresh = row(run("evaluation", "adamw", "long", 0.002, 3, setting="text"), -1.9)
    assert fresh.score == -1.9
    file = tmp_path / "text.jsonl"
    file.write_text(rows.to_line(fresh))
    assert rows.read(file) == [fresh]
    lost = row(fresh.run, -50.0)
    assert lost.score == -math.log(65)  # no worse than guessing
    file.write_text(rows.to_line(row(fresh.run, -1.9, test_loss=None)))
    with pytest.raises(ValueError, match="test_loss is None, expected a number"):
        rows.read(file)


def test_every_machine_makes_the_calibration_runs(tmp_path):
    (calibration, *_) = study.calibration()
    here, there = (row(calibration, 0.6, val_loss=[1.0, 1.0], machine=m) for m in ("A", "B"))
    file = tmp_path / "cnn-mean.jsonl"
    file.write_text(rows.to_line(here) + rows.to_line(there))
    assert rows.read(file) == [here, there]
    file.write_text(rows.to_line(here) * 2)
    with pytest.raises(ValueError, match="the run of line 1 again"):
        rows.read(file)
