"""The training loop: it makes the steps, validates each epoch, and writes down the history."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lrlib._given import warn_of_what_is_left_out
from lrlib._interrupts import Interrupts
from lrlib._progress import Bar
from lrlib._refusals import (
    require_epochs,
    require_influence,
    require_kinds,
    require_labelled_images,
    require_logits,
    require_no_ascent,
    require_parameters,
    require_rates,
    require_scheduler,
    without_influence,
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

    Afterwards the model is in the mode, train or eval, that it was in.

    Args:
        model: Maps B images, float32 of shape (B, 3, 32, 32), to logits of shape (B, classes).
        images: The images to judge it by, with their labels, on the model's device.

    Returns:
        The mean cross-entropy, a float, and the fraction of images that is right, a float in
        [0, 1].

    Raises:
        ValueError: There is no image, the images are not uint8 of shape (N, 3, 32, 32), the labels
            are not int64 with one per image, or the two are on different devices.

    Example:
        >>> import torch
        >>> from lrlib import data
        >>> x = torch.zeros(8, 3, 32, 32, dtype=torch.uint8)
        >>> images = data.Images(x, torch.arange(8))
        >>> linear = torch.nn.Linear(3072, 10)
        >>> _ = torch.nn.init.zeros_(linear.weight)
        >>> _ = torch.nn.init.zeros_(linear.bias)
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), linear)
        >>> # Of ten equal logits the first wins: the guess is class 0.
        >>> loss, accuracy = evaluate(net, images)
        >>> round(loss, 4), accuracy
        (2.3026, 0.125)
    """
    require_images(images)
    parts = []
    with _mode(model, training=False), torch.no_grad(), _precision(images.x.device):
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
def _mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Train or eval mode; afterwards each module is in the mode it was in.

    Ctrl-C waits until then.
    """
    modes = {module: module.training for module in model.modules()}
    with Interrupts():
        try:
            model.train(training)
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
    augment: bool = False,
    seed: int = 0,
    on_step: Callable[[History], None] | None = None,
) -> History:
    """Train a model with cross-entropy and return the history of the run.

    The scheduler is stepped after every optimizer step, except for torch's `ReduceLROnPlateau`,
    which is stepped with the validation loss after each epoch. The learning rate in the history is
    read from the optimizer right before each step, so it is the one that was applied.

    A loss that isn't finite ends the run early: the history until then is returned, and the reason
    is printed and kept in `History.stopped`. Ctrl-C, or a notebook's stop button, raises
    `KeyboardInterrupt`, so that no later cell concludes anything from half a run; `train.last` then
    holds the history. If you pass `on_step`, nothing is printed, there is no progress bar, and
    after Ctrl-C the history is returned like any other.

    Args:
        model: Maps B images, float32 of shape (B, 3, 32, 32), to logits of shape (B, classes). It
            is trained in place, and has to be on the images' device.
        optimizer: Holds the model's parameters, or those that you want to train; its learning
            rates are positive.
        splits: From `data.load`. Training uses `train`, each epoch is judged on `val`, and `test`
            isn't used.
        epochs: Passes over the training images, a whole number, at least 1.
        scheduler: A torch scheduler on `optimizer`, such as `LambdaLR(optimizer, schedule)`. `None`
            leaves the rate as it is. A `ReduceLROnPlateau` must have the mode "min", and its
            `patience` counts epochs.
        batch_size: Images in a batch, from 1 to the number of training images.
        augment: Whether training images are shifted and mirrored, as in `data.Batches`. In runs
            of a few epochs this costs accuracy; in long ones it usually helps.
        seed: Decides the order of the images, the augmentation and the dropout, an integer. The
            weights aren't drawn here: call `torch.manual_seed` before you make the model.
            Afterwards torch's global random state is what it was.
        on_step: Called with the history so far, for instance to draw a curve as it grows: after
            every step on a CPU; on a GPU, which waits for each reading, after every 50 steps and at
            the end of each epoch. What it raises is passed on; a `KeyboardInterrupt` ends the run
            like Ctrl-C.

    Returns:
        The history of the run: rates and losses step by step, validation results epoch by epoch.

    Raises:
        ValueError: An argument is of the wrong kind, such as a class where an object is wanted;
            `epochs`, `batch_size`, `seed` or a learning rate is out of range; the images or labels
            aren't what `data.Images` describes, or are on two devices; a label has no class in
            `splits.classes`; the optimizer needs a closure, or holds no parameter that the model's
            output depends on; the scheduler belongs to another optimizer, its `step` needs an
            argument, or it is a `ReduceLROnPlateau` whose mode isn't "min"; the model doesn't give
            one logit per class. Nothing has changed by then. A rate that the scheduler makes
            negative or infinite during the run is refused when it comes, before its step.
        KeyboardInterrupt: Ctrl-C was pressed, and there is no `on_step`.

    Warns:
        UserWarning: A parameter of the model could be trained, and the optimizer doesn't hold it;
            or the optimizer holds it, and it gets no gradient.

    Example:
        >>> import torch
        >>> from lrlib import data
        >>> x = torch.zeros(256, 3, 32, 32, dtype=torch.uint8)
        >>> black = data.Images(x, torch.arange(256) % 10)
        >>> names = tuple("abcdefghij")
        >>> splits = data.Splits(black, black, black, "black images", names)
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
        >>> history = fit(net, optimizer, splits, epochs=2)
        >>> len(history.lr), len(history.val_accuracy)
        (4, 2)
    """
    global last
    require_kinds(model, optimizer, splits, on_step)
    _check(model, optimizer, splits, epochs, scheduler)
    batches = Batches(splits.train, batch_size, augment, seed)
    last = history = History(splits.name, len(splits.train.y), batches.seed)
    # Whoever watches the steps shows the progress, and the end, in a way of their own.
    watched = on_step is not None
    bar = Bar(epochs * len(batches), "step", disable=watched)
    try:
        with bar, torch.random.fork_rng():
            torch.manual_seed(batches.seed)
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
    bar: Bar,
    on_step: Callable[[History], None] | None,
) -> None:
    model.train()
    device = batches.images.x.device
    read_every, precision = _READ_EVERY.get(device.type, 1), _precision(device)
    rates: list[float] = []
    losses: list[Tensor] = []  # on the device, not read yet
    for number, batch in enumerate(batches, start=1):
        require_no_ascent(optimizer, len(history.step) + len(rates))
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
    # One image twice: a training set may consist of a single image.
    images = normalise(splits.train.x[:1].repeat(2, 1, 1, 1))
    with _mode(model, training=False), torch.enable_grad():
        logits = model(images)
    require_logits(logits, splits)
    cut_off = without_influence(logits, trained)
    if cut_off and not isinstance(model, torch.jit.ScriptModule):
        # A model may use a layer, or have gradients, in train mode alone.
        cut_off = without_influence(_logits_in_training(model, images), cut_off)
    require_influence(model, trained, cut_off)
    warn_of_what_is_left_out(model, [optimizer], stacklevel=3)


def _logits_in_training(model: nn.Module, images: Tensor) -> Tensor:
    """Return the output in train mode; averages over batches and generators are left alone."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    with _mode(model, training=True), torch.enable_grad(), torch.random.fork_rng():
        logits: Tensor = functional_call(model, buffers, images)
    return logits
