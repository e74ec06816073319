"""The record's file: what goes in comes out, and a faulty row is named by file and line."""

import json

import pytest
from synthetic import row

from lrlib.evidence import rows
from lrlib.evidence.study import Run

GOOD = row(Run("main", "cosine", "short", 0.1, 3))


def changed(**changes):
    return json.dumps({**json.loads(rows.to_line(GOOD)), **changes}) + "\n"


def test_what_is_written_is_read_again(tmp_path):
    file = tmp_path / "record.jsonl"
    others = [
        row(Run("tuning", "adam", "long", 0.002, 100)),
        row(Run("finder", "fixed", "short", None, 7)),
        row(Run("edge", "cosine", "short", 12.8, 0), stopped="the loss was nan", val_accuracy=[]),
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
        (changed(variant="cosinus"), "variant is 'cosinus', expected one of fixed"),
        (changed(budget="medium"), "budget is 'medium'"),
        (changed(stage="test"), "stage is 'test'"),
        (changed(lr=0.2), "lr is 0.2, expected peak_lr, 0.1"),
        (changed(peak_lr=None), "peak_lr is None"),
        (changed(dataset="Shapes-10"), "dataset is 'Shapes-10'"),
        (changed(val_accuracy=[0.5]), "val_accuracy is [0.5], expected one fraction an epoch, 2"),
        (changed(val_accuracy=[50, 60]), "val_accuracy is [50, 60]"),
        (changed(test_accuracy=None), "test_accuracy is None"),
        (changed(stage="tuning"), "test_accuracy is 0.7, expected null in tuning"),
        (changed(loss=["1.5"]), "loss is ['1.5']"),
    ],
)
def test_a_faulty_row_is_named_by_file_and_line(tmp_path, line, message):
    file = tmp_path / "record.jsonl"
    other = row(Run("main", "linear", "short", 0.1, 3))
    file.write_text(rows.to_line(other) + line)
    with pytest.raises(ValueError, match="line 2") as error:
        rows.read(file)
    assert str(file) in str(error.value)
    assert message in str(error.value)


def test_a_run_that_stands_there_twice_is_named(tmp_path):
    file = tmp_path / "record.jsonl"
    again = rows.to_line(row(GOOD.run, accuracy=0.8))
    file.write_text(rows.to_line(GOOD) + again)
    with pytest.raises(ValueError, match=r"line 2: the run of line 1 again: .*cosine"):
        rows.read(file)


def test_a_value_that_is_no_number_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        rows.to_line(row(GOOD.run, seconds=float("nan")))
