"""The ratios that say whether the book trains fast: `make bench` runs this and prints a table."""

import contextlib
import functools
import itertools
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import loops, notebooks, pairs, seeds, usual
from benchmarks.loops import Trainer, endless
from benchmarks.machine import threads
from lrlib import data, model, schedules, train

pytestmark = [
    # A DataLoader forks its workers, and newer versions of Python warn of it.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    # Two workers are what is compared, also where there is one core.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]

BATCH = loops.BATCH_SIZE


@pytest.fixture(scope="session")
def splits(size):
    """All training images, or noise."""
    return seeds.tiny() if size.smoke else data.load()


@pytest.fixture
def one_thread():
    """Where processor time is the clock."""
    with threads(1):
        yield


@pytest.fixture
def two_threads():
    """Where the wall clock is."""
    with threads(2):
        yield


def note(benchmark, row, reached, *, aim, at_least=None, at_most=None, unit="", **extra):
    """Write a row of the table."""
    assert math.isfinite(reached)
    benchmark.extra_info.update(
        row=row, reached=reached, at_least=at_least, at_most=at_most, aim=aim, unit=unit, **extra
    )


class Sources:
    """Batches of three kinds: ours, a DataLoader without workers, and one with two.

    Workers go on after their turn until as many batches wait as they may prepare. Before each turn
    they get the time for that, and what they prepared is taken out.
    """

    def __init__(self, images: data.Images, smoke: bool) -> None:
        self.ours = endless(data.Batches(images, BATCH))
        self.workers_0, self.workers_2 = (usual.batches(images, BATCH, n) for n in (0, 2))
        self.pause = 0.0 if smoke else 1.0  # seconds

    def prepare(self, side: str) -> None:
        """Let the workers come to rest, and take out what waits."""
        time.sleep(self.pause)
        if side == "workers_2":
            draw(self.workers_2, 4)


def draw(batches: Iterator[tuple[Tensor, Tensor]], count: int) -> None:
    """Draw batches and do nothing with them."""
    for _ in itertools.islice(batches, count):
        pass


@pytest.mark.usefixtures("two_threads")
def test_augmented_batches(benchmark, size, splits):
    """Drawing shuffled, shifted and mirrored batches, and nothing else."""
    sources = Sources(splits.train, size.smoke)
    times_more = 20  # ours would be over too soon to be timed
    times = pairs.in_turn(
        *(benchmark, size.slow_rounds, pairs.wall),
        prepare=sources.prepare,
        ours=lambda: draw(sources.ours, times_more * size.steps),
        workers_0=lambda: draw(sources.workers_0, size.steps),
        workers_2=lambda: draw(sources.workers_2, size.steps),
    )
    by_workers = {n: times_more * pairs.ratio(times, f"workers_{n}", "ours") for n in (0, 2)}
    note(
        *(benchmark, "augmented batches a second, ours : DataLoader", min(by_workers.values())),
        at_least=10,
        aim=20,
        by_workers=by_workers,
        images_per_second=times_more * size.steps * BATCH / statistics.median(times["ours"]),
    )


def test_training(benchmark, size):
    """The same network and batch size: ours, and the loop of a tutorial with torch's defaults.

    A third loop has the DataLoader's batches and lrlib's memory layout, which tells how much of the
    ratio comes from the batches.
    """
    steps = 4 * size.steps
    kinds = {
        "ours": {"workers": None},
        "workers_0": {"workers": 0, "defaults": True},
        "workers_2": {"workers": 2, "defaults": True},
        "same_layout": {"workers": 0},
    }
    with contextlib.ExitStack() as processes:
        sides = {
            name: processes.enter_context(loops.loop(**kind, smoke=size.smoke))
            for name, kind in kinds.items()
        }

        def prepare(side: str) -> None:
            time.sleep(0.0 if size.smoke else 1.0)
            if side == "workers_2":
                sides[side].draw(4)

        times = pairs.in_turn(
            *(benchmark, size.slow_rounds, pairs.wall),
            prepare=prepare,
            **{name: functools.partial(side.train, steps) for name, side in sides.items()},
        )
    by_workers = {n: pairs.ratio(times, f"workers_{n}", "ours") for n in (0, 2)}
    note(
        *(benchmark, "trained images a second, ours : DataLoader loop", min(by_workers.values())),
        at_least=2.3,
        aim=2.8,
        by_workers=by_workers,
        same_layout=pairs.ratio(times, "same_layout", "ours"),
        images_per_second=steps * BATCH / statistics.median(times["ours"]),
    )


@pytest.mark.usefixtures("two_threads")
def test_seconds_to_the_accuracy_of_blitz(benchmark, size, splits):
    """The tutorial's recipe in ten parts, and after each of them a whole run of ours."""
    parts = 1 if size.smoke else 10
    part = splits if size.smoke else data.load(20_000)
    batch_size = 64
    accuracies: dict[str, list[float]] = {"blitz": [], "ours": []}
    blitz = usual.blitz(splits, parts)

    def ours() -> None:
        seed = len(accuracies["ours"])
        torch.manual_seed(seed)
        net = model.small_cnn()
        optimizer = torch.optim.SGD(
            net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        history = train.fit(
            *(net, optimizer, part),
            epochs=1,
            scheduler=LambdaLR(optimizer, schedules.OneCycle(len(part.train.y) // batch_size)),
            batch_size=batch_size,
            augment=False,  # no image comes twice
            seed=seed,
        )
        accuracies["ours"].append(history.val_accuracy[-1])

    times = pairs.in_turn(
        *(benchmark, parts, pairs.wall),
        warm_up=False,
        blitz=lambda: accuracies["blitz"].append(next(blitz)),
        ours=ours,
    )
    reached = accuracies["blitz"][-1]
    assert size.smoke or statistics.mean(accuracies["ours"]) >= reached, accuracies
    note(
        benchmark,
        "seconds to the accuracy of the blitz tutorial, blitz : ours",
        sum(times["blitz"]) / statistics.mean(times["ours"]),
        at_least=20,
        aim=40,
        seconds={"blitz": sum(times["blitz"]), "ours": statistics.mean(times["ours"])},
        accuracy={"blitz": reached, "ours": accuracies["ours"]},
    )


@pytest.mark.usefixtures("one_thread")
def test_fit(benchmark, size, splits):
    """What `fit` adds to the loop that you would write by hand."""
    count = 2 * size.steps * BATCH
    few = splits if size.smoke else data.load(count)

    def by_fit() -> None:
        trainer = Trainer()
        scheduler = LambdaLR(trainer.optimizer, schedules.CosineAnnealing(count // BATCH))
        train.fit(trainer.net, trainer.optimizer, few, epochs=1, scheduler=scheduler)

    def flat() -> None:
        trainer = Trainer()
        net, optimizer = trainer.net, trainer.optimizer
        scheduler = LambdaLR(optimizer, schedules.CosineAnnealing(count // BATCH))
        net.train()
        for x, y in data.Batches(few.train, BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            scheduler.step()
        train.evaluate(net, few.val)

    times = pairs.in_turn(benchmark, size.rounds, pairs.processor, by_fit=by_fit, flat=flat)
    note(
        *(benchmark, "fit : the same loop written flat", pairs.ratio(times, "by_fit", "flat")),
        at_most=1.03,
        aim=1.01,
    )


@pytest.mark.usefixtures("one_thread")
def test_epoch(benchmark, size, splits):
    """An epoch in slices, each beside as many steps on one batch that stays where it is."""
    batches = endless(data.Batches(splits.train, BATCH))
    fixed = next(batches)
    moving, standing = Trainer(), Trainer()
    times = pairs.in_turn(
        *(benchmark, size.rounds, pairs.processor),
        epoch=lambda: moving.train(batches, size.steps),
        fixed=lambda: standing.train(itertools.repeat(fixed), size.steps),
    )
    reached = pairs.ratio(times, "epoch", "fixed")
    note(benchmark, "an epoch : its steps on a fixed batch", reached, at_most=1.08, aim=1.03)


@pytest.mark.usefixtures("one_thread")
def test_flops(benchmark, size, splits):
    """The multiplications of training, augmentation's time included, beside plain ones."""
    batches = endless(data.Batches(splits.train, BATCH))
    trainer = Trainer()
    with FlopCounterMode(display=False) as counter:
        trainer.train(batches, 1)
    a, b = torch.rand(2, 1024, 1024)
    products = 10
    times = pairs.in_turn(
        *(benchmark, size.rounds, pairs.processor),
        training=lambda: trainer.train(batches, size.steps),
        mm=lambda: [torch.mm(a, b) for _ in range(products)],
    )
    per_second = size.steps * counter.get_total_flops() / (products * 2 * 1024**3)
    note(
        benchmark,
        "FLOP/s of training : FLOP/s of torch.mm",
        per_second * pairs.ratio(times, "mm", "training"),
        at_least=0.30,
        aim=0.45,
    )


def test_two_seeds(benchmark, size):
    """Two processes of one thread each, beside one process of two threads.

    One seed on one thread while the other core rests is as long as two side by side could last at
    the shortest: `at_best` is the ratio that nothing could exceed.
    """
    with seeds.workers(2, threads=1) as two, seeds.workers(1, threads=2) as one:
        times = pairs.in_turn(
            *(benchmark, size.slow_rounds, pairs.wall),
            side_by_side=lambda: two.train((0, 1), size.n_train),
            in_sequence=lambda: one.train((0, 1), size.n_train),
            alone=lambda: two.train((0,), size.n_train),
        )
    note(
        benchmark,
        "two seeds, one after the other : side by side",
        pairs.ratio(times, "in_sequence", "side_by_side"),
        at_least=1.15,
        aim=1.3,
        at_best=pairs.ratio(times, "in_sequence", "alone"),
    )


def test_notebooks(benchmark, size, tmp_path):
    """Imports, data, figures and what a chapter computes beside its runs."""
    shares: dict[str, float] = {}
    seconds = [0.0, 0.0]

    def execute(name: str, notebook) -> None:
        folder = Path(__file__).parents[1] if size.smoke else tmp_path
        training, total = notebooks.seconds(notebook, folder)
        shares[name] = 1 - training / total
        seconds[0] += training
        seconds[1] += total

    def execute_all() -> None:
        if size.smoke:
            execute("smoke", notebooks.smoke_notebook())
            return
        for path in notebooks.chapters():
            execute(path.stem, notebooks.read(path))

    benchmark.pedantic(execute_all, rounds=1)
    note(
        benchmark,
        "time of the notebooks that is not training",
        100 * (1 - seconds[0] / seconds[1]),
        at_most=25,
        aim=10,
        unit=" %",
        by_notebook={name: round(100 * share, 1) for name, share in shares.items()},
    )


def test_import(benchmark, size):
    """Fresh processes that have imported torch: lrlib, and in another the modules that train."""
    programs = {
        "lrlib": "import lrlib",
        "modules": "from lrlib import data, model, schedules, train",
    }
    times: dict[str, list[float]] = {name: [] for name in programs}

    def one_round() -> None:
        for name, program in programs.items():
            timed = (
                f"import time, torch; started = time.perf_counter(); {program}; "
                "print(time.perf_counter() - started)"
            )
            command = [sys.executable, "-c", timed]
            result = subprocess.run(command, check=True, capture_output=True, text=True)
            times[name].append(1000 * float(result.stdout))

    benchmark.pedantic(one_round, rounds=size.slow_rounds)
    note(
        *(benchmark, "import lrlib, beyond torch's own import", statistics.median(times["lrlib"])),
        at_most=50,
        aim=20,
        unit=" ms",
        with_what_trains=statistics.median(times["modules"]),
    )
