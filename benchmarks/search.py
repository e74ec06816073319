"""What was tried to train faster: `python -m benchmarks.search PART`.

Each part appends rows to a file in `rows/` and leaves out what stands there already.
Accuracies are of the validation images; the test images are read by `goal` alone, at its end.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from benchmarks.machine import busy, describe, read_rows, threads, write_row
from lrlib import data, model, schedules, train

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Recipe:
    """A run: everything that the search turns.

    Args:
        name: What differs from the book's recipe, in words.
        make: Builds the network.
        n_train: Training images; 15,000 for 3 epochs are what every chapter uses.
        epochs: Passes over them.
        batch_size: Images in a batch.
        peak_lr: Of the one-cycle schedule; in proportion to the batch size.
        augment: Whether training images are shifted and mirrored.
        nesterov: Whether the momentum looks ahead.
    """

    name: str
    make: Callable[[], nn.Sequential] = model.small_cnn
    n_train: int = 15_000
    epochs: int = 3
    batch_size: int = 128
    peak_lr: float = 0.2
    augment: bool = True
    nesterov: bool = True


def _with(*changes: tuple[int, nn.Module]) -> nn.Sequential:
    """Build the book's network with some of its layers replaced."""
    net = model.small_cnn(16)
    for place, layer in changes:
        net[place] = layer
    return net.to(next(net.parameters()).device, memory_format=torch.channels_last)


def _stem_of_full_size() -> nn.Sequential:
    stem = nn.Sequential(nn.Conv2d(3, 16, kernel_size=3, padding=1), nn.MaxPool2d(2))
    return _with((0, stem))


def _stem_of_patches() -> nn.Sequential:
    return _with((0, nn.Conv2d(3, 16, kernel_size=2, stride=2)))


def _mean_pooling() -> nn.Sequential:
    return _with((2, nn.AvgPool2d(2)), (9, nn.AvgPool2d(2)))


def _no_pooling() -> nn.Sequential:
    """The first convolution of each group takes steps of two pixels instead."""
    halving = partial(nn.Conv2d, kernel_size=3, stride=2, padding=1, bias=False)
    return _with(
        *((1, halving(16, 32)), (2, nn.Identity()), (8, halving(32, 64)), (9, nn.Identity()))
    )


def _mean_at_the_end() -> nn.Sequential:
    return _with((15, nn.AdaptiveAvgPool2d(1)))


BOOK = Recipe("the book's recipe")
ACCURACY = (
    *(replace(BOOK, epochs=epochs) for epochs in (1, 2, 3, 4, 6, 9)),
    Recipe("width 8", partial(model.small_cnn, 8)),
    Recipe("width 24", partial(model.small_cnn, 24)),
    Recipe("width 32", partial(model.small_cnn, 32)),
    Recipe("stem 2×2, stride 2", _stem_of_patches),
    Recipe("stem 3×3, then pooled", _stem_of_full_size),
    Recipe("mean pooling", _mean_pooling),
    Recipe("strides, no pooling", _no_pooling),
    Recipe("strides, no pooling", _no_pooling, epochs=5),  # about as long as the book's recipe
    Recipe("global mean at the end", _mean_at_the_end),
    Recipe("batch 64", batch_size=64, peak_lr=0.1),
    Recipe("batch 256", batch_size=256, peak_lr=0.4),
    Recipe("half the peak rate", peak_lr=0.1),
    Recipe("twice the peak rate", peak_lr=0.4),
    Recipe("no augmentation", augment=False),
    Recipe("momentum without Nesterov", nesterov=False),
)


def _long(width: int, epochs: int, **changes: Any) -> Recipe:
    name = ", ".join([f"width {width}", *(_SAY[change] for change in changes.items())])
    net = partial(model.small_cnn, width)
    return Recipe(name, net, n_train=45_000, epochs=epochs, **changes)


_SAY = {
    ("augment", False): "no augmentation",
    ("batch_size", 64): "batch 64",
    ("peak_lr", 0.1): "peak 0.1",
}

# For 78 % of the validation images within 60 s of `fit` on two cores, and 82 % within 120 s.
# 8 epochs of width 24 came first: with two seeds of three they ended 0.1 points short.
GOALS = (_long(16, 6, augment=False), _long(24, 9))
GOAL_SEARCH = (
    _long(16, 4, augment=False),
    _long(16, 4, batch_size=64, peak_lr=0.1),
    _long(24, 5, augment=False),
    _long(24, 5),
    _long(16, 6, augment=False),
    _long(24, 8),
    _long(16, 15),
)


def run(recipe: Recipe, seed: int) -> tuple[nn.Sequential, dict[str, Any]]:
    """Train once; return the network and what is worth writing down of the run."""
    splits = data.load(recipe.n_train)
    torch.manual_seed(seed)
    net = recipe.make()
    optimizer = torch.optim.SGD(
        net.parameters(),
        lr=recipe.peak_lr,
        momentum=0.9,
        nesterov=recipe.nesterov,
        weight_decay=5e-4,
    )
    steps = recipe.epochs * (len(splits.train.y) // recipe.batch_size)
    wall, processor, all_cores = time.perf_counter(), time.process_time(), busy()
    history = train.fit(
        net,
        optimizer,
        splits,
        epochs=recipe.epochs,
        scheduler=LambdaLR(optimizer, schedules.OneCycle(steps)),
        batch_size=recipe.batch_size,
        augment=recipe.augment,
        seed=seed,
    )
    seconds, own = time.perf_counter() - wall, time.process_time() - processor
    row = {
        "name": recipe.name,
        "n_train": recipe.n_train,
        "epochs": recipe.epochs,
        "seed": seed,
        "batch_size": recipe.batch_size,
        "peak_lr": recipe.peak_lr,
        "parameters": sum(p.numel() for p in net.parameters()),
        "val_accuracy": history.val_accuracy[-1] if not history.stopped else 0.1,
        "processor_seconds": round(own, 2),
        "seconds": round(seconds, 2),
        "threads": torch.get_num_threads(),
        "cores_of_others": round((busy() - all_cores - own) / seconds, 2),
    }
    return net, row


def _runs(file: str, recipes: Sequence[Recipe], seeds: Sequence[int], count: int) -> None:
    """Make the runs that are missing in a file, with so many threads."""
    there = {(row["name"], row["epochs"], row["seed"]) for row in read_rows(file)}
    for seed, recipe in itertools.product(seeds, recipes):
        if (recipe.name, recipe.epochs, seed) not in there:
            with threads(count):
                net, row = run(recipe, seed)
            if file == "goal":  # its recipes are chosen: now the test images may be read
                row["test_accuracy"] = train.evaluate(net, data.load().test)[1]
            write_row(file, {**row, **describe()})


def accuracy() -> None:
    """Train each recipe with each seed."""
    _runs("accuracy", ACCURACY, SEEDS, count=1)


def goal_search() -> None:
    """Try recipes for the goal, one seed each."""
    _runs("goal_search", GOAL_SEARCH, SEEDS[:1], count=1)


def goal() -> None:
    """Train the chosen recipes on two cores with each seed, and read the test images at the end."""
    _runs("goal", GOALS, SEEDS, count=2)


@dataclass(frozen=True)
class Setting:
    """What can be turned without changing what is learned, or hardly.

    Args:
        name: What differs from the book's setting, in words.
        channels_last: Whether the channels of a pixel lie together.
        options: For the optimizer.
        keep_memory: Whether freed memory stays in the process.
        draw: Makes a batch of the chosen images; `None` is `lrlib.data.Batches`.
        bfloat16: Whether products are of 16 bits.
        threads: Of torch.
    """

    name: str
    channels_last: bool = True
    options: tuple[str, ...] = ()
    keep_memory: bool = True
    windows: bool = False
    bfloat16: bool = False
    threads: int = 1


SETTINGS = (
    Setting("channels of a pixel apart", channels_last=False),
    Setting("optimizer with fused=True", options=("fused",)),
    Setting("optimizer with foreach=True", options=("foreach",)),
    Setting("freed memory goes back to the system", keep_memory=False),
    Setting("augmentation by windows", windows=True),
    Setting("bfloat16 products", bfloat16=True),
    Setting("two threads", threads=2),
)


class _Worker:
    """The state of a process that trains with one setting."""

    steps: Callable[[int], tuple[float, float]]

    @classmethod
    def start(cls, setting: Setting, seed: int) -> None:
        torch.set_num_threads(setting.threads)
        torch.manual_seed(seed)
        if not setting.keep_memory:
            data.keep_freed_memory = lambda: None
        splits = data.load(15_000)
        net = model.small_cnn()
        if not setting.channels_last:
            net = net.to(memory_format=torch.contiguous_format)
        optimizer = torch.optim.SGD(
            net.parameters(),
            lr=0.02,
            momentum=0.9,
            nesterov=True,
            weight_decay=5e-4,
            **dict.fromkeys(setting.options, True),
        )
        make = _WindowBatches if setting.windows else data.Batches
        batches = itertools.chain.from_iterable(
            itertools.repeat(make(splits.train, 128, seed=seed))
        )
        precision = torch.autocast("cpu", torch.bfloat16, enabled=setting.bfloat16)

        def steps(count: int) -> tuple[float, float]:
            wall, processor = time.perf_counter(), time.process_time()
            for x, y in itertools.islice(batches, count):
                if not setting.channels_last:
                    x = x.contiguous()
                train._step(net, optimizer, functional.cross_entropy, (x, y), precision)
            return time.perf_counter() - wall, time.process_time() - processor

        cls.steps = steps


def _work(count: int) -> tuple[float, float]:
    return _Worker.steps(count)


class _WindowBatches(data.Batches):
    """Batches as they were made before: each image is a window of a padded copy."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.images.y), generator=self.generator)
        for chosen in order.split(self.batch_size)[: len(self)]:
            count = len(chosen)
            padded = functional.pad(self.images.x[chosen], (4, 4, 4, 4))
            windows = padded.unfold(2, 32, 1).unfold(3, 32, 1)
            down, right = torch.randint(9, (2, count), generator=self.generator)
            shifted = windows[torch.arange(count), :, down, right]
            mirror = torch.rand(count, generator=self.generator) < 0.5
            x = torch.where(mirror[:, None, None, None], shifted.flip(3), shifted)
            yield data._normalise(x), self.images.y[chosen]


def _process(stack: ExitStack, setting: Setting, seed: int) -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(1, get_context("spawn"), _Worker.start, (setting, seed))
    return stack.enter_context(pool)


def throughput(rounds: int = 12, steps: int = 8) -> None:
    """Train with each setting and with the book's in turn, each in a process of its own."""
    there = {(row["name"], row["seed"]) for row in read_rows("throughput")}
    for seed in SEEDS:
        with ExitStack() as stack:
            book = _process(stack, Setting("the book's"), seed)
            for setting in SETTINGS:
                if (setting.name, seed) not in there:
                    with ExitStack() as inner:
                        other = _process(inner, setting, seed)
                        turns = [
                            [pool.submit(_work, steps).result() for pool in (book, other)]
                            for _ in range(rounds + 1)
                        ]
                    _note_throughput(setting, seed, turns[1:])  # the first one warms up


def _note_throughput(setting: Setting, seed: int, turns: list[list[tuple[float, float]]]) -> None:
    # Threads share the work, and processor time adds them up: then the wall clock decides.
    clock = 0 if setting.threads > 1 else 1
    ratios = [ours[clock] / other[clock] for ours, other in turns]
    low, middle, high = statistics.quantiles(ratios, n=4)
    row = {
        "name": setting.name,
        "seed": seed,
        "ratio": round(middle, 4),
        "quartiles": [round(low, 4), round(high, 4)],
        "rounds": len(turns),
        "clock": ["wall", "processor"][clock],
    }
    write_row("throughput", {**row, **describe()})


PARTS = {
    "accuracy": accuracy,
    "throughput": throughput,
    "goal_search": goal_search,
    "goal": goal,
}


def main() -> None:
    """Run a part of the search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    PARTS[parser.parse_args().part]()


if __name__ == "__main__":
    main()
