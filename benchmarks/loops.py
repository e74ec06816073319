"""What the benchmarks train: steps in this process or in one of its own, and whole seeds."""

import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import usual
from lrlib import data, model, train

BATCH_SIZE = 128
Batches = Iterator[tuple[Tensor, Tensor]]

# Who draws from a DataLoader, with how many worker processes, and in which memory layout: torch's
# own, or lrlib's.
LOADERS = {
    "workers_0": (0, torch.contiguous_format),
    "workers_2": (2, torch.contiguous_format),
    "same_layout": (0, torch.channels_last),
}


@cache
def splits(smoke: bool, n_train: int | None = None) -> data.Splits:
    """Load so many training images; for a smoke test, noise with labels."""
    if not smoke:
        return data.load(n_train)
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (640, 3, 32, 32), generator=generator, dtype=torch.uint8)
    part = data.Images(x, torch.arange(640) % 10)
    return data.Splits(part, part, part, "noise", tuple("abcdefghij"))


def endless(batches: data.Batches) -> Batches:
    """Draw batches, pass after pass."""
    while True:
        yield from batches


def sgd(net: nn.Module, lr: float) -> torch.optim.SGD:
    """Return the book's optimizer."""
    options = {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
    return torch.optim.SGD(net.parameters(), lr, **options)


class Trainer:
    """A network in training."""

    def __init__(self, layout: torch.memory_format = torch.channels_last) -> None:
        torch.manual_seed(0)
        self.net = model.small_cnn().to(memory_format=layout)
        self.optimizer = sgd(self.net, lr=0.02)

    def train(self, batches: Batches, steps: int) -> None:
        """Make so many steps."""
        for batch in itertools.islice(batches, steps):
            train.train_step(self.net, self.optimizer, functional.cross_entropy, batch)


class Side:
    """What a process that `process` starts holds: batches of one kind, and who trains on them."""

    batches: Batches
    trainer: Trainer

    @classmethod
    def start(cls, name: str, smoke: bool) -> None:
        """Make ready to train."""
        torch.set_num_threads(2)
        # A process that was spawned would spawn the DataLoader's workers too; a script's loop
        # starts them in the system's own way.
        multiprocessing.set_start_method(None, force=True)
        images = splits(smoke).train
        if name == "ours":
            cls.trainer = Trainer()
            cls.batches = endless(data.Batches(images, BATCH_SIZE, augment=True))
        else:
            workers, layout = LOADERS[name]
            cls.batches, cls.trainer = usual.batches(images, BATCH_SIZE, workers), Trainer(layout)


def draw(count: int) -> None:
    """Draw so many batches, and do nothing with them."""
    for _ in itertools.islice(Side.batches, count):
        pass


def train_steps(count: int) -> None:
    """Make so many steps."""
    Side.trainer.train(Side.batches, count)


@contextmanager
def process(name: str, smoke: bool) -> Iterator[Callable[[Callable[[int], None], int], None]]:
    """Start a process with two threads for a side; yield a function that works in it, and waits.

    Our own batches tell the C library to keep freed memory, for the whole of their process.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, Side.start, (name, smoke)) as pool:
        yield lambda work, count: pool.submit(work, count).result()


def train_seed(seed: int, smoke: bool) -> None:
    """Train a seed for an epoch."""
    torch.manual_seed(seed)
    net = model.small_cnn()
    train.fit(net, sgd(net, lr=0.05), splits(smoke, 10_000), epochs=1, augment=True, seed=seed)


@contextmanager
def seeds(count: int, threads: int, smoke: bool) -> Iterator[Callable[..., list[None]]]:
    """Start processes with so many threads each; yield a function that trains seeds in them."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, torch.set_num_threads, (threads,)) as pool:
        yield lambda *seeds: list(pool.map(train_seed, seeds, [smoke] * len(seeds)))
