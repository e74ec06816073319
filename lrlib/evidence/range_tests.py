"""Recorded range tests: the finder's raw curves in all settings, so that rules need no training.

`python -m lrlib.evidence.range_tests` makes those that are missing.
"""

import itertools
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from lrlib import finder
from lrlib.evidence import runs
from lrlib.evidence.record import start_worker
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import OPTIMIZERS

FILE = Path(__file__).with_name("recorded") / "range-tests.jsonl"
TESTED = ("SGD", "AdamW", "Adagrad", "RMSprop")
STEPS = (100, 300)
SEEDS = (200, 201, 202, 203, 204)  # no run of the study has these


@dataclass(frozen=True)
class Sweep:
    """One range test from 1e-5 to 10: where, with which optimizer, how many steps, which seed."""

    setting: str
    optimizer: str
    steps: int
    seed: int


@dataclass(frozen=True)
class Curve:
    """What is written down of a range test.

    Args:
        sweep: What was run.
        losses: The raw loss of each step; as far as they were finite.
        stopped: Why the test ended.
        machine: The processor and its instruction set, or the GPU.
        torch: Its version.
        commit: Of lrlib's source.
        date: When the test ended, UTC.
    """

    sweep: Sweep
    losses: list[float]
    stopped: str
    machine: str
    torch: str
    commit: str
    date: str

    @property
    def lrs(self) -> np.ndarray:
        """The rates whose losses are there, float64."""
        return np.geomspace(1e-5, 10.0, self.sweep.steps)[: len(self.losses)]


def sweeps() -> list[Sweep]:
    """List all range tests of the study, the cheapest settings first."""
    return [
        Sweep(setting, optimizer, steps, seed)
        for steps in STEPS
        for setting in SETTINGS
        for optimizer in TESTED
        for seed in SEEDS
    ]


def make(sweep: Sweep) -> Curve:
    """Make one range test to its end: each rule stops where its own library would."""
    where = SETTINGS[sweep.setting]
    task = where.task()
    torch.manual_seed(sweep.seed)
    net = where.network(sweep.optimizer)
    optimizer = OPTIMIZERS[sweep.optimizer](net, 0.1, where.weight_decay.get(sweep.optimizer, 0.0))
    batches = list(itertools.islice(task.batches(where.batch_size, sweep.seed), sweep.steps))
    test = finder.range_test(
        net, optimizer, task.loss, batches, steps=sweep.steps, stop_early=False
    )
    return Curve(
        sweep=sweep,
        losses=[float(f"{loss:.7g}") for loss in test.losses],
        stopped=test.stopped,
        machine=runs.machine(),
        torch=torch.__version__,
        commit=runs.commit(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def read(file: Path = FILE) -> list[Curve]:
    """Read the recorded range tests.

    Raises:
        ValueError: A line is faulty, or a test stands there twice; the message names the line.
    """
    found: dict[Sweep, Curve] = {}
    for number, curve in enumerate(_lines(file), start=1):
        if curve.sweep in found or curve.sweep not in sweeps():
            raise ValueError(
                f"{file}, line {number}: twice, or no test of the study: {curve.sweep}"
            )
        found[curve.sweep] = curve
    return list(found.values())


def _lines(file: Path) -> Iterator[Curve]:
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        values = json.loads(line)
        yield Curve(sweep=Sweep(**values.pop("sweep")), **values)


def record(file: Path = FILE, workers: int | None = None) -> int:
    """Make the missing range tests, append each as it ends, and return how many were made."""
    known = {curve.sweep for curve in read(file)}
    todo = [sweep for sweep in sweeps() if sweep not in known]
    context = get_context("spawn")
    workers = workers or os.cpu_count() or 1
    with ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker) as pool:
        ended = as_completed([pool.submit(make, sweep) for sweep in todo])
        for future in tqdm(ended, total=len(todo), unit="test"):
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(future.result()), allow_nan=False) + "\n")
    return len(todo)


if __name__ == "__main__":
    print(f"{record()} range tests were added to {FILE}.")
