"""The sweep: train for some steps while the rate rises, and write down each loss."""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from lrlib._given import warn_of_what_is_left_out
from lrlib._interrupts import Interrupts
from lrlib._progress import Bar
from lrlib.finder.applied import Rates
from lrlib.finder.arguments import NEEDS_CLOSURE, check, grid, lr_ratios
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

    The test ends early at a loss that isn't finite, which is dropped. It also ends early if the
    smoothed loss rises far above its lowest value so far. The rise must exceed a sum: 3 times the
    fall from the start to that value, plus 10 times the noise, which is the standard deviation of
    one loss around the smoothed ones. The first 10 losses can't end it, and a constant added to all
    losses makes no difference. (Here the loss is smoothed by an exponential average with weight
    0.9, corrected for its start. Suggestions are read from the raw losses.)

    Afterwards these are bit for bit what they were, even after an exception or Ctrl-C, which is
    passed on:

    - of the model, and of a `loss_fn` that is a module: parameters, buffers, gradients, train and
      eval modes, all attributes, and the lists, dictionaries, sets, deques, queues, arrays,
      ctypes numbers and data classes in them;
    - the optimizer with its state and its attributes, and the optimizers that it wraps;
    - the attributes of the loader, its samplers, datasets and transforms, with lists, dictionaries,
      queues and one-dimensional arrays in them;
    - the global random generators of torch, CUDA, MPS, numpy and Python, and those that an argument
      holds, also in its attributes, in containers and in the closures of functions.

    Two things are restored only if you hand them over with `also`: what the model keeps in objects
    of other kinds than those above, and random generators in global variables or in attributes of
    classes. Nothing restores data that a transform changes in place, the variables of functions,
    files, and the generators of other libraries.

    During the test the model is in train mode, and gradients start from None. In addition to what
    training needs, the test holds a copy of the parameters, the buffers, the gradients, and the
    optimizer's state: with Adam, up to four times the size of the weights. At the second step it
    holds, for a moment, up to six copies of the weights more: that update is tried at two rates and
    undone, to check that it changes with the rate.

    Args:
        model: The model, a `torch.nn.Module`. It stays on its device, where the batches must be
            too, unless your `step_fn` moves them.
        optimizer: Any torch optimizer with a positive rate. If it has several parameter groups, the
            one with the largest rate gets the rates of the test, and the others keep their ratios
            to it. A scheduler may have moved the rates; then the ratios are those of the peaks that
            it keeps in the groups as `initial_lr`. An optimizer that wraps another must share its
            parameter groups, so that the rates reach it.
        loss_fn: Maps the model's output and y to a scalar tensor, as
            `torch.nn.functional.cross_entropy` does. It is handed to `step_fn`: `None` if yours
            needs none.
        loader: Batches, such as a `DataLoader` or a list. When it runs out, it is started again. An
            iterator is refused, since the test would use it up.
        start_lr: The first rate :math:`\eta_0`, positive. The defaults of both ends are those of
            the study's range tests, with SGD, AdamW, AdaGrad and RMSprop.
        end_lr: The last rate :math:`\eta_{n-1}`, finite and above `start_lr`.
        steps: The number of rates :math:`n`, at least 2; each costs one training step. A suggestion
            needs 30 or more, and on average lies nearer to the best rate with 300 than with 100.
        mode: "exponential", the first formula, or "linear", the second.
        step_fn: `step_fn(model, optimizer, loss_fn, batch)` makes one step and returns its loss, a
            float. Write your own for batches that are not (x, y), a model that computes its own
            loss, gradient accumulation, mixed precision, or an optimizer that needs a closure, as
            LBFGS and SAM do: see the last example.
        also: Other objects that `step_fn` changes, such as a `GradScaler`, a module, a scheduler or
            a random generator. They too are afterwards what they were.
        stop_early: Whether a rise of the loss ends the test, as said above. A loss that is not
            finite always does.

    Returns:
        The learning rates and the losses, and why the test ended. Its `suggest`, `explain` and
        `plot` read them.

    Raises:
        ValueError: An argument is of the wrong kind or out of range.
        ValueError: The optimizer has no positive rate, holds nothing that can be trained, wraps one
            that the rates don't reach, or needs a closure.
        ValueError: Something else, such as a scheduler, sets another rate before the update, or the
            update follows no rate that is set, as in Rprop.
        ValueError: A batch isn't a pair (x, y), or your `step_fn` doesn't return its loss.
        ValueError: The loss has no gradient, or a lazy module hasn't seen a batch yet.
        ValueError: The loader is empty, is or holds an iterator, runs in a thread, or can't be
            started again.
        ValueError: Something holds a queue that can't be filled again, such as a `SimpleQueue` or
            one between processes.

    Warns:
        UserWarning: A parameter of the model could be trained, and no optimizer holds it.

    Source:
        Smith (2017), section 3.3, for the test; fastai's `lr_find` for the exponential form.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(1, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> batches = [(torch.ones(8, 1), torch.zeros(8, 1))]
        >>> loss_fn = torch.nn.functional.mse_loss
        >>> test = range_test(
        ...     model, optimizer, loss_fn, batches, end_lr=0.1, steps=5
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
        >>> test = range_test(
        ...     model, lbfgs, loss_fn, batches, steps=5, step_fn=step_with_closure
        ... )
        >>> len(test.losses)
        5
    """
    lrs = grid(start_lr, end_lr, steps, mode)
    others = check(model, optimizer, loss_fn, loader, step_fn, also)
    optimizers = [thing for thing in (optimizer, *others) if hasattr(thing, "param_groups")]
    warn_of_what_is_left_out(model, optimizers, stacklevel=2)
    try_out = partial(no_trace, model, optimizer, loss_fn, (), step_fn, others)
    rates = Rates(optimizer, lr_ratios(optimizer), (float(lrs[0]), float(lrs[-1])), try_out)
    losses: list[float] = []
    watch = Watch()
    stopped = f"completed: all {len(lrs)} rates were tried"
    moved = False
    bar = Bar(len(lrs), "step")
    interrupts = Interrupts()
    guard = no_trace(model, optimizer, loss_fn, loader, step_fn, others)
    with bar, interrupts, guard as parameters_moved, rates, torch.enable_grad():
        try:
            interrupts.let_through()
            model.train()
            for lr, batch in zip(lrs.tolist(), _forever(loader), strict=False):
                rates.set(lr)
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
            rates.require_updates(moved)
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
                f"{type(optimizer).__name__} needs a closure; {NEEDS_CLOSURE}"
            ) from error
        raise
    try:
        return float(loss)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"step_fn must return its loss as a float, got {loss!r}") from error


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
