"""The tasks of the study: what is learned, from which batches, and how a network is judged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lrlib import data, skip_gram, text, train

Batch = tuple[Tensor, Tensor]
CONTEXT = 64  # characters


@dataclass(frozen=True)
class Task:
    """What a network learns, apart from the network.

    Args:
        dataset: The name of the data.
        md5: The sum of the file that they come from.
        loss: Maps (output, y) to a scalar.
        batches: `batches(batch_size, seed)` yields training batches (x, y) without an end.
        judge: `judge(model, part)` returns the loss and the accuracy on "val" or "test"; the
            accuracy is `None` where there are no classes to be right about.
    """

    dataset: str
    md5: str
    loss: Callable[[Tensor, Tensor], Tensor]
    batches: Callable[[int, int], Iterator[Batch]]
    judge: Callable[[nn.Module, str], tuple[float, float | None]]


@cache
def images(n_train: int | None = None) -> Task:
    """CIFAR-10, all training images or some; the stand-in is refused."""
    splits = data.load(n_train)
    if splits.name != "CIFAR-10":
        raise RuntimeError(
            f"the study is made on CIFAR-10 alone, got {splits.name}; set LRLIB_DATASET=cifar10"
        )

    def batches(batch_size: int, seed: int) -> Iterator[Batch]:
        shuffled = data.Batches(splits.train, batch_size, augment=True, seed=seed)
        while True:
            yield from shuffled

    def judge(model: nn.Module, part: str) -> tuple[float, float | None]:
        return train.evaluate(model, getattr(splits, part))

    md5 = "c58f30108f718f92721af3b95e74349a"
    return Task(splits.name, md5, functional.cross_entropy, batches, judge)


@cache
def characters() -> Task:
    """Predict each next character of tiny Shakespeare; the loss is in nats per character."""
    sequences = text.characters()
    offsets = torch.arange(CONTEXT + 1)

    def batches(batch_size: int, seed: int) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(seed)
        last = len(sequences.train) - CONTEXT
        while True:
            starts = torch.randint(last, (batch_size, 1), generator=generator)
            windows = sequences.train[starts + offsets]
            yield windows[:, :-1], windows[:, 1:]

    def judge(model: nn.Module, part: str) -> tuple[float, float | None]:
        whole = getattr(sequences, part)
        windows = whole.unfold(0, CONTEXT + 1, CONTEXT)
        return _mean_loss(model, _next_symbol, windows[:, :-1], windows[:, 1:]), None

    return Task(text.NAME, text.MD5, _next_symbol, batches, judge)


def _next_symbol(logits: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), y.flatten())


@cache
def neighbours() -> Task:
    """Tell the neighbours of a word from random words; the loss is in nats per word."""
    sequences = text.words()
    words = len(sequences.symbols)
    loss = functional.binary_cross_entropy_with_logits

    def batches(batch_size: int, seed: int) -> Iterator[Batch]:
        return skip_gram.pairs(sequences.train, words, batch_size, seed)

    def judge(model: nn.Module, part: str) -> tuple[float, float | None]:
        x, y = next(skip_gram.pairs(getattr(sequences, part), words, 20_000, seed=0))
        return _mean_loss(model, loss, x, y), None

    return Task(text.NAME, text.MD5, loss, batches, judge)


@torch.no_grad()
def _mean_loss(model: nn.Module, loss: Any, x: Tensor, y: Tensor) -> float:
    """The mean over equal parts, in eval mode."""
    model.eval()
    sizes_and_losses = [
        (len(part), float(loss(model(part), target)))
        for part, target in zip(x.split(200), y.split(200), strict=True)
    ]
    model.train()
    return sum(size * mean for size, mean in sizes_and_losses) / len(x)
