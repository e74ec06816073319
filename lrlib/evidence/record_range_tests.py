"""Make the range tests that are missing: `python -m lrlib.evidence.record_range_tests`.

`make record` does it before the runs of the study. It can be stopped at any moment.
"""

import itertools
import json
import os
from concurrent.futures import as_completed
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import torch
from tqdm import tqdm

from lrlib import finder
from lrlib.evidence import runs
from lrlib.evidence.optimizers import OPTIMIZERS
from lrlib.evidence.range_tests import FILE, Curve, Sweep, read, sweeps
from lrlib.evidence.record import append, drop_unfinished_line, make_executor
from lrlib.evidence.settings import SETTINGS


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


def record(file: Path = FILE, workers: int | None = None) -> int:
    """Make the missing range tests, append each as it ends, and return how many were made."""
    drop_unfinished_line(file)
    known = {curve.sweep for curve in read(file)}
    todo = [sweep for sweep in sweeps() if sweep not in known]
    executor, stack = make_executor(None, workers or os.cpu_count() or 1)
    with stack:
        ended = as_completed([executor.submit(make, sweep) for sweep in todo])
        for future in tqdm(ended, total=len(todo), unit="test"):
            append(file, json.dumps(asdict(future.result()), allow_nan=False) + "\n")
    return len(todo)


if __name__ == "__main__":
    print(f"{record()} range tests were added to {FILE}.")
