"""Run some recorded runs again and compare: `python -m lrlib.evidence.reproduce`."""

import argparse
import random
import sys
from collections.abc import Sequence

import torch

from lrlib.evidence import rows, runs
from lrlib.evidence.rows import Row
from lrlib.evidence.settings import SETTINGS

# Another processor or another version of torch rounds differently, and a run of thousands of steps
# then ends elsewhere: by about as much as with another seed.
TOLERANCE = 0.03


def _compare(recorded: Row, again: Row) -> tuple[bool, str]:
    """Return whether two rows of one run agree, and a line that says how."""
    here = (again.machine, again.threads, again.versions)
    same_machine = here == (recorded.machine, recorded.threads, recorded.versions)
    tolerance = 0.0 if same_machine else TOLERANCE
    agree = abs(again.score - recorded.score) <= tolerance
    expected = "exactly, as on the same machine" if same_machine else f"within {TOLERANCE:.0%}"
    return agree, (
        f"{'ok ' if agree else 'NOT'} {recorded.run}: validation score "
        f"{again.score:.4f}, recorded {recorded.score:.4f}, expected {expected}"
    )


def reproduce(recorded: Sequence[Row], count: int, seed: int | None = None) -> bool:
    """Run `count` recorded runs again, chosen at random, and print how they compare.

    Args:
        recorded: The rows to choose from.
        count: How many, at most the number of rows.
        seed: Chooses them. `None` chooses others each time.

    Returns:
        Whether all agree: exactly on the machine, threads and versions that are recorded, within
        3 points elsewhere.

    Raises:
        ValueError: There are fewer rows than `count`.
    """
    if count > len(recorded):
        raise ValueError(f"count must be at most the {len(recorded)} recorded runs, got {count}")
    agreed = True
    for row in random.Random(seed).sample(list(recorded), count):
        torch.set_num_threads(row.threads)
        agree, line = _compare(row, runs.make(row.run))
        print(line, flush=True)
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
