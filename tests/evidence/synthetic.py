"""Rows that look recorded, made without training, for tests of the study's logic."""

from lrlib.evidence import study
from lrlib.evidence.rows import Row
from lrlib.evidence.study import Run

SUGGESTIONS = {"halfway": 0.03, "steepest": 0.003, "valley": 0.004, "minimum/10": 0.02}


def row(run: Run, accuracy: float = 0.7, **changes) -> Row:
    values = {
        "run": run,
        "lr": run.peak_lr or 0.03,
        "suggestions": {} if run.peak_lr else SUGGESTIONS,
        "loss": [2 - 0.02 * tenth for tenth in range(10 * run.epochs)],
        "val_accuracy": [accuracy] * run.epochs,
        "test_accuracy": None if run.stage == "tuning" else accuracy,
        "stopped": "",
        "seconds": 1.0,
        "dataset": "CIFAR-10",
        "data_md5": "c58f30108f718f92721af3b95e74349a",
        "machine": "a machine",
        "threads": 1,
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "commit": "0123456789ab",
        "date": "2026-11-23T00:00:00+00:00",
    }
    return Row(**{**values, **changes})


def accuracy(run: Run) -> float:
    """Best at the second rate of each grid, and above chance only below 5 at the edge."""
    if run.peak_lr is None:
        return 0.68
    if run.stage == "edge":
        return 0.1 if run.peak_lr > 5 else 0.6
    best = study.VARIANTS[run.variant].rates[1]
    return round(0.7 - 0.05 * abs(run.peak_lr - best) / best / 64 + 0.001 * run.seed % 0.01, 6)


def complete_study(accuracy=accuracy) -> list[Row]:
    """Run the whole study on paper, in the order in which it would be recorded."""
    results, rows = {}, []
    while todo := list(study.missing(results)):
        for run in todo:
            rows.append(row(run, accuracy(run)))
            results[run] = rows[-1].accuracy
    return rows
