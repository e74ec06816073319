"""The sweep: train for some steps while the rate rises, and write down each loss."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm.auto import tqdm

from lrlib._interrupts import Interrupts
from lrlib.finder.arguments import check, grid, lr_ratios
from lrlib.finder.descent import Watch
from lrlib.finder.no_trace import no_trace
from lrlib.finder.result import RangeTest
from lrlib.step import train_step

StepFunction = Callable[[Any, Any, Any, Any], float]


def range_test(
    model: nn.Module,
    optimizer: Optimizer,
    loss_fn: Any,
    loader: Iterable[Any],
    *,
    start_lr: float = 1e-5,
    end_lr: float = 10.0,
    steps: int = 100,
    mode: str = "exponential",
    step_fn: StepFunction = train_step,
    also: Iterable[Any] = (),
    stop_early: bool = True,
) -> RangeTest:
    r"""Train with a rising learning rate, write down the loss, and leave no trace.

    .. math::
        \eta_i = \eta_0 \left(\frac{\eta_{n-1}}{\eta_0}\right)^{i / (n - 1)}
        \quad \text{or} \quad
        \eta_i = \eta_0 + (\eta_{n-1} - \eta_0) \frac{i}{n - 1}, \qquad i = 0, \dots, n - 1

    The test ends early at a loss that is not finite, which is dropped, or when the smoothed loss
    rises from its lowest by more than 3 times its fall until there, plus 10 times the noise of one
    loss; a number added to all losses changes nothing. The first 10 losses are not judged. This
    smoothing is an exponential average, weight 0.9, corrected for its start; it decides on nothing
    else.

    Afterwards these are bit for bit what they were, also after an exception or Ctrl-C, which are
    passed on:

    - of the model, and of a `loss_fn` that is a module: parameters, buffers, gradients, modes, all
      attributes, and the lists, dictionaries, sets, deques, arrays and data classes in them;
    - the optimizer with its state and its attributes, and the optimizers that it wraps;
    - the attributes of the loader, its samplers, datasets and transforms, with lists, dictionaries
      and one-dimensional arrays in them;
    - the global random generators of torch, CUDA, MPS, numpy and Python, and those that one gets to
      from an argument, through attributes, containers and the closures of functions.

    Not kept, unless handed over with `also`: what other objects in a module hold, and random
    generators in global variables or attributes of classes. Not kept at all: data that a transform
    changes in place, variables of functions, files, and other libraries' own generators.

    During the test the model is in train mode, and gradients start from None. Beside what training
    needs, the test holds a copy of the parameters, the buffers, the gradients, and the optimizer's
    state: with Adam, up to four times the size of the weights.

    Args:
        model: The model. It stays where it is; batches must be on its device.
        optimizer: Its parameter groups keep the ratios of their learning rates. One that wraps
            another must share its parameter groups, so that the rates reach it.
        loss_fn: Handed to `step_fn`; `None` where that needs none.
        loader: Batches, such as a `DataLoader` or a list. It is started again when it runs out. An
            iterator is refused, since the test would use it up.
        start_lr: The first rate :math:`\eta_0`, positive, of the group with the largest rate.
        end_lr: The last rate :math:`\eta_{n-1}`, above `start_lr`.
        steps: The number of rates :math:`n`, at least 2; a suggestion needs 30 or more.
        mode: "exponential" or "linear".
        step_fn: `step_fn(model, optimizer, loss_fn, batch)` makes one step and returns its loss, a
            float. Write your own for batches that are not (x, y), a model that computes its own
            loss, gradient accumulation, mixed precision, or an optimizer that needs a closure, as
            LBFGS and SAM do: see the last example.
        also: Other objects that `step_fn` changes, such as a `GradScaler`, a module, a scheduler or
            a random generator. They too are afterwards what they were.
        stop_early: Whether a rise of the loss ends the test, as said above. A loss that is not
            finite always does.

    Returns:
        The learning rates and the losses, and why the test ended.

    Raises:
        ValueError: An argument is of the wrong kind or out of range, the optimizer has no positive
            rate, or wraps one that the rates do not reach, or needs a closure; a lazy module has
            not seen a batch yet; the loader is empty, an iterator, or cannot be started again.

    Source:
        Smith (2017), section 3.3, for the test; fastai's `lr_find` for the exponential form.

    Example:
        >>> model = torch.nn.Linear(1, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> batches = [(torch.ones(8, 1), torch.zeros(8, 1))]
        >>> test = range_test(
        ...     model, optimizer, torch.nn.functional.mse_loss, batches, end_lr=0.1, steps=5
        ... )
        >>> test.lrs
        array([1.e-05, 1.e-04, 1.e-03, 1.e-02, 1.e-01])
        >>> test.stopped
        'completed: all 5 rates were tried'
        >>> optimizer.param_groups[0]["lr"]
        0.1

        A step for optimizers that need a closure; SAM needs the first gradient, too:

        >>> def step_with_closure(model, optimizer, loss_fn, batch):
        ...     def closure():
        ...         optimizer.zero_grad()
        ...         loss = loss_fn(model(batch[0]), batch[1])
        ...         loss.backward()
        ...         return loss
        ...
        ...     loss = closure().item()
        ...     optimizer.step(closure)
        ...     return loss
        >>> lbfgs = torch.optim.LBFGS(model.parameters())
        >>> loss_fn = torch.nn.functional.mse_loss
        >>> test = range_test(model, lbfgs, loss_fn, batches, steps=5, step_fn=step_with_closure)
        >>> len(test.losses)
        5
    """
    lrs = grid(start_lr, end_lr, steps, mode)
    others = check(model, optimizer, loss_fn, loader, step_fn, also)
    ratios = lr_ratios(optimizer)
    losses: list[float] = []
    watch = Watch()
    stopped = f"completed: all {len(lrs)} rates were tried"
    moved = False
    static = bool(os.environ.get("LRLIB_STATIC"))
    bar = tqdm(total=len(lrs), unit="step", leave=False, disable=static)
    interrupts = Interrupts()
    guard = no_trace(model, optimizer, loss_fn, loader, step_fn, others)
    with bar, interrupts, guard as parameters_moved, torch.enable_grad():
        try:
            interrupts.let_through()
            model.train()
            for lr, batch in zip(lrs.tolist(), _forever(loader), strict=False):
                _set_lr(optimizer, lr, ratios)
                loss = _one_step(step_fn, model, optimizer, loss_fn, batch)
                bar.update()
                if not math.isfinite(loss):
                    stopped = f"the loss was {loss} at the learning rate {lr:.3g}; it is left out"
                    break
                losses.append(loss)
                rise = watch.add(loss) if stop_early else ""
                if rise:
                    stopped = f"diverged at the learning rate {lr:.3g}: {rise}"
                    break
            moved = parameters_moved()
        finally:
            interrupts.held = True
    return RangeTest(lrs[: len(losses)], np.array(losses), stopped, moved, len(lrs))


def _one_step(step_fn: StepFunction, model: Any, optimizer: Any, loss_fn: Any, batch: Any) -> float:
    if step_fn is train_step and not (isinstance(batch, tuple | list) and len(batch) == 2):
        raise ValueError(
            f"without a step_fn, batches must be pairs (x, y), got {type(batch).__name__}; write a "
            "step_fn that takes yours"
        )
    try:
        loss = step_fn(model, optimizer, loss_fn, batch)
    except Exception as error:
        # Each optimizer that needs a closure says so in its own words.
        if step_fn is train_step and "closure" in str(error):
            raise ValueError(
                f"{type(optimizer).__name__} needs a closure; pass a step_fn that gives it one, as "
                "in the last example of range_test"
            ) from error
        raise
    try:
        return float(loss)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"step_fn must return its loss as a float, got {loss!r}") from error


def _set_lr(optimizer: Optimizer, lr: float, ratios: list[float]) -> None:
    for group, ratio in zip(optimizer.param_groups, ratios, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr * ratio)
        else:
            group["lr"] = lr * ratio


def _forever(loader: Iterable[Any]) -> Iterator[Any]:
    total = 0
    while True:
        before = total
        for batch in loader:
            total += 1
            yield batch
        if total == 0:
            raise ValueError("the loader gave no batch; check its data and its batch size")
        if total == before:
            raise ValueError(
                f"the loader ran out after {total} batches and cannot be started again; pass a "
                "DataLoader or a list of batches instead of an iterator, or fewer steps"
            )
