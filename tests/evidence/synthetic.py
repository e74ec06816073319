"""Rows that look recorded, made without training, for tests of the study's logic."""

from lrlib.evidence import rows, side_checks, study
from lrlib.evidence.queries import Recorded
from lrlib.evidence.rows import Row
from lrlib.evidence.study import Run

SUGGESTIONS = {"halfway": 0.03, "fastai-valley": 0.004}


def run(stage, strategy, length, peak_lr, seed, weight_decay=None, setting="cnn-max") -> Run:
    return study.cell(setting, strategy, length, weight_decay).run(stage, peak_lr, seed)


def row(run: Run, accuracy: float = 0.7, **changes) -> Row:
    """A row whose last accuracy is the one given, or whose last loss is minus it."""
    classes = run.where.measure == "accuracy"
    tuning = run.stage == "tuning"
    values = {
        "run": run,
        "lr": run.peak_lr or 0.03,
        "suggestions": {} if run.peak_lr else SUGGESTIONS,
        "loss": [2 - 0.02 * tenth for tenth in range(10 * run.judged)],
        "val_loss": [] if classes else [-accuracy] * run.judged,
        "val_accuracy": [accuracy] * run.judged if classes else [],
        "test_loss": None if classes or tuning else -accuracy,
        "test_accuracy": accuracy if classes and not tuning else None,
        "stopped": "",
        "seconds": 1.0,
        "dataset": "CIFAR-10" if classes else "tiny Shakespeare",
        "data_md5": "c58f30108f718f92721af3b95e74349a",
        "machine": "a machine",
        "threads": 1,
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "commit": "0123456789ab",
        "date": "2026-11-23T00:00:00+00:00",
    }
    return Row(**{**values, **changes})


def tuned(strategy: str, length: str = "short", lr: float = 0.1) -> list[Row]:
    """Tuning rows of a first grid whose best rate is the one given."""
    grid = study.SETTINGS["cnn-max"].first_rates(strategy)
    assert lr in grid[1:-1]
    return [
        row(run("tuning", strategy, length, rate, seed), 0.7 if rate == lr else 0.5)
        for rate in grid
        for seed in study.TUNING_SEEDS
    ]


def recorded(rows: list[Row]) -> Recorded:
    """Rows as if the rate of a cell's first row with a fresh seed were its tuned one."""
    known = {(r.run.strategy, r.run.length) for r in rows if r.run.stage == "tuning"}
    tuning = []
    for each in (r.run for r in rows if r.run.stage == "evaluation"):
        if (each.strategy, each.length) not in known:
            known.add((each.strategy, each.length))
            tuning += tuned(each.strategy, each.length, each.peak_lr)
    return Recorded("cnn-max", [*tuning, *rows])


def accuracy(run: Run) -> float:
    """Best at the second rate of each grid, and above chance only below 5 at the edge."""
    if run.peak_lr is None:
        return 0.68
    if run.stage == "edge":
        return 0.1 if run.peak_lr > 5 else 0.6
    best = run.where.first_rates(run.strategy)[1]
    value = 0.7 - 0.05 * abs(run.peak_lr - best) / best / 64 + 0.001 * run.seed % 0.01
    return round(value if run.where.measure == "accuracy" else value - 1, 6)


def complete_study(accuracy=accuracy, setting="cnn-max") -> list[Row]:
    """Run the whole study of a setting on paper, in the order in which it would be recorded."""
    results, made = {}, []

    def missing():
        beside = side_checks.missing(results) if setting == side_checks.SETTING else []
        return [*study.missing(results, setting), *beside]

    while todo := missing():
        for each in todo:
            made.append(row(each, accuracy(each)))
            results[each] = rows.results(made[-1:])[each]
    return made
