"""What a range test can work with: an argument that is refused is named, with its value."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import nn
from torch.optim import Optimizer

from lrlib._given import described, require_loss_function, require_no_closure
from lrlib.finder.no_trace import inner_optimizers
from lrlib.step import train_step

NEEDS_CLOSURE = "pass a step_fn that passes one, as in the last example of range_test"


def check(
    model: Any, optimizer: Any, loss_fn: Any, loader: Any, step_fn: Any, also: Any
) -> list[Any]:
    """Refuse arguments that no test can work with, and return `also` as a list."""
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model must be a torch.nn.Module, got {_kind(model)}; put bare tensors into a "
            "torch.nn.ParameterList"
        )
    if not isinstance(getattr(optimizer, "param_groups", None), list):
        raise ValueError(
            "optimizer must be one of torch.optim, or have param_groups as these do, got "
            f"{_kind(optimizer)}"
        )
    _require_trainable(optimizer)
    if not callable(step_fn):
        raise ValueError(
            f"step_fn must be a function, got {step_fn!r}; leave it out for batches (x, y)"
        )
    if step_fn is train_step:
        require_loss_function(loss_fn)
        require_no_closure(optimizer, NEEDS_CLOSURE)
    if isinstance(loader, type) or not (
        hasattr(loader, "__iter__") or hasattr(loader, "__getitem__")
    ):
        raise ValueError(
            f"loader must be a DataLoader or a list of batches, got {described(loader)}; put a "
            "single batch into a list"
        )
    if not isinstance(also, Iterable):
        raise ValueError(f"also must be a list of objects, got {also!r}; put it into a list")
    reached = {id(group) for group in optimizer.param_groups}
    for inner in inner_optimizers(optimizer):
        if not {id(group) for group in inner.param_groups} <= reached:
            raise ValueError(
                f"the optimizer, {type(optimizer).__name__}, wraps {type(inner).__name__} without "
                "sharing its parameter groups, so that no rate would reach it; let the wrapper's "
                "param_groups be those of the inner one, or pass the inner one"
            )
    return list(also)


def _kind(value: Any) -> str:
    return described(value) if isinstance(value, type) else type(value).__name__


def _require_trainable(optimizer: Optimizer) -> None:
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not [parameter for parameter in held if parameter.requires_grad]:
        raise ValueError(
            "the optimizer must hold parameters that can be trained, got "
            f"{len(held)}, each with requires_grad=False; call requires_grad_(True) on the layers "
            "to train"
        )


def grid(start_lr: float, end_lr: float, steps: int, mode: str) -> np.ndarray:
    """Return the rates of a test."""
    try:
        first, last = float(start_lr), float(end_lr)
    except (TypeError, ValueError):
        first = last = math.nan
    if not 0 < first < last < math.inf:
        raise ValueError(
            "the rates must fulfil 0 < start_lr < end_lr < infinity, got "
            f"start_lr={start_lr!r} and end_lr={end_lr!r}; leave both out for 1e-05 to 10"
        )
    try:
        count = operator.index(steps)
    except TypeError:
        count = 0
    if count < 2:
        raise ValueError(f"steps must be a whole number, at least 2, got {steps!r}; try 100")
    if mode == "exponential":
        return np.geomspace(first, last, count)
    if mode == "linear":
        return np.linspace(first, last, count)
    raise ValueError(f"mode must be 'exponential' or 'linear', got {mode!r}")


def lr_ratios(optimizer: Optimizer) -> list[float]:
    """Return the peak rate of each parameter group, divided by the largest.

    A scheduler keeps a group's peak in `initial_lr`, and may have moved the groups apart since.
    """
    rates = [
        float(group.get("initial_lr") or group.get("lr") or 0.0) for group in optimizer.param_groups
    ]
    peak = max(rates, default=0.0)
    if not peak > 0 or not all(0 <= rate < math.inf for rate in rates):
        raise ValueError(
            "each lr of the optimizer must be finite and not negative, and one of them positive, "
            f"got the rates {rates}; make the optimizer with the rates that its groups are to have "
            "at their peak"
        )
    return [rate / peak for rate in rates]
