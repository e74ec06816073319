"""How fast the machine is that rows were measured on, without saying whose it is."""

import os
import platform
import time
from datetime import UTC, datetime
from typing import Any

import torch

from benchmarks.pairs import threads


def describe(processor: str) -> dict[str, Any]:
    """Return what a row keeps: the processor, its speed and load, the versions, the day."""
    return {
        "machine": f"{processor}, {torch.backends.cpu.get_cpu_capability()}",
        "cores": os.cpu_count(),
        "mm_gflops": {str(count): round(_mm_gflops(count), 1) for count in (1, 2)},
        "load": round(os.getloadavg()[0], 1),  # programs that want a core, this one included
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "date": datetime.now(UTC).date().isoformat(),
    }


def _mm_gflops(count: int, side: int = 1024, repeats: int = 30) -> float:
    """Return how fast `torch.mm` is; the fastest repeat shared the cores with no other program."""
    a, b = torch.rand(2, side, side)
    seconds = []
    with threads(count):
        for _ in range(repeats):
            started = time.perf_counter()
            torch.mm(a, b)
            seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds) / 1e9
