"""Time and memory as work grows: `python -m benchmarks.growth` appends rows to `rows/growth.jsonl`.

Each run has a process of its own, so that its peak memory is its own.
"""

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import torch

from benchmarks.machine import describe, read_rows, write_row
from lrlib import data, model, train

START = {"images": 5_000, "epochs": 1, "width": 16}
SWEEPS = {
    "images": (5_000, 10_000, 20_000, 30_000, 45_000),
    "epochs": (1, 2, 4, 6, 8),
    "width": (8, 16, 24, 32, 48),
}


def measure(images: int, epochs: int, width: int) -> dict[str, float]:
    """Train once on one thread; return the processor seconds of `fit` and the peak memory in MB."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    splits = data.load(images)
    net = model.small_cnn(width)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    loaded = _peak()
    started = time.process_time()
    train.fit(net, optimizer, splits, epochs=epochs)
    seconds = time.process_time() - started
    return {"processor_seconds": round(seconds, 2), "loaded_mb": loaded, "peak_mb": _peak()}


def _peak() -> float:
    """Return the largest resident size of this process so far, in MB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(size / (2**20 if sys.platform == "darwin" else 2**10), 1)


def main() -> None:
    """Make the runs that are missing."""
    there = [(row["sweep"], row["value"]) for row in read_rows("growth")]
    for sweep, values in SWEEPS.items():
        for value in values:
            if (sweep, value) not in there:
                work: dict[str, Any] = {**START, sweep: value}
                with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                    result = pool.submit(measure, **work).result()
                write_row(
                    "growth", {"sweep": sweep, "value": value, **work, **result, **describe()}
                )


if __name__ == "__main__":
    main()
