"""The record: one line of JSON a finished run, and the checks that keep a faulty one out."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lrlib.evidence.study import EPOCHS, VARIANTS, Results, Run

RECORD = Path(__file__).with_name("record.jsonl")
DATASET = "CIFAR-10"
_STAGES = ("tuning", "main", "swap", "edge", "finder", "decay")


@dataclass(frozen=True)
class Row:
    """What is written down of a finished run.

    Args:
        run: What was run.
        lr: The peak rate that was used; `run.peak_lr` unless the finder chose it.
        suggestions: The finder's rates by rule; empty in the other stages.
        loss: The mean training loss of each tenth of an epoch, as far as the run went.
        val_accuracy: The validation accuracy after each epoch, as far as the run went, in [0, 1].
        test_accuracy: After the last epoch, in [0, 1]; `None` in the tuning stage, which may not
            look at the test images.
        stopped: Why the run ended early; empty if it did not.
        seconds: What `fit` took.
        dataset: "CIFAR-10".
        data_md5: The sum of the archive that the data come from.
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
    val_accuracy: list[float]
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
        return 0.1 if self.diverged else self.val_accuracy[-1]


def to_line(row: Row) -> str:
    """Write a row as a line of the record."""
    values = asdict(row)
    return json.dumps({**values.pop("run"), **values}, ensure_ascii=False, allow_nan=False) + "\n"


def read(file: Path = RECORD) -> list[Row]:
    """Read the record and check every row.

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
    rows: list[Row] = []
    lines: dict[Run, int] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(True), start=1):
        try:
            row = _parse(line)
            if row.run in lines:
                raise ValueError(f"the run of line {lines[row.run]} again: {row.run}")
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from error
        lines[row.run] = number
        rows.append(row)
    return rows


def results(rows: Iterable[Row]) -> Results:
    """Return the final validation accuracy of each run, what `lrlib.evidence.study` asks for."""
    return {row.run: row.accuracy for row in rows}


def select(record: Iterable[Row], stage: str, variant: str, budget: str) -> list[Row]:
    """Return a variant's rows of one stage at one budget."""
    wanted = (stage, variant, budget)
    return [row for row in record if (row.run.stage, row.run.variant, row.run.budget) == wanted]


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
    _check(row)
    return row


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError(f"the key {', '.join(doubles)} stands there twice")
    return dict(pairs)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number that a finished run can have")


def _check(row: Row) -> None:
    run = row.run
    _expect(run.stage in _STAGES, "stage", run.stage, f"one of {', '.join(_STAGES)}")
    _expect(run.variant in VARIANTS, "variant", run.variant, f"one of {', '.join(VARIANTS)}")
    _expect(run.budget in EPOCHS, "budget", run.budget, f"one of {', '.join(EPOCHS)}")
    _expect(type(run.seed) is int and run.seed >= 0, "seed", run.seed, "a whole number")
    by_finder = run.stage == "finder"
    _expect((run.peak_lr is None) == by_finder, "peak_lr", run.peak_lr, "null for the finder only")
    _expect(_is_number(row.lr) and row.lr > 0, "lr", row.lr, "a positive number")
    _expect(by_finder or row.lr == run.peak_lr, "lr", row.lr, f"peak_lr, {run.peak_lr}")
    _expect(_is_number(run.weight_decay), "weight_decay", run.weight_decay, "a number")
    _expect(row.dataset == DATASET, "dataset", row.dataset, f"{DATASET}: no stand-in enters")
    whole = "one fraction an epoch" + ("" if row.diverged else f", {run.epochs} of them")
    complete = len(row.val_accuracy) == run.epochs or row.diverged
    fractions = all(_is_fraction(value) for value in row.val_accuracy)
    _expect(complete and fractions, "val_accuracy", row.val_accuracy, whole)
    _expect(all(_is_number(value) for value in row.loss), "loss", row.loss, "numbers")
    if run.stage == "tuning":
        _expect(row.test_accuracy is None, "test_accuracy", row.test_accuracy, "null in tuning")
    else:
        _expect(_is_fraction(row.test_accuracy), "test_accuracy", row.test_accuracy, "a fraction")


def _expect(holds: bool, field: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{field} is {value!r}, expected {expected}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_fraction(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]
