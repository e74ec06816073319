"""Make one run of the study: train a network once, and say what is written down of it."""

import itertools
import math
import platform
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lrlib import finder
from lrlib._memory import keep_freed_memory
from lrlib.evidence.optimizers import OPTIMIZERS
from lrlib.evidence.rows import UNTESTED, Row
from lrlib.evidence.study import Run
from lrlib.evidence.tasks import Task
from lrlib.step import train_step


def make(run: Run) -> Row:
    """Train once and return what is written down of it."""
    keep_freed_memory()
    task, optimizer_name = run.where.task(), run.how.optimizer
    torch.manual_seed(run.seed)
    net = run.where.network(optimizer_name)
    make_optimizer = OPTIMIZERS[optimizer_name]
    lr, suggestions = run.peak_lr, {}
    if lr is None:
        suggestions = _suggestions(run, net, task)
        lr = suggestions["halfway"]
    optimizer = make_optimizer(net, lr, run.weight_decay)
    started = time.perf_counter()
    log = _train(run, net, optimizer, task)
    seconds = time.perf_counter() - started
    test_loss, test_accuracy = _tested(run, net, task, log)
    return Row(
        run=run,
        lr=lr,
        suggestions=suggestions,
        loss=_tenths(log.loss, run.where.judged_every),
        val_loss=[round(loss, 5) for loss in log.val_loss],
        val_accuracy=[round(accuracy, 6) for accuracy in log.val_accuracy],
        test_loss=test_loss,
        test_accuracy=test_accuracy,
        stopped=log.stopped,
        seconds=round(seconds, 1),
        dataset=task.dataset,
        data_md5=task.md5,
        machine=machine(),
        threads=torch.get_num_threads(),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        commit=commit(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class _Log:
    """What is known of a run while it goes on."""

    def __init__(self) -> None:
        self.loss: list[float] = []
        self.val_loss: list[float] = []
        self.val_accuracy: list[float] = []
        self.stopped = ""


def _train(run: Run, net: nn.Module, optimizer: Optimizer, task: Task) -> _Log:
    """Train to the end, or until a loss is not finite."""
    log = _Log()
    scheduler = run.how.scheduler(optimizer, run.steps)
    net.train()
    batches = task.batches(run.where.batch_size, run.seed)
    for step, batch in zip(range(1, run.steps + 1), batches, strict=False):
        lr = float(optimizer.param_groups[0]["lr"])
        log.loss.append(train_step(net, optimizer, task.loss, batch))
        if not math.isfinite(log.loss[-1]):
            log.stopped = (
                f"the loss was {log.loss[-1]} at step {step - 1}, where the learning rate was "
                f"{lr:.3g}"
            )
            return log
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()
        if step % run.where.judged_every == 0:
            _take_averaged_weights(optimizer, net, task.batches(run.where.batch_size, run.seed))
            _judge(net, task, log)
            if log.stopped or step == run.steps:
                return log
            _take_own_weights(optimizer)
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(log.val_loss[-1])
    return log


def _take_averaged_weights(
    optimizer: Optimizer, net: nn.Module, batches: Iterator[tuple[Tensor, Tensor]]
) -> None:
    """Schedule-free optimizers judge a mean of the weights, which no batch has seen so far.

    So batch normalisation counts anew, over 50 batches, as their authors advise.
    """
    if not hasattr(optimizer, "eval"):
        return
    optimizer.eval()
    with torch.no_grad():
        for x, _ in itertools.islice(batches, 50):
            net(x)


def _take_own_weights(optimizer: Optimizer) -> None:
    if hasattr(optimizer, "train"):
        optimizer.train()


def _judge(net: nn.Module, task: Task, log: _Log) -> None:
    loss, accuracy = task.judge(net, "val")
    if not math.isfinite(loss):
        log.stopped = f"the validation loss was {loss} after {len(log.loss)} steps"
        return
    log.val_loss.append(loss)
    if accuracy is not None:
        log.val_accuracy.append(accuracy)


def _tested(run: Run, net: nn.Module, task: Task, log: _Log) -> tuple[float | None, float | None]:
    """Judge on test data, once; never while a rate is tuned. What diverged counts as chance."""
    if run.stage in UNTESTED:
        return None, None
    by_accuracy = run.where.measure == "accuracy"
    if log.stopped:
        return (None, run.where.chance) if by_accuracy else (run.where.chance, None)
    loss, accuracy = task.judge(net, "test")
    return round(loss, 5), accuracy


def _suggestions(run: Run, net: nn.Module, task: Task) -> dict[str, float]:
    optimizer = OPTIMIZERS[run.how.optimizer](net, 0.1, run.weight_decay)
    batches = task.batches(run.where.batch_size, run.seed)
    test = finder.range_test(net, optimizer, task.loss, batches, steps=100)
    return {"halfway": float(f"{test.suggest('halfway'):.4g}")}


def _tenths(losses: Sequence[float], judged_every: int) -> list[float]:
    """Mean over each tenth of the time between judgements; the last one may be cut short."""
    tenth = judged_every / 10
    ends = np.arange(0, len(losses) + tenth, tenth).round().astype(int)
    parts = [losses[a:b] for a, b in itertools.pairwise(ends) if losses[a:b]]
    means = [float(np.mean(part)) for part in parts]
    return [round(mean, 4) for mean in means if np.isfinite(mean)]


@cache
def machine() -> str:
    """Name the processor and its instruction set, or the GPU."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    capability = torch.backends.cpu.get_cpu_capability()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {capability}"


@cache
def commit() -> str:
    """Name the commit of the code that runs, with "-dirty" where it was changed."""
    name = _git("describe", "--always", "--abbrev=12", "--exclude=*")
    # The rows themselves change with every run, and no run depends on them.
    changed = _git("status", "--porcelain", "--untracked-files=no", ":/", ":!recorded")
    return (name or "unknown") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout.strip()
