"""What is written down beside every timing: the machine, how fast it multiplies, and the day."""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import torch

from lrlib.evidence.runs import machine

ROWS = Path(__file__).with_name("rows")
_SIDE = 1024


def matrix_flops(repeats: int = 30) -> float:
    """Return the FLOP/s of `torch.mm` on square float32 matrices, with the threads in force.

    The fastest of some repeats counts: the others shared the cores with other programs.
    """
    a, b = torch.rand(2, _SIDE, _SIDE)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - started)
    return 2 * _SIDE**3 / min(seconds)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def busy() -> float:
    """Return the seconds that all cores together have worked since the machine was started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return float(sum(times) - idle - getattr(times, "guest", 0.0))


def describe() -> dict[str, Any]:
    """Name the machine, its `torch.mm` figure on one thread and on two, the versions and the day.

    `load` is the number of programs that wanted a core in the last minute, this one included.
    """
    figures = {}
    for count in (1, 2):
        with threads(count):
            figures[str(count)] = round(matrix_flops() / 1e9, 1)
    return {
        "machine": machine(),
        "cores": os.cpu_count(),
        "mm_gflops": figures,
        "load": round(os.getloadavg()[0], 1),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "date": datetime.now(UTC).date().isoformat(),
    }


def read_rows(name: str) -> list[dict[str, Any]]:
    """Read what a program here wrote down; nothing where it has not run."""
    file = ROWS / f"{name}.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def write_row(name: str, row: dict[str, Any]) -> None:
    """Append one row, a line of JSON."""
    ROWS.mkdir(exist_ok=True)
    with (ROWS / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(row)
