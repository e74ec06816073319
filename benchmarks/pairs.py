"""Time two or more pieces of work in turn, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Clock = Callable[[], float]
Times = dict[str, list[float]]

wall: Clock = time.perf_counter
# Other programs do not count in it, so it compares work on one thread best.
processor: Clock = time.process_time


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads: for a while, or in a function that it decorates."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_turn(
    benchmark: Any,
    rounds: int,
    clock: Clock,
    *,
    warm_up: bool = True,
    prepare: Callable[[str], None] = lambda side: None,
    **sides: Callable[[], Any],
) -> Times:
    """Run every side once a round; every other round runs them backwards.

    Args:
        benchmark: The fixture of pytest-benchmark, which times whole rounds.
        rounds: How many count.
        clock: Returns seconds.
        warm_up: Whether a first round is run that does not count.
        prepare: Called with the name of a side before its turn; its time does not count.
        sides: What is compared, by name.

    Returns:
        The seconds of each side, one a round.
    """
    times: Times = {name: [] for name in sides}

    def one_round() -> None:
        order = list(sides) if len(times[next(iter(sides))]) % 2 == 0 else list(sides)[::-1]
        for name in order:
            prepare(name)
            started = clock()
            sides[name]()
            times[name].append(clock() - started)

    benchmark.pedantic(one_round, rounds=rounds, warmup_rounds=int(warm_up))
    return {name: values[int(warm_up) :] for name, values in times.items()}


def ratio(times: Times, upper: str, lower: str) -> float:
    """Return the median over the rounds of one side's seconds over the other's."""
    pairs = zip(times[upper], times[lower], strict=True)
    return statistics.median(a / b for a, b in pairs)
