"""Recorded range tests: the finder's raw curves in all settings, to try rules without training."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrlib.evidence.settings import SETTINGS
from lrlib.finder.descent import Watch
from lrlib.finder.result import RangeTest

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

    def as_ours(self) -> RangeTest:
        """Return the test as it would have been, had it stopped where lrlib stops."""
        watch = Watch()
        ended = (number for number, loss in enumerate(self.losses, start=1) if watch.add(loss))
        return self._until(next(ended, len(self.losses)))

    def whole(self) -> RangeTest:
        """Return the whole test, for rules that cut it as their own libraries would."""
        return self._until(len(self.losses))

    def _until(self, count: int) -> RangeTest:
        losses = np.array(self.losses[:count])
        return RangeTest(self.lrs[:count], losses, self.stopped, planned=self.sweep.steps)


def sweeps() -> list[Sweep]:
    """List all range tests of the study, those with large batches last, since they take longest."""
    settings = sorted(SETTINGS, key=lambda name: SETTINGS[name].batch_size)
    return [
        Sweep(setting, optimizer, steps, seed)
        for steps in STEPS
        for setting in settings
        for optimizer in TESTED
        for seed in SEEDS
    ]


def read(file: Path = FILE) -> list[Curve]:
    """Read the recorded range tests.

    Raises:
        ValueError: A line is faulty, or a test stands there twice; the message names the line.
    """
    planned, found = set(sweeps()), dict[Sweep, Curve]()
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
            curve = Curve(sweep=Sweep(**values.pop("sweep")), **values)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{file}, line {number}: {error!r}") from error
        if curve.sweep in found or curve.sweep not in planned:
            raise ValueError(f"{file}, line {number}: twice, or not planned: {curve.sweep}")
        found[curve.sweep] = curve
    return list(found.values())
