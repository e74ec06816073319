"""Make the runs that the study still wants: `python -m lrlib.evidence.record`, or `make record`."""

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from lrlib import data, finder, model, train
from lrlib.evidence import rows, study
from lrlib.evidence.rows import Row
from lrlib.evidence.study import Run

_ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"


@cache
def _splits() -> data.Splits:
    """CIFAR-10, loaded once a process; the stand-in is refused."""
    os.environ["LRLIB_DATASET"] = "cifar10"
    splits = data.load()
    if splits.name != rows.DATASET:
        raise RuntimeError(f"the record is made on {rows.DATASET} alone, got {splits.name}")
    return splits


def make(run: Run) -> Row:
    """Train once and return what is written down of it."""
    splits = _splits()
    torch.manual_seed(run.seed)
    net = model.small_cnn()
    lr, suggestions = run.peak_lr, {}
    if lr is None:
        suggestions = _suggestions(run, net, splits)
        lr = suggestions["halfway"]
    optimizer = run.make_optimizer(net, lr)
    scheduler = LambdaLR(optimizer, run.make_schedule())
    started = time.perf_counter()
    history = train.fit(
        *(net, optimizer, splits),
        epochs=run.epochs,
        scheduler=scheduler,
        batch_size=study.BATCH_SIZE,
        seed=run.seed,
    )
    seconds = time.perf_counter() - started
    if history.stopped.startswith("interrupted"):
        raise KeyboardInterrupt  # what Ctrl-C ended is no finished run
    test_accuracy = None
    if run.stage != "tuning":
        test_accuracy = 0.1 if history.stopped else train.evaluate(net, splits.test)[1]
    return Row(
        run=run,
        lr=lr,
        suggestions=suggestions,
        loss=_tenths(history.loss),
        val_accuracy=[round(value, 6) for value in history.val_accuracy],
        test_accuracy=test_accuracy,
        stopped=history.stopped,
        seconds=round(seconds, 1),
        dataset=splits.name,
        data_md5=_ARCHIVE_MD5,
        machine=_machine(),
        threads=torch.get_num_threads(),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        commit=_commit(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _suggestions(run: Run, net: torch.nn.Module, splits: data.Splits) -> dict[str, float]:
    batches = data.Batches(splits.train, study.BATCH_SIZE, seed=run.seed)
    test = finder.range_test(net, run.make_optimizer(net, 0.1), functional.cross_entropy, batches)
    methods = ("halfway", "steepest", "valley", "minimum/10")
    return {method: float(f"{test.suggest(method):.4g}") for method in methods}


def _tenths(losses: Sequence[float]) -> list[float]:
    """Mean over each tenth of an epoch; the last one may be cut short, a loss may be infinite."""
    ends = np.arange(0, len(losses) + 35, study.STEPS_PER_EPOCH / 10).round().astype(int)
    parts = [losses[a:b] for a, b in pairwise(ends) if losses[a:b]]
    means = [float(np.mean(part)) for part in parts]
    return [round(mean, 4) for mean in means if np.isfinite(mean)]


def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    capability = torch.backends.cpu.get_cpu_capability()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {capability}"


@cache
def _commit() -> str:
    name = _git("describe", "--always", "--abbrev=12", "--exclude=*")
    # The record itself changes with every run, and no run depends on it.
    changed = _git("status", "--porcelain", "--untracked-files=no", ":/", ":!record.jsonl")
    return (name or "unknown") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout.strip()


def _start_worker() -> None:
    """Runs go side by side, one thread each: two of them do more than one with two threads."""
    os.environ["LRLIB_STATIC"] = "1"  # no bars of single runs
    torch.set_num_threads(1)


def _executor(scheduler: str | None, workers: int) -> tuple[Executor, ExitStack]:
    """A cluster's executor where its address is given, else processes on this machine."""
    stack = ExitStack()
    if scheduler is None:
        pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_start_worker
        )
        return stack.enter_context(pool), stack
    from dask.distributed import Client  # no dependency of lrlib: only a cluster needs it

    client = stack.enter_context(Client(scheduler))
    client.run(_start_worker)
    return stack.enter_context(client.get_executor()), stack


def record(
    file: Path = rows.RECORD,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    at_most: int | None = None,
) -> int:
    """Make the missing runs, side by side, and append a line as each one ends.

    It can be stopped at any moment: runs that have not ended are lost, nothing else is.

    Args:
        file: The record.
        workers: Runs side by side. `None` is one a core, or one where there is a GPU.
        scheduler: The address of a `dask.distributed` cluster. `None` uses this machine.
        at_most: Stop after so many runs. `None` is all of them.

    Returns:
        How many runs were made.

    Raises:
        ValueError: The record holds a faulty row.
        RuntimeError: Another process writes this record, or CIFAR-10 cannot be had.
    """
    workers = workers or (1 if torch.cuda.is_available() else os.cpu_count() or 1)
    lock = FileLock(f"{file}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise RuntimeError(f"another process writes {file}; wait until it has ended") from error
    with lock:
        _drop_unfinished_line(file)
        executor, stack = _executor(scheduler, workers)
        with stack:
            return _make_missing(file, executor, workers, at_most)


def _drop_unfinished_line(file: Path) -> None:
    """A process that was killed while it wrote leaves a line without an end: its run is missing."""
    if file.exists():
        content = file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            print(f"{file}: the last line is cut short and is dropped; its run is made again")
            os.truncate(file, len(whole))


def _make_missing(file: Path, executor: Executor, workers: int, at_most: int | None) -> int:
    results = dict(rows.results(rows.read(file)))
    running: dict[Future[Row], Run] = {}
    made = 0
    with tqdm(unit="epoch", desc="record", smoothing=0.05) as bar:
        try:
            while True:
                todo = [run for run in study.missing(results) if run not in running.values()]
                free = workers - len(running)
                if at_most is not None:
                    free = min(free, at_most - made - len(running))
                for run in todo[: max(free, 0)]:
                    running[executor.submit(make, run)] = run
                bar.total = bar.n + _epochs({*todo, *running.values()})
                bar.total += study.epochs_waiting(results)
                bar.refresh()
                if not running:
                    return made
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    run, row = running.pop(future), future.result()
                    _append(file, row)
                    results[run] = row.accuracy
                    made += 1
                    bar.update(run.epochs)
        finally:
            for future in running:
                future.cancel()


def _epochs(runs: Iterable[Run]) -> int:
    return sum(run.epochs for run in runs)


def _append(file: Path, row: Row) -> None:
    with file.open("a", encoding="utf-8") as record_file:
        record_file.write(rows.to_line(row))
        record_file.flush()
        os.fsync(record_file.fileno())


def _main() -> None:
    parser = argparse.ArgumentParser(description="Make the runs of the study that are missing.")
    parser.add_argument("--workers", type=int, help="runs side by side; one a core if not given")
    parser.add_argument("--scheduler", help="the address of a dask.distributed cluster")
    parser.add_argument("--at-most", type=int, help="stop after so many runs")
    options = parser.parse_args()
    made = record(workers=options.workers, scheduler=options.scheduler, at_most=options.at_most)
    print(f"{made} runs were added to {rows.RECORD}.")


if __name__ == "__main__":
    _main()
