"""The training loop: it makes steps, judges each epoch, and writes down what happened."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm.auto import tqdm

from lrlib._interrupts import Interrupts
from lrlib._refusals import (
    require_epochs,
    require_influence,
    require_labelled_images,
    require_logits,
    require_parameters,
    require_rates,
    require_scheduler,
)
from lrlib.batches import Batches
from lrlib.budget import budget
from lrlib.history import History, drop_halves, plural, write_down
from lrlib.images import Images, Splits, normalise, require_images
from lrlib.step import make_step, train_step

__all__ = ["History", "budget", "evaluate", "fit", "train_step"]

# The history of the run that began last. Where Ctrl-C ends a run, its history is had from here.
last: History | None = None

# After how many steps `fit` reads the losses. A GPU works ahead of Python: each reading waits for
# it, so that readings are few. On a CPU a loss is there when its step is done.
_READ_EVERY = {"cpu": 1, "cuda": 50}


def _precision(device: torch.device) -> AbstractContextManager[object]:
    """Multiply in bfloat16 where a GPU is built for it; weights and losses stay float32."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0):
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def evaluate(model: nn.Module, images: Images) -> tuple[float, float]:
    """Return the mean loss and the accuracy of a model on images, in eval mode.

    The model's mode is afterwards what it was.

    Args:
        model: Maps (B, 3, 32, 32) float32 to logits (B, 10).
        images: The images to judge it by.

    Returns:
        The mean cross-entropy, a float, and the fraction that is right, a float in [0, 1].

    Raises:
        ValueError: There is no image, or the images are not uint8 of shape (N, 3, 32, 32), or the
            labels are not int64, one an image.

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
    require_images(images)
    parts = []
    with _judging(model), _precision(images.x.device):
        for x, y in zip(images.x.split(1000), images.y.split(1000), strict=True):
            logits = model(normalise(x))
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
    splits: Splits,
    *,
    epochs: int,
    scheduler: LRScheduler | None = None,
    batch_size: int = 128,
    augment: bool = True,
    seed: int = 0,
    on_step: Callable[[History], None] | None = None,
) -> History:
    """Train a model with cross-entropy and write down what happened.

    The scheduler is stepped after every optimizer step, never after an epoch. The exception is
    torch's `ReduceLROnPlateau`, which is stepped with the validation loss after each epoch. The
    learning rate in the history is read from the optimizer right before each step: it is the
    applied one.

    A loss that is not finite ends the run early: the reason is printed and stands in
    `History.stopped`, and what was recorded until then is returned. Ctrl-C, or a notebook's stop
    button, ends the run and all that would come after it, lest something be concluded from a run
    that was cut; `train.last` then holds what was recorded. With `on_step`, nothing is printed,
    there is no progress bar, and Ctrl-C ends the run alone: whoever watches reads why it ended.

    Args:
        model: Maps (B, 3, 32, 32) float32 to logits (B, 10). It is trained in place.
        optimizer: Holds the model's parameters, or those that are to be trained; its learning
            rates are positive.
        splits: From `data.load`. Training uses `train`, each epoch is judged on `val`, and `test`
            is left alone.
        epochs: Passes over the training images, at least 1.
        scheduler: A torch scheduler on `optimizer`. `None` leaves the rate as it is. With
            `ReduceLROnPlateau`, its `patience` counts epochs, and its `mode` is "min".
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
        ValueError: `epochs`, `batch_size` or a learning rate is out of range; the images are not
            uint8 or not as many as the labels; a label has no class; the optimizer holds no
            parameter that the model would learn with; the scheduler belongs to another optimizer,
            or its `step` needs more than `fit` has; the model's output does not fit the classes.
            Nothing has been changed by then.
        KeyboardInterrupt: Ctrl-C came, and nobody watched with `on_step`.

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
    global last
    _check(model, optimizer, splits, epochs, scheduler)
    batches = Batches(splits.train, batch_size, augment, seed)
    last = history = History(splits.name, len(splits.train.y), seed)
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
                if isinstance(scheduler, ReduceLROnPlateau):
                    scheduler.step(val_loss)
                bar.set_postfix(val_accuracy=f"{val_accuracy:.1%}")
    except KeyboardInterrupt:
        # It may have come while an optimizer had switched gradients off for its step.
        torch.set_grad_enabled(True)
        drop_halves(history)
        history.stopped = f"interrupted after {plural(len(history.step), 'step')}"
        if not watched:
            print(f"{history}. Its history is `train.last`.")
            raise
    if history.stopped and not watched:
        print(history)
    return history


def _train_epoch(
    model: nn.Module,
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    batches: Batches,
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
        losses.append(make_step(model, optimizer, functional.cross_entropy, batch, precision))
        read = number % read_every == 0 or number == len(batches)
        if read:
            write_down(history, rates, torch.stack(losses).tolist())
            rates, losses = [], []
            if history.stopped:
                return
        if scheduler is not None and not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()
        bar.update()
        if read and on_step is not None:
            on_step(history)


def _check(
    model: nn.Module,
    optimizer: Optimizer,
    splits: Splits,
    epochs: int,
    scheduler: LRScheduler | None,
) -> None:
    require_epochs(epochs)
    require_labelled_images(splits)
    require_rates(optimizer)
    trained = require_parameters(model, optimizer)
    if scheduler is not None:
        require_scheduler(scheduler, optimizer)
    with _judging(model), torch.enable_grad():
        # One image twice: a training set may consist of a single image.
        logits = model(normalise(splits.train.x[:1].repeat(2, 1, 1, 1)))
    require_logits(logits, splits)
    require_influence(logits, trained)
