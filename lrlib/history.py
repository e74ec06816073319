"""The history of a training run, which its figures are drawn from, and how it is written."""

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """What happened in a run, step by step and epoch by epoch.

    Args:
        dataset: The data set's name, "CIFAR-10" or "Shapes-10".
        n_train: How many training images there are.
        seed: The seed of the run.
        step: The steps, counted from 0; one int per step.
        lr: The learning rate of the first parameter group, read from the optimizer right before
            the step that used it; one float per step.
        loss: The mean training loss of the step's batch, before its update; one float per step.
        epoch_end: How many steps were done when the epoch ended; one int per epoch.
        val_loss: The mean validation loss after the epoch; one float per epoch.
        val_accuracy: The fraction of validation images that are right, in [0, 1]; one float per
            epoch.
        stopped: Why the run ended early, in a sentence; empty if it didn't.

    Example:
        >>> history = History("CIFAR-10", n_train=15_000, seed=0)
        >>> history.step, history.val_accuracy
        ([], [])
        >>> print(history)
        CIFAR-10, 15,000 images, 0 steps, seed 0: no epoch finished
    """

    dataset: str
    n_train: int
    seed: int
    step: list[int] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    epoch_end: list[int] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    stopped: str = ""

    @property
    def setting(self) -> str:
        """Data set, training images and epochs, as in "CIFAR-10, 15,000 images, 3 epochs".

        As long as no epoch is finished, the steps are counted.
        """
        epochs = plural(len(self.epoch_end), "epoch")
        length = epochs if self.epoch_end else plural(len(self.step), "step")
        return f"{self.dataset}, {self.n_train:,} images, {length}"

    def __str__(self) -> str:
        if self.val_accuracy:
            result = f"validation accuracy {self.val_accuracy[-1]:.1%}"
        else:
            result = "no epoch finished"
        reason = f". Stopped: {self.stopped}" if self.stopped else ""
        return f"{self.setting}, seed {self.seed}: {result}{reason}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 step, 2 steps."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def write_down(history: History, rates: list[float], losses: list[float]) -> None:
    """Append steps to a history; one whose loss is not finite is the last, and stops the run."""
    for lr, loss in zip(rates, losses, strict=True):
        history.step.append(len(history.step))
        history.lr.append(lr)
        history.loss.append(loss)
        if not math.isfinite(loss):
            history.stopped = (
                f"the loss was {loss} at step {history.step[-1]}, where the learning rate was "
                f"{lr:.3g}; lower the peak rate or warm up to it"
            )
            return


def drop_halves(history: History) -> None:
    """Leave out a last step, and a last epoch, that Ctrl-C kept from being written down whole."""
    _cut_to_shortest(history.step, history.lr, history.loss)
    _cut_to_shortest(history.epoch_end, history.val_loss, history.val_accuracy)


def _cut_to_shortest(*columns: list[Any]) -> None:
    length = min(len(column) for column in columns)
    for column in columns:
        del column[length:]
