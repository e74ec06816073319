"""What a benchmark writes down, and the table at the end."""

import os
import platform
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
import torch

from benchmarks.pairs import threads


class Size(NamedTuple):
    """How much a benchmark does: whether on noise, how many rounds, how many steps in a turn."""

    smoke: bool
    rounds: int
    slow_rounds: int  # where a turn takes long
    steps: int


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch for continuous integration."""
    parser.addoption("--smoke", action="store_true", help="run each benchmark once, on noise")


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> Size:
    """Choose the size by `--smoke`."""
    if request.config.getoption("--smoke"):
        return Size(smoke=True, rounds=1, slow_rounds=1, steps=1)
    return Size(smoke=False, rounds=27, slow_rounds=9, steps=13)


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Keep what says how fast the machine is, and leave out whose it is."""
    processor = machine_info["cpu"].get("brand_raw", machine_info["machine"])
    machine_info.clear()
    machine_info.update(
        machine=f"{processor}, {torch.backends.cpu.get_cpu_capability()}",
        cores=os.cpu_count(),
        mm_gflops={str(count): round(_mm_gflops(count), 1) for count in (1, 2)},
        load=round(os.getloadavg()[0], 1),  # programs that want a core, this one included
        versions={"python": platform.python_version(), "torch": torch.__version__},
        date=datetime.now(UTC).date().isoformat(),
    )


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


def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    """Leave out the commit: the rows are part of it."""
    commit_info.clear()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table."""
    session = getattr(config, "_benchmarksession", None)
    rows = [bench.extra_info for bench in (session.benchmarks if session else [])]
    for row in filter(None, rows):
        cells = (row[name] for name in ("shown", "wanted", "aim", "verdict"))
        terminalreporter.write_line(f"{row['row']:<62}" + "".join(f"{cell:>9}" for cell in cells))
