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
) -> RangeTest:
    r"""Train with a rising learning rate, write down the loss, and leave no trace.

    .. math::
        \eta_i = \eta_0 \left(\frac{\eta_{n-1}}{\eta_0}\right)^{i / (n - 1)}
        \quad \text{or} \quad
        \eta_i = \eta_0 + (\eta_{n-1} - \eta_0) \frac{i}{n - 1}, \qquad i = 0, \dots, n - 1

    The test ends early at a loss that is not finite, which is dropped, or when the smoothed loss
    passes 4 times its best (for a best below zero: rises by 3 times its size). This smoothing is
    an exponential average, weight 0.9, corrected for its start; it decides on nothing else.

    Afterwards these are bit for bit what they were, also after an exception or Ctrl-C, which are
    passed on: parameters, buffers, gradients, train and eval modes and other attributes of the
    modules; the optimizer with its state; the random generators of torch, CUDA, numpy, Python and
    the loader. During the test the model is in train mode, and gradients start from None.

    Args:
        model: The model. It stays where it is; batches must be on its device.
        optimizer: Its parameter groups keep the ratios of their learning rates.
        loss_fn: Handed to `step_fn`; `None` where that needs none.
        loader: Batches, such as a `DataLoader` or a list. It is started again when it runs out.
        start_lr: The first rate :math:`\eta_0`, positive, of the group with the largest rate.
        end_lr: The last rate :math:`\eta_{n-1}`, above `start_lr`.
        steps: The number of rates :math:`n`, at least 2; a suggestion needs 30 or more.
        mode: "exponential" or "linear".
        step_fn: `step_fn(model, optimizer, loss_fn, batch)` makes one step and returns its loss, a
            float. Write your own for batches that are not (x, y), a model that computes its own
            loss, gradient accumulation, or mixed precision.
        also: Other objects that `step_fn` changes, such as a `GradScaler`, a module or a
            scheduler. They too are afterwards what they were.

    Returns:
        The learning rates and the losses, and why the test ended.

    Raises:
        ValueError: An argument is out of range, the optimizer has no positive rate, a lazy module
            has not seen a batch yet, or the loader is empty or cannot be started again.

    Source:
        Smith (2017), section 3.3, for the test; fastai's `lr_find` for the exponential form and
        the factor 4.

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
    """
    lrs = _grid(start_lr, end_lr, steps, mode)
    ratios = _lr_ratios(optimizer)
    losses: list[float] = []
    stopped = f"completed: all {steps} rates were tried"
    average, best = 0.0, math.inf
    bar = tqdm(total=steps, unit="step", leave=False, disable=bool(os.environ.get("LRLIB_STATIC")))
    interrupts = Interrupts()
    guard = no_trace(model, optimizer, loss_fn, loader, list(also))
    with bar, interrupts, guard, torch.enable_grad():
        try:
            interrupts.let_through()
            model.train()
            for lr, batch in zip(lrs.tolist(), _forever(loader), strict=False):
                _set_lr(optimizer, lr, ratios)
                loss = float(step_fn(model, optimizer, loss_fn, batch))
                bar.update()
                if not math.isfinite(loss):
                    stopped = f"the loss was {loss} at the learning rate {lr:.3g}; it is left out"
                    break
                losses.append(loss)
                average = 0.9 * average + 0.1 * loss
                smoothed = average / (1 - 0.9 ** len(losses))
                best = min(best, smoothed)
                if smoothed > best + 3 * abs(best):
                    stopped = (
                        f"diverged at the learning rate {lr:.3g}: the smoothed loss, "
                        f"{smoothed:.3g}, passed 4 times its best, {best:.3g}"
                    )
                    break
        finally:
            interrupts.held = True
    return RangeTest(lrs[: len(losses)], np.array(losses), stopped)


def _grid(start_lr: float, end_lr: float, steps: int, mode: str) -> np.ndarray:
    if not 0 < start_lr < end_lr < math.inf:
        raise ValueError(
            "the rates must fulfil 0 < start_lr < end_lr < infinity, got "
            f"start_lr={start_lr!r} and end_lr={end_lr!r}"
        )
    if not isinstance(steps, int) or steps < 2:
        raise ValueError(f"steps must be a whole number, at least 2, got {steps!r}; try 100")
    if mode == "exponential":
        return np.geomspace(start_lr, end_lr, steps)
    if mode == "linear":
        return np.linspace(start_lr, end_lr, steps)
    raise ValueError(f"mode must be 'exponential' or 'linear', got {mode!r}")


def _lr_ratios(optimizer: Optimizer) -> list[float]:
    rates = [float(group.get("lr") or 0.0) for group in optimizer.param_groups]
    peak = max(rates, default=0.0)
    if not 0 < peak < math.inf:
        raise ValueError(
            "the optimizer needs a parameter group with a positive, finite lr, got the rates "
            f"{rates}; a warm-up that starts at zero must be attached after the test"
        )
    return [rate / peak for rate in rates]


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
