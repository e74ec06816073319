"""The recorded runs: one line of JSON each, and the checks that keep a faulty one out."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.study import Cell, Results, Run

FOLDER = Path(__file__).with_name("recorded")
_STAGES = ("tuning", "far", "evaluation", "edge", "finder", "calibration")
# While a rate is looked for, test data are not looked at.
UNTESTED = ("tuning", "far")
# The first edition wrote down no loss of a judgement.
_WITHOUT_LOSS = "cnn-max"


@dataclass(frozen=True)
class Row:
    """What is written down of a finished run.

    Args:
        run: What was run.
        lr: The peak rate that was used; `run.peak_lr` unless the finder chose it.
        suggestions: The finder's rates by rule; empty in the other stages.
        loss: The mean training loss of each tenth of the time between two judgements, as far as
            the run went.
        val_loss: The validation loss at each judgement, as far as the run went.
        val_accuracy: The same for the accuracy, in [0, 1]; empty where a task has none.
        test_loss: After the last step; `None` in the stages "tuning" and "far", which may not look
            at the test data.
        test_accuracy: The same for the accuracy, in [0, 1].
        stopped: Why the run ended early; empty if it did not.
        seconds: What the run took.
        dataset: The name of the data.
        data_md5: The sum of the file that the data come from.
        machine: The processor and its instruction set, or the GPU.
        threads: Of torch, in the process of the run.
        versions: Of Python and of torch.
        commit: Of lrlib's source.
        date: When the run ended, UTC.
    """

    run: Run
    lr: float
    suggestions: dict[str, float]
    loss: list[float]
    val_loss: list[float]
    val_accuracy: list[float]
    test_loss: float | None
    test_accuracy: float | None
    stopped: str
    seconds: float
    dataset: str
    data_md5: str
    machine: str
    threads: int
    versions: dict[str, str]
    commit: str
    date: str

    @property
    def diverged(self) -> bool:
        return bool(self.stopped)

    @property
    def accuracy(self) -> float:
        """The final validation accuracy; a run that diverged counts as chance."""
        return self.run.where.chance if self.diverged else self.val_accuracy[-1]

    @property
    def score(self) -> float:
        """How well the run ended on validation data, the higher the better; chance at the worst."""
        where = self.run.where
        if where.measure == "accuracy":
            return self.accuracy
        return where.guessing if self.diverged else max(-self.val_loss[-1], where.guessing)

    @property
    def tested(self) -> float:
        """How well the run ended on test data, the higher the better; chance at the worst.

        Raises:
            ValueError: The run was for "tuning" or "far", which don't look at test data.
        """
        where = self.run.where
        found = self.test_accuracy if where.measure == "accuracy" else self.test_loss
        if found is None:
            raise ValueError(f"test data were not looked at in the stage {self.run.stage!r}")
        return found if where.measure == "accuracy" else max(-found, where.guessing)


def to_line(row: Row) -> str:
    """Write a row as a line of a file."""
    values = asdict(row)
    return json.dumps({**values.pop("run"), **values}, ensure_ascii=False, allow_nan=False) + "\n"


def file_of(setting: str, folder: Path = FOLDER) -> Path:
    """Say where the rows of a setting are."""
    return folder / f"{setting}.jsonl"


def read(file: Path) -> list[Row]:
    """Read the rows of a file and check each.

    Args:
        file: One JSON object a line.

    Returns:
        The rows in the order of the file; none where there is no file.

    Raises:
        ValueError: A line is cut short or is no row of the study, or a run stands there twice.
            The message names the file and the line.
    """
    if not file.exists():
        return []
    found: list[Row] = []
    lines: dict[tuple[Run, str], int] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(True), start=1):
        try:
            row = _parse(line)
            # Every machine makes the same calibration runs; no other run is made twice.
            key = (row.run, row.machine if row.run.stage == "calibration" else "")
            if key in lines:
                raise ValueError(f"the run of line {lines[key]} again: {row.run}")
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from error
        lines[key] = number
        found.append(row)
    return found


def results(rows: Iterable[Row]) -> Results:
    """Return how well each run ended, what `lrlib.evidence.study` asks for."""
    return {row.run: row.score for row in rows}


def select(rows: Iterable[Row], stage: str, of: Cell) -> list[Row]:
    """Return the rows of one stage of a cell."""
    return [row for row in rows if row.run.stage == stage and _cell(row.run) == of]


def _cell(run: Run) -> Cell:
    return Cell(run.setting, run.strategy, run.length, run.weight_decay)


def _parse(line: str) -> Row:
    if not line.endswith("\n"):
        raise ValueError("the line is cut short; delete it, and `make record` makes its run again")
    try:
        values = json.loads(line, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is no JSON object: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object, got {values!r}")
    expected = [field.name for field in (*fields(Run), *fields(Row)) if field.name != "run"]
    if set(values) != set(expected):
        odd = sorted(set(values) ^ set(expected))
        raise ValueError(f"expected the fields {', '.join(expected)}; too many or missing: {odd}")
    run = Run(**{field.name: values.pop(field.name) for field in fields(Run)})
    row = Row(run, **values)
    _check_run(row)
    _check_outcome(row)
    return row


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError(f"the key {', '.join(doubles)} stands there twice")
    return dict(pairs)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number that a finished run can have")


def _check_run(row: Row) -> None:
    run = row.run
    _expect_one("stage", run.stage, _STAGES)
    _expect_one("setting", run.setting, list(SETTINGS))
    _expect_one("strategy", run.strategy, list(STRATEGIES))
    _expect_one("length", run.length, list(run.where.lengths))
    _expect(type(run.seed) is int and run.seed >= 0, "seed", run.seed, "a whole number")
    by_finder = run.stage == "finder"
    _expect((run.peak_lr is None) == by_finder, "peak_lr", run.peak_lr, "null for the finder only")
    _expect(_is_number(row.lr) and row.lr > 0, "lr", row.lr, "a positive number")
    _expect(by_finder or row.lr == run.peak_lr, "lr", row.lr, f"peak_lr, {run.peak_lr}")
    _expect(_is_number(run.weight_decay), "weight_decay", run.weight_decay, "a number")
    known = "CIFAR-10" if run.where.measure == "accuracy" else "tiny Shakespeare"
    _expect(row.dataset == known, "dataset", row.dataset, f"{known}: no stand-in enters")


def _check_outcome(row: Row) -> None:
    run = row.run
    measures_accuracy = run.where.measure == "accuracy"
    count = len(row.val_accuracy if measures_accuracy else row.val_loss)
    whole = f"{run.judged} of them, or fewer if the run stopped"
    complete = count == run.judged or (row.diverged and count < run.judged)
    name = "val_accuracy" if measures_accuracy else "val_loss"
    _expect(complete, name, getattr(row, name), whole)
    fractions = all(_is_fraction(value) for value in row.val_accuracy)
    _expect(fractions, "val_accuracy", row.val_accuracy, "fractions")
    losses = (0, count) if run.setting == _WITHOUT_LOSS else (count,)
    fits = len(row.val_loss) in losses and all(_is_number(value) for value in row.val_loss)
    _expect(fits, "val_loss", row.val_loss, "as many numbers as judgements")
    _expect(all(_is_number(value) for value in row.loss), "loss", row.loss, "numbers")
    if run.stage in UNTESTED:
        _expect(row.test_accuracy is None, "test_accuracy", row.test_accuracy, "null in tuning")
        _expect(row.test_loss is None, "test_loss", row.test_loss, "null in tuning")
    elif measures_accuracy:
        _expect(_is_fraction(row.test_accuracy), "test_accuracy", row.test_accuracy, "a fraction")
    else:
        _expect(_is_number(row.test_loss), "test_loss", row.test_loss, "a number")


def _expect(holds: bool, field: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{field} is {value!r}, expected {expected}")


def _expect_one(field: str, value: object, known: Sequence[str]) -> None:
    _expect(value in known, field, value, f"one of {', '.join(known)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_fraction(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]
