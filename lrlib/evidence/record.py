"""Make the runs that the study still wants: `python -m lrlib.evidence.record`, or `make record`."""

import argparse
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import torch
from tqdm import tqdm

from lrlib._extras import extra
from lrlib.evidence import rows, runs, side_checks, study
from lrlib.evidence.rows import Row
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.study import Run

with extra("evidence", "recording"):
    from filelock import FileLock, Timeout


def _start_worker() -> None:
    """Runs go side by side, one thread each: two of them do more than one with two threads."""
    os.environ["LRLIB_STATIC"] = "1"  # no bars of single runs
    os.environ["LRLIB_DATASET"] = "cifar10"  # no stand-in
    torch.set_num_threads(1)


def make_executor(scheduler: str | None, workers: int) -> tuple[Executor, ExitStack]:
    """A cluster's executor where its address is given, else processes on this machine."""
    stack = ExitStack()
    if scheduler is None:
        pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_start_worker
        )
        return stack.enter_context(pool), stack
    with extra("cluster", "recording on a cluster"):
        from dask.distributed import Client

    client = stack.enter_context(Client(scheduler))
    client.run(_start_worker)
    return stack.enter_context(client.get_executor()), stack


def record(
    folder: Path = rows.FOLDER,
    *,
    settings: Sequence[str] = tuple(SETTINGS),
    workers: int | None = None,
    scheduler: str | None = None,
    at_most: int | None = None,
) -> int:
    """Make the missing runs, side by side, and append a line as each one ends.

    It can be stopped at any moment: runs that have not ended are lost, nothing else is.

    Args:
        folder: Where the rows lie, one file a setting.
        settings: Keys of `SETTINGS`: what is recorded, the first one first.
        workers: Runs side by side. `None` is one a core, or one where there is a GPU.
        scheduler: The address of a `dask.distributed` cluster. `None` uses this machine.
        at_most: Stop after so many runs. `None` is all of them.

    Returns:
        How many runs were made.

    Raises:
        ValueError: A recorded row is faulty, or a setting is unknown.
        RuntimeError: Another process records into this folder, or the data cannot be had.
    """
    unknown = [setting for setting in settings if setting not in SETTINGS]
    if unknown:
        raise ValueError(f"the settings are {', '.join(SETTINGS)}, got {', '.join(unknown)}")
    workers = workers or (1 if torch.cuda.is_available() else os.cpu_count() or 1)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise RuntimeError(
            f"another process records into {folder}; wait until it has ended"
        ) from error
    with lock:
        for setting in SETTINGS:
            drop_unfinished_line(rows.file_of(setting, folder))
        executor, stack = make_executor(scheduler, workers)
        with stack:
            return _make_missing(folder, settings, executor, workers, at_most)


def drop_unfinished_line(file: Path) -> None:
    """A process that was killed while it wrote leaves a line without an end: its run is missing."""
    if file.exists():
        content = file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            print(f"{file}: the last line is cut short and is dropped; its run is made again")
            os.truncate(file, len(whole))


def _make_missing(
    folder: Path,
    settings: Sequence[str],
    executor: Executor,
    workers: int,
    at_most: int | None,
) -> int:
    recorded = [row for setting in SETTINGS for row in rows.read(rows.file_of(setting, folder))]
    results = dict(rows.results(recorded))
    calibrated = {r.run for r in recorded if r.run.stage == "calibration" and _is_here(r)}
    running: dict[Future[Row], Run] = {}
    made = 0
    with tqdm(unit="run", desc="record", smoothing=0.05) as bar:
        try:
            while True:
                todo = [
                    run
                    for run in [*_uncalibrated(calibrated, settings), *_missing(results, settings)]
                    if run not in running.values()
                ]
                free = workers - len(running)
                if at_most is not None:
                    free = min(free, at_most - made - len(running))
                for run in todo[: max(free, 0)]:
                    running[executor.submit(runs.make, run)] = run
                if not running:
                    return made
                bar.set_postfix_str(hours_left(recorded, todo, results, settings, workers))
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    run, row = running.pop(future), future.result()
                    append(rows.file_of(run.setting, folder), rows.to_line(row))
                    recorded.append(row)
                    results[run] = row.score
                    if run.stage == "calibration":
                        calibrated.add(run)
                    made += 1
                    bar.update()
        finally:
            for future in running:
                future.cancel()


def _is_here(row: Row) -> bool:
    return row.machine == runs.machine()


def _uncalibrated(calibrated: set[Run], settings: Sequence[str]) -> list[Run]:
    """The calibration runs that this machine has not made yet."""
    wanted = [run for run in study.calibration() if run.setting in settings]
    return [run for run in wanted if run not in calibrated]


def _missing(results: study.Results, settings: Sequence[str]) -> list[Run]:
    main = [run for setting in settings for run in study.missing(results, setting)]
    main.sort(key=study.urgency)  # stable: else in the order of the settings
    return main + (side_checks.missing(results) if side_checks.SETTING in settings else [])


def hours_left(
    recorded: Iterable[Row],
    todo: Iterable[Run],
    results: study.Results,
    settings: Sequence[str],
    workers: int,
) -> str:
    """Estimate what is left, from the seconds that a step of each setting took so far.

    The median run counts: some were made while the machine was busy with something else.
    """
    steps = {setting: study.steps_waiting(results, setting) for setting in settings}
    for run in todo:
        steps[run.setting] += run.steps
    pace = {
        setting: median([r.seconds / r.run.steps for r in recorded if r.run.setting == setting])
        for setting in {row.run.setting for row in recorded}
    }
    unknown = [setting for setting in settings if steps[setting] and setting not in pace]
    seconds = sum(count * pace.get(setting, 0.0) for setting, count in steps.items())
    rest = f" and {', '.join(unknown)}" if unknown else ""
    return f"{seconds / 3600 / workers:.1f} hours left{rest}"


def append(file: Path, line: str) -> None:
    """Add a line to a file, and return when the disk has it."""
    with file.open("a", encoding="utf-8") as record_file:
        record_file.write(line)
        record_file.flush()
        os.fsync(record_file.fileno())


def _main() -> None:
    parser = argparse.ArgumentParser(description="Make the runs of the study that are missing.")
    parser.add_argument("--setting", action="append", help="one setting; all if not given")
    parser.add_argument("--workers", type=int, help="runs side by side; one a core if not given")
    parser.add_argument("--scheduler", help="the address of a dask.distributed cluster")
    parser.add_argument("--at-most", type=int, help="stop after so many runs")
    options = parser.parse_args()
    made = record(
        settings=options.setting or tuple(SETTINGS),
        workers=options.workers,
        scheduler=options.scheduler,
        at_most=options.at_most,
    )
    print(f"{made} runs were added to {rows.FOLDER}.")


if __name__ == "__main__":
    _main()
