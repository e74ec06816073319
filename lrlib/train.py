"""The training loop, and the history that every figure is drawn from."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm.auto import tqdm

from lrlib import data
from lrlib._interrupts import Interrupts

LossFunction = Callable[[Tensor, Tensor], Tensor]

# After how many steps `fit` reads the losses. A GPU works ahead of Python: each reading waits for
# it, so that readings are few. On a CPU a loss is there when its step is done.
_READ_EVERY = {"cpu": 1, "cuda": 50}


class _Budget(NamedTuple):
    """How much data and time the runs of a notebook get.

    Args:
        name: "quick" or "full".
        n_train: Training images.
        epochs: Passes over them.
    """

    name: str
    n_train: int
    epochs: int


_BUDGETS = (_Budget("quick", n_train=15_000, epochs=3), _Budget("full", n_train=45_000, epochs=10))


def budget() -> _Budget:
    """Read the budget of the notebooks' runs from the environment.

    `LRLIB_BUDGET` is `quick` (the default) or `full`. Both run the same code.

    Returns:
        The budget, with the fields name, n_train and epochs.

    Raises:
        ValueError: `LRLIB_BUDGET` is neither.

    Example:
        >>> name, n_train, epochs = budget()
        >>> (n_train, epochs) == {"quick": (15_000, 3), "full": (45_000, 10)}[name]
        True
    """
    name = os.environ.get("LRLIB_BUDGET", "quick")
    for choice in _BUDGETS:
        if choice.name == name:
            return choice
    raise ValueError(
        f"LRLIB_BUDGET must be quick or full, got {name!r}; change it, or unset it for quick"
    )


@dataclass
class History:
    """What happened in a run, step by step and epoch by epoch.

    Args:
        dataset: The data set's name, "CIFAR-10" or "Shapes-10".
        n_train: Training images.
        seed: The seed of the run.
        step: The steps from 0, int, one a step.
        lr: The learning rate of the first parameter group, read from the optimizer right before
            the step that used it, float, one a step.
        loss: The mean training loss of the batch, before its update, float, one a step.
        epoch_end: How many steps were done when each epoch ended, int, one an epoch.
        val_loss: The mean validation loss after each epoch, float, one an epoch.
        val_accuracy: The fraction of validation images that are right, in [0, 1], one an epoch.
        stopped: Why the run ended before its last epoch, a sentence; empty if it did not.

    Example:
        >>> history = History("CIFAR-10", n_train=15_000, seed=0)
        >>> history.step, history.val_accuracy
        ([], [])
        >>> print(history)
        CIFAR-10, 15,000 images, 0 epochs, seed 0: no epoch finished
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
        """The data set and budget in one line, for captions."""
        return f"{self.dataset}, {self.n_train:,} images, {_plural(len(self.epoch_end), 'epoch')}"

    def __str__(self) -> str:
        if self.val_accuracy:
            result = f"validation accuracy {self.val_accuracy[-1]:.1%} after the last epoch"
        else:
            result = "no epoch finished"
        reason = f". Stopped: {self.stopped}" if self.stopped else ""
        return f"{self.setting}, seed {self.seed}: {result}{reason}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def train_step(
    model: nn.Module, optimizer: Optimizer, loss_fn: LossFunction, batch: tuple[Tensor, Tensor]
) -> float:
    r"""Make one optimizer step on one batch.

    .. math:: \theta \leftarrow \theta - \eta \, \nabla_\theta L(\theta) \quad \text{for plain SGD}

    Args:
        model: Maps x to logits. It is used in the mode, train or eval, that it is in.
        optimizer: Holds the model's parameters and the learning rate :math:`\eta`.
        loss_fn: Maps (logits, y) to a scalar, such as `torch.nn.functional.cross_entropy`.
        batch: x and y, on the model's device.

    Returns:
        The loss before the update, a float.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.constant_(model.weight, 1.0)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
        >>> x, y = torch.tensor([[1.0]]), torch.tensor([[0.0]])
        >>> train_step(model, optimizer, torch.nn.functional.mse_loss, (x, y))
        1.0
        >>> model.weight.item()
        0.5
    """
    return _step(model, optimizer, loss_fn, batch, nullcontext()).item()


def _step(
    model: nn.Module,
    optimizer: Optimizer,
    loss_fn: LossFunction,
    batch: tuple[Tensor, Tensor],
    precision: AbstractContextManager[object],
) -> Tensor:
    """Make a step without waiting for its loss, which stays on the device."""
    x, y = batch
    optimizer.zero_grad()
    with precision:
        loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def _precision(device: torch.device) -> AbstractContextManager[object]:
    """Multiply in bfloat16 where a GPU is built for it; weights and losses stay float32."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0):
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def evaluate(model: nn.Module, images: data.Images) -> tuple[float, float]:
    """Return the mean loss and the accuracy of a model on images, in eval mode.

    The model's mode is afterwards what it was.

    Args:
        model: Maps (B, 3, 32, 32) float32 to logits (B, 10).
        images: The images to judge it by.

    Returns:
        The mean cross-entropy, a float, and the fraction that is right, a float in [0, 1].

    Example:
        >>> import torch
        >>> from lrlib import data
        >>> images = data.Images(torch.zeros(8, 3, 32, 32, dtype=torch.uint8), torch.arange(8))
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
        >>> _ = torch.nn.init.zeros_(net[1].weight), torch.nn.init.zeros_(net[1].bias)
        >>> loss, accuracy = evaluate(net, images)  # ten equal logits: the guess is always class 0
        >>> round(loss, 4), accuracy
        (2.3026, 0.125)
    """
    parts = []
    with _judging(model), _precision(images.x.device):
        for x, y in zip(images.x.split(1000), images.y.split(1000), strict=True):
            logits = model(data._normalise(x))
            loss = functional.cross_entropy(logits, y, reduction="sum")
            parts.append(torch.stack([loss.double(), (logits.argmax(dim=1) == y).sum()]))
    loss_sum, right = 0.0, 0.0
    for loss_of_part, right_of_part in torch.stack(parts).tolist():  # a GPU is waited for once
        loss_sum += loss_of_part
        right += right_of_part
    return loss_sum / len(images.y), right / len(images.y)


@contextmanager
def _judging(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; afterwards each module is in the mode it was in.

    Ctrl-C waits until then.
    """
    modes = {module: module.training for module in model.modules()}
    with Interrupts():
        try:
            with torch.no_grad():
                model.eval()
                yield
        finally:
            for module, training in modes.items():
                module.training = training


def fit(
    model: nn.Module,
    optimizer: Optimizer,
    splits: data.Splits,
    *,
    epochs: int,
    scheduler: LRScheduler | None = None,
    batch_size: int = 128,
    augment: bool = True,
    seed: int = 0,
    on_step: Callable[[History], None] | None = None,
) -> History:
    """Train a model with cross-entropy and write down what happened.

    The scheduler is stepped after every optimizer step, never after an epoch. The learning rate in
    the history is read from the optimizer right before each step: it is the applied one.

    Ctrl-C, or a loss that is not finite, ends the run early. The reason is printed and stands in
    `History.stopped`; what was recorded until then is returned. With `on_step`, nothing is printed
    and there is no progress bar.

    Args:
        model: Maps (B, 3, 32, 32) float32 to logits (B, 10). It is trained in place.
        optimizer: Holds the model's parameters; its learning rates are positive.
        splits: From `data.load`. Training uses `train`, each epoch is judged on `val`, and `test`
            is left alone.
        epochs: Passes over the training images, at least 1.
        scheduler: A torch scheduler on `optimizer`. `None` leaves the rate as it is.
        batch_size: Images in a batch, from 1 to the number of training images.
        augment: Whether training images are shifted and mirrored.
        seed: Decides the order of the images, the augmentation and the dropout. The global random
            state is afterwards what it was.
        on_step: Called with the history so far, for instance to draw a curve as it grows: after
            every step on a CPU, after every 50 steps on a GPU, which waits for each reading. What
            it raises is passed on; a `KeyboardInterrupt` ends the run like Ctrl-C.

    Returns:
        The history of the run.

    Raises:
        ValueError: `epochs`, `batch_size` or a learning rate is out of range, the scheduler
            belongs to another optimizer, or the model's output does not fit the classes.

    Example:
        >>> import torch
        >>> from lrlib import data
        >>> x = torch.zeros(256, 3, 32, 32, dtype=torch.uint8)
        >>> black = data.Images(x, torch.arange(256) % 10)
        >>> splits = data.Splits(black, black, black, "black images", tuple("abcdefghij"))
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
        >>> history = fit(net, optimizer, splits, epochs=2)
        >>> len(history.lr), len(history.val_accuracy)
        (4, 2)
    """
    _check(model, optimizer, splits, epochs, scheduler)
    batches = data.Batches(splits.train, batch_size, augment, seed)
    history = History(splits.name, len(splits.train.y), seed)
    # The bar is off while the book is built: a page shows the end of a run, not its progress.
    # Whoever watches the steps shows the progress, and the end, in a way of their own.
    watched = on_step is not None
    bar = tqdm(
        total=epochs * len(batches),
        unit="step",
        leave=False,
        disable=watched or bool(os.environ.get("LRLIB_STATIC")),
    )
    try:
        with bar, torch.random.fork_rng():
            torch.manual_seed(seed)
            for _ in range(epochs):
                _train_epoch(model, optimizer, scheduler, batches, history, bar, on_step)
                if history.stopped:
                    break
                val_loss, val_accuracy = evaluate(model, splits.val)
                history.epoch_end.append(len(history.step))
                history.val_loss.append(val_loss)
                history.val_accuracy.append(val_accuracy)
                bar.set_postfix(val_accuracy=f"{val_accuracy:.1%}")
    except KeyboardInterrupt:
        # It may have come while an optimizer had switched gradients off for its step.
        torch.set_grad_enabled(True)
        # It may have come between two entries that belong together.
        _cut_to_shortest(history.step, history.lr, history.loss)
        _cut_to_shortest(history.epoch_end, history.val_loss, history.val_accuracy)
        history.stopped = f"interrupted after {_plural(len(history.step), 'step')}"
    if history.stopped and not watched:
        print(history)
    return history


def _train_epoch(
    model: nn.Module,
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    batches: data.Batches,
    history: History,
    bar: "tqdm[None]",
    on_step: Callable[[History], None] | None,
) -> None:
    model.train()
    device = batches.images.x.device
    read_every, precision = _READ_EVERY.get(device.type, 1), _precision(device)
    rates: list[float] = []
    losses: list[Tensor] = []  # on the device, not read yet
    for number, batch in enumerate(batches, start=1):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        losses.append(_step(model, optimizer, functional.cross_entropy, batch, precision))
        read = number % read_every == 0 or number == len(batches)
        if read:
            _write_down(history, rates, torch.stack(losses).tolist())
            rates, losses = [], []
            if history.stopped:
                return
        if scheduler is not None:
            scheduler.step()
        bar.update()
        if read and on_step is not None:
            on_step(history)


def _write_down(history: History, rates: list[float], losses: list[float]) -> None:
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


def _cut_to_shortest(*columns: list[Any]) -> None:
    length = min(len(column) for column in columns)
    for column in columns:
        del column[length:]


def _check(
    model: nn.Module,
    optimizer: Optimizer,
    splits: data.Splits,
    epochs: int,
    scheduler: LRScheduler | None,
) -> None:
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    for number, group in enumerate(optimizer.param_groups):
        # A scheduler keeps the rate it was given in initial_lr; the present one may be zero.
        lr = float(group.get("initial_lr", group["lr"]))
        if not 0 < lr < math.inf:
            raise ValueError(
                f"the learning rate must be positive and finite, got {lr} in parameter group "
                f"{number}; pass another lr to the optimizer"
            )
    if scheduler is not None and scheduler.optimizer is not optimizer:
        raise ValueError(
            "the scheduler belongs to another optimizer, so it would change nothing here; "
            "make it from the optimizer that is passed to fit"
        )
    with _judging(model):
        logits = model(data._normalise(splits.train.x[:2]))
    expected = (2, len(splits.classes))
    if tuple(logits.shape) != expected:
        raise ValueError(
            f"the model's output for two images has shape {tuple(logits.shape)}, expected "
            f"{expected}: one logit for each of the {len(splits.classes)} classes; "
            "change the size of its last layer"
        )
