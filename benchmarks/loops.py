"""Train in a process of its own, from batches of one kind: ours, or those of a DataLoader."""

import itertools
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import seeds, usual
from lrlib import data, model, train

BATCH_SIZE = 128


class Trainer:
    """A network in training.

    Args:
        layout: How its weights lie in memory; lrlib's way or torch's own.
    """

    def __init__(self, layout: torch.memory_format = torch.channels_last) -> None:
        torch.manual_seed(0)
        self.net = model.small_cnn().to(memory_format=layout)
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4
        )

    def train(self, batches: Iterator[tuple[Tensor, Tensor]], steps: int) -> None:
        """Make so many steps."""
        for batch in itertools.islice(batches, steps):
            train.train_step(self.net, self.optimizer, functional.cross_entropy, batch)


def endless(batches: data.Batches) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw batches, pass after pass."""
    while True:
        yield from batches


class Loop:
    """A process that trains with two threads.

    Args:
        pool: The process.
    """

    _trainer: Trainer
    _batches: Iterator[tuple[Tensor, Tensor]]

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    @classmethod
    def _start(cls, workers: int | None, defaults: bool, smoke: bool) -> None:
        torch.set_num_threads(2)
        # A process that was spawned would spawn the DataLoader's workers too; a script's loop
        # starts them in the system's own way.
        multiprocessing.set_start_method(None, force=True)
        images = (seeds.tiny() if smoke else data.load()).train
        if workers is None:
            cls._batches = endless(data.Batches(images, BATCH_SIZE))
        else:
            cls._batches = usual.batches(images, BATCH_SIZE, workers)
        cls._trainer = Trainer(torch.contiguous_format if defaults else torch.channels_last)

    @classmethod
    def _train(cls, steps: int) -> None:
        cls._trainer.train(cls._batches, steps)

    @classmethod
    def _draw(cls, count: int) -> None:
        for _ in itertools.islice(cls._batches, count):
            pass

    def train(self, steps: int) -> None:
        """Make so many steps."""
        self._pool.submit(Loop._train, steps).result()

    def draw(self, count: int) -> None:
        """Draw so many batches, and do nothing with them."""
        self._pool.submit(Loop._draw, count).result()


@contextmanager
def loop(workers: int | None, *, defaults: bool = False, smoke: bool) -> Iterator[Loop]:
    """Start a process, and end it afterwards.

    Args:
        workers: Of the DataLoader; `None` takes `lrlib.data.Batches`. Only these tell the C library
            to keep freed memory, which is why each kind has a process of its own.
        defaults: Whether the weights lie in memory as torch puts them.
        smoke: Whether the images are noise.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, Loop._start, (workers, defaults, smoke)) as pool:
        yield Loop(pool)
