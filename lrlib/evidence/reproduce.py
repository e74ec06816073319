"""Run some recorded runs again and compare: `python -m lrlib.evidence.reproduce`."""

import argparse
import random
import sys
from collections.abc import Iterable, Sequence
from statistics import stdev

import torch

from lrlib.evidence import rows, runs
from lrlib.evidence.rows import Row
from lrlib.evidence.settings import SETTINGS

# What figures and verdicts read from a row. On the same machine all of it comes out again.
_READ = ("lr", "suggestions", "loss", "val_loss", "val_accuracy", "test_loss", "test_accuracy")


def tolerance(calibration: Iterable[Row]) -> float:
    """Return how far a run may end from the recorded one on another machine.

    Every machine that recorded has made the same calibration runs. Another processor rounds
    differently, and after thousands of steps a run ends elsewhere, by about as much as with another
    seed. The tolerance is four standard deviations of what two machines differ by on one seed.

    Args:
        calibration: Rows of the calibration runs, of at least two machines.

    Returns:
        The tolerance as a share of what a run gains over guessing, a float.

    Raises:
        ValueError: There are fewer than three seeds that two machines have in common.
    """
    by_seed: dict[int, list[float]] = {}
    for row in calibration:
        by_seed.setdefault(row.run.seed, []).append(_gain(row))
    pairs = [gains[:2] for gains in by_seed.values() if len(gains) > 1]
    if len(pairs) < 3:
        raise ValueError(
            f"{len(pairs)} calibration runs were made on two machines, and a tolerance needs 3; "
            "run `make record` on another machine"
        )
    apart = stdev([first - second for first, second in pairs])
    return 4 * apart / max(gain for gains in pairs for gain in gains)


def _gain(row: Row) -> float:
    """How far above guessing a run ended on validation data."""
    return row.score - row.run.where.guessing


def _compare(recorded: Row, again: Row, share: float) -> tuple[bool, str]:
    """Return whether two rows of one run agree, and a line that says how."""
    here = (again.machine, again.threads, again.versions)
    if here == (recorded.machine, recorded.threads, recorded.versions):
        differ = [name for name in _READ if getattr(again, name) != getattr(recorded, name)]
        words = f"other: {', '.join(differ)}" if differ else "the same to the last digit"
        return not differ, f"{recorded.run}: {words}, as expected on the same machine"
    allowed = share * max(_gain(recorded), _gain(again))
    found = {"validation": (again.score, recorded.score)}
    if recorded.run.stage not in rows.UNTESTED:
        found["test"] = (again.tested, recorded.tested)
    agree = all(abs(now - before) <= allowed for now, before in found.values())
    words = ", ".join(f"{part} {now:.4f} for {then:.4f}" for part, (now, then) in found.items())
    return agree, f"{recorded.run}: {words}, expected within {allowed:.4f} on another machine"


def choose(recorded: Sequence[Row], count: int, seed: int | None = None) -> list[Row]:
    """Choose rows at random, from as many settings as there are.

    Raises:
        ValueError: There are fewer rows than `count`.
    """
    if count > len(recorded):
        raise ValueError(f"count must be at most the {len(recorded)} recorded runs, got {count}")
    chance = random.Random(seed)
    left: dict[str, list[Row]] = {}
    for row in chance.sample(list(recorded), len(recorded)):
        left.setdefault(row.run.setting, []).append(row)
    chosen: list[Row] = []
    while len(chosen) < count:
        for setting in chance.sample(sorted(left), len(left)):
            if left[setting]:
                chosen.append(left[setting].pop())
    return chosen[:count]


def reproduce(recorded: Sequence[Row], count: int, seed: int | None = None) -> bool:
    """Run `count` recorded runs again, chosen across settings, and print how they compare.

    Args:
        recorded: The rows to choose from; the calibration runs among them give the tolerance.
        count: How many, at most the number of rows.
        seed: Chooses them. `None` chooses others each time.

    Returns:
        Whether all agree. On the machine, threads and versions that are recorded, everything that a
        figure or a verdict reads must be the same; elsewhere, what is reached on validation and
        test data must agree within `tolerance`.

    Raises:
        ValueError: There are fewer rows than `count`, or too few calibration runs.
    """
    chosen = choose(recorded, count, seed)
    share = tolerance(row for row in recorded if row.run.stage == "calibration")
    print(f"Another machine may differ by {share:.1%} of what a run gains over guessing.")
    agreed = True
    for row in chosen:
        torch.set_num_threads(row.threads)
        agree, line = _compare(row, runs.make(row.run), share)
        print("ok " if agree else "NOT", line, flush=True)
        agreed = agreed and agree
    return agreed


def _every_row() -> list[Row]:
    return [row for setting in SETTINGS for row in rows.read(rows.file_of(setting))]


def _main() -> None:
    parser = argparse.ArgumentParser(description="Run some recorded runs again and compare.")
    parser.add_argument("--count", type=int, default=3, help="how many; 3 if not given")
    parser.add_argument("--seed", type=int, help="chooses them; others each time if not given")
    options = parser.parse_args()
    if not reproduce(_every_row(), options.count, options.seed):
        sys.exit("Some runs came out otherwise than recorded: see the lines that begin with NOT.")


if __name__ == "__main__":
    _main()
