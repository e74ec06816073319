"""What a benchmark writes down, and the table at the end."""

from typing import Any, NamedTuple

import pytest

from benchmarks import machine


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
    machine_info.update(machine.describe(processor))


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
