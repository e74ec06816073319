"""Train seeds in processes of their own, side by side or one after the other."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context

import torch

from lrlib import data, model, train


@cache
def _splits(n_train: int | None) -> data.Splits:
    return tiny() if n_train is None else data.load(n_train)


def tiny() -> data.Splits:
    """Return noise with labels: what a smoke test trains on."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (640, 3, 32, 32), generator=generator, dtype=torch.uint8)
    part = data.Images(x, torch.arange(640) % 10)
    return data.Splits(part, part, part, "noise", tuple("abcdefghij"))


def _train_seed(seed: int, n_train: int | None) -> None:
    torch.manual_seed(seed)
    net = model.small_cnn()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    train.fit(net, optimizer, _splits(n_train), epochs=1, seed=seed)


class Workers:
    """Processes that train seeds.

    Args:
        count: How many.
        threads: Of torch, in each of them.
    """

    def __init__(self, count: int, threads: int) -> None:
        self.count = count
        self.pool = ProcessPoolExecutor(
            count, get_context("spawn"), initializer=torch.set_num_threads, initargs=(threads,)
        )

    def train(self, seeds: Sequence[int], n_train: int | None) -> None:
        """Train seeds on so many images; `None` is the noise."""
        list(self.pool.map(_train_seed, seeds, [n_train] * len(seeds)))


@contextmanager
def workers(count: int, threads: int) -> Iterator[Workers]:
    """Start processes, and end them afterwards."""
    group = Workers(count, threads)
    with group.pool:
        yield group
