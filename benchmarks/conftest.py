"""What a benchmark writes down, and the table at the end."""

import dataclasses
from typing import Any

import pytest

from benchmarks import machine, report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch for continuous integration."""
    parser.addoption("--smoke", action="store_true", help="run each benchmark once, on tiny sizes")


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Keep what says how fast the machine is, and leave out whose it is."""
    machine_info.clear()
    machine_info.update(machine.describe())


def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    """Leave out the commit: the rows are part of it."""
    commit_info.clear()


@dataclasses.dataclass
class Size:
    """How much a benchmark does.

    Args:
        smoke: Whether everything is tiny and on noise, to see that it runs.
        rounds: How often the sides take turns.
        slow_rounds: The same where a turn takes long.
        steps: In one turn of a side that trains.
    """

    smoke: bool
    rounds: int
    slow_rounds: int
    steps: int

    @property
    def n_train(self) -> int | None:
        """For `benchmarks.seeds`."""
        return None if self.smoke else 10_000


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> Size:
    """Choose the size by `--smoke`."""
    smoke = request.config.getoption("--smoke")
    if smoke:
        return Size(smoke, rounds=1, slow_rounds=1, steps=1)
    return Size(smoke, rounds=27, slow_rounds=9, steps=13)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table."""
    session = getattr(config, "_benchmarksession", None)
    benchmarks = session.benchmarks if session else []
    rows = [bench.extra_info for bench in benchmarks if bench.extra_info]
    if rows:
        terminalreporter.write_line("")
        terminalreporter.write_line(report.as_text(rows))
