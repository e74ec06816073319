"""The ratios that say whether the book trains fast: `make bench` runs this and prints a table."""

import itertools
import math
import operator
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import loops, notebooks, usual
from benchmarks.loops import BATCH_SIZE, Trainer, endless
from benchmarks.pairs import in_turn, processor, ratio, threads, wall
from lrlib import data, model, schedules, train

pytestmark = [
    # A DataLoader forks its workers, and newer versions of Python warn of it.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    # Two workers are what is compared, also where there is one core.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]

# What each benchmark measures, what is wanted of it, what is aimed at, and the unit. An aim that is
# lower than what is wanted says that less is better.
ROWS = {
    "test_augmented_batches": ("augmented batches a second, ours : DataLoader", 10, 20, ""),
    "test_training": ("trained images a second, ours : DataLoader loop", 2.3, 2.8, ""),
    "test_blitz": ("seconds to the accuracy of the blitz tutorial, blitz : ours", 20, 40, ""),
    "test_fit": ("fit : the same loop written flat", 1.03, 1.01, ""),
    "test_epoch": ("an epoch : its steps on a fixed batch", 1.08, 1.03, ""),
    "test_flops": ("FLOP/s of training : FLOP/s of torch.mm", 0.3, 0.45, ""),
    "test_two_seeds": ("two seeds, one after the other : side by side", 1.15, 1.3, ""),
    "test_notebooks": ("time of the notebooks that is not training", 25, 10, " %"),
    "test_import": ("import lrlib, beyond torch's own import", 50, 20, " ms"),
}


def note(benchmark, reached, **extra):
    """Write a row of the table."""
    assert math.isfinite(reached)
    row, wanted, aim, unit = ROWS[benchmark.name]
    sign, suffices = ("≥", operator.ge) if aim > wanted else ("≤", operator.le)
    verdict = "enough" if suffices(reached, wanted) else "missed"
    benchmark.extra_info.update(
        row=row,
        reached=reached,
        shown=f"{reached:.{1 if reached >= 10 else 2}f}{unit}",
        wanted=f"{sign} {wanted}{unit}",
        aim=f"{sign} {aim}{unit}",
        verdict="aim" if suffices(reached, aim) else verdict,
        **extra,
    )


@pytest.fixture
def batches(size):
    """All training images in our batches, without end."""
    return endless(data.Batches(loops.splits(size.smoke).train, BATCH_SIZE, augment=True))


def beside_a_loader(benchmark, size, work, counts):
    """Compare our side with those that draw from a DataLoader; each has a process of its own."""
    with ExitStack() as stack:
        sides = {name: stack.enter_context(loops.process(name, size.smoke)) for name in counts}

        def prepare(side):
            # Workers go on after their turn until as many batches wait as they may prepare. They
            # get the time for that, and what they prepared is taken out.
            time.sleep(0.0 if size.smoke else 1.0)
            if side == "workers_2":
                sides[side](loops.draw, 4)

        turns = {name: partial(side, work, counts[name]) for name, side in sides.items()}
        times = in_turn(benchmark, size.slow_rounds, wall, prepare=prepare, **turns)
    ours = counts.pop("ours")
    ratios = {name: ratio(times, name, "ours") * ours / counts[name] for name in counts}
    per_second = ours * BATCH_SIZE / statistics.median(times["ours"])
    reached = min(ratios["workers_0"], ratios["workers_2"])
    note(benchmark, reached, images_per_second=per_second, **ratios)


def test_augmented_batches(benchmark, size):
    """Drawing shuffled, shifted and mirrored batches, and nothing else."""
    counts = dict.fromkeys(("ours", "workers_0", "workers_2"), size.steps)
    counts["ours"] *= 20  # it would be over too soon to be timed
    beside_a_loader(benchmark, size, loops.draw, counts)


def test_training(benchmark, size):
    """The same network and batch size: ours, and the loop of a tutorial with torch's defaults.

    A third loop has the DataLoader's batches and lrlib's memory layout, which tells how much of the
    ratio comes from the batches.
    """
    counts = dict.fromkeys(("ours", "workers_0", "workers_2", "same_layout"), 4 * size.steps)
    beside_a_loader(benchmark, size, loops.train_steps, counts)


@threads(2)
def test_blitz(benchmark, size):
    """The tutorial's recipe in ten parts, and after each of them a whole run of ours."""
    parts = 1 if size.smoke else 10
    splits = loops.splits(size.smoke, 20_000)
    blitz = usual.blitz(splits, parts)
    reached, accuracies = [], []

    def ours():
        seed = len(accuracies)
        torch.manual_seed(seed)
        net = model.small_cnn()
        optimizer = loops.sgd(net, lr=0.05)
        one_cycle = LambdaLR(optimizer, schedules.OneCycle(len(splits.train.y) // 64))
        options = {"epochs": 1, "batch_size": 64}  # no image comes twice
        history = train.fit(net, optimizer, splits, scheduler=one_cycle, seed=seed, **options)
        accuracies.append(history.val_accuracy[-1])

    sides = {"blitz": lambda: reached.append(next(blitz)), "ours": ours}
    times = in_turn(benchmark, parts, wall, warm_up=False, **sides)
    assert size.smoke or statistics.mean(accuracies) >= reached[-1], accuracies
    seconds = {"blitz": sum(times["blitz"]), "ours": statistics.mean(times["ours"])}
    accuracy = {"blitz": reached[-1], "ours": accuracies}
    note(benchmark, seconds["blitz"] / seconds["ours"], seconds=seconds, accuracy=accuracy)


@threads(1)
def test_fit(benchmark, size):
    """What `fit` adds to the loop that you would write by hand."""
    steps = 2 * size.steps
    few = loops.splits(size.smoke, steps * BATCH_SIZE)

    def start():
        trainer = Trainer()
        scheduler = LambdaLR(trainer.optimizer, schedules.CosineAnnealing(steps))
        return trainer.net, trainer.optimizer, scheduler

    def by_fit():
        net, optimizer, scheduler = start()
        train.fit(net, optimizer, few, epochs=1, scheduler=scheduler, augment=True)

    def flat():
        net, optimizer, scheduler = start()
        net.train()
        for x, y in data.Batches(few.train, BATCH_SIZE, augment=True):
            optimizer.zero_grad()
            functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            scheduler.step()
        train.evaluate(net, few.val)

    times = in_turn(benchmark, size.rounds, processor, by_fit=by_fit, flat=flat)
    note(benchmark, ratio(times, "by_fit", "flat"))


@threads(1)
def test_epoch(benchmark, size, batches):
    """An epoch in slices, each beside as many steps on one batch that stays where it is."""
    fixed = itertools.repeat(next(batches))
    moving, standing = Trainer(), Trainer()
    sides = {
        "epoch": lambda: moving.train(batches, size.steps),
        "fixed": lambda: standing.train(fixed, size.steps),
    }
    times = in_turn(benchmark, size.rounds, processor, **sides)
    note(benchmark, ratio(times, "epoch", "fixed"))


@threads(1)
def test_flops(benchmark, size, batches):
    """The multiplications of training, augmentation's time included, beside plain ones."""
    trainer = Trainer()
    with FlopCounterMode(display=False) as counter:
        trainer.train(batches, 1)
    a, b = torch.rand(2, 1024, 1024)
    sides = {
        "training": lambda: trainer.train(batches, size.steps),
        "ten_products": lambda: [torch.mm(a, b) for _ in range(10)],
    }
    times = in_turn(benchmark, size.rounds, processor, **sides)
    flops = size.steps * counter.get_total_flops() / (10 * 2 * 1024**3)
    note(benchmark, flops * ratio(times, "ten_products", "training"))


def test_two_seeds(benchmark, size):
    """Two processes of one thread each, beside one process of two threads.

    One seed on one thread while the other core rests is as long as two side by side could last at
    the shortest: `at_best` is the ratio that nothing could exceed.
    """
    with loops.seeds(2, 1, size.smoke) as two, loops.seeds(1, 2, size.smoke) as one:
        sides = {
            "side_by_side": lambda: two(0, 1),
            "in_sequence": lambda: one(0, 1),
            "alone": lambda: two(0),
        }
        times = in_turn(benchmark, size.slow_rounds, wall, **sides)
    at_best = ratio(times, "in_sequence", "alone")
    note(benchmark, ratio(times, "in_sequence", "side_by_side"), at_best=at_best)


def test_notebooks(benchmark, size, tmp_path):
    """Imports, data, figures and what a chapter computes beside its runs."""
    folder = Path.cwd() if size.smoke else tmp_path
    seconds = {}

    def execute():
        for name, notebook in notebooks.chapters(size.smoke).items():
            seconds[name] = notebooks.seconds(notebook, folder)

    benchmark.pedantic(execute, rounds=1)
    shares = {name: 100 * (1 - training / total) for name, (training, total, _) in seconds.items()}
    training, total = (sum(times) for times in list(zip(*seconds.values(), strict=True))[:2])
    note(benchmark, 100 * (1 - training / total), by_notebook=shares)


def test_import(benchmark, size):
    """Fresh processes that have imported torch: lrlib, and in another the modules that train."""

    def milliseconds(program):
        clock = "1000 * time.perf_counter()"
        timed = f"import time, torch; start = {clock}; {program}; print({clock} - start)"
        return float(subprocess.check_output([sys.executable, "-c", timed]))

    alone, training = [], []

    def one_round():
        alone.append(milliseconds("import lrlib"))
        training.append(milliseconds("from lrlib import data, model, schedules, train"))

    benchmark.pedantic(one_round, rounds=size.slow_rounds)
    note(benchmark, statistics.median(alone), with_what_trains=statistics.median(training))
