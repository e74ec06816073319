"""The guard: whatever happens inside it, afterwards everything is what it was."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import IOBase
from itertools import chain
from threading import Thread
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from lrlib.finder import reach
from lrlib.finder.contents import keep_contents, large
from lrlib.finder.generators import is_generator, keep_generators


@contextmanager
def no_trace(
    model: nn.Module, optimizer: Optimizer, loss_fn: Any, loader: Any, step_fn: Any, also: list[Any]
) -> Iterator[Callable[[], bool]]:
    """Undo what happens in the block, whichever way it ends: the last thing kept comes back first.

    Nothing is exchanged for a copy of it, since others may hold it: what can change keeps its
    identity, and its contents are written back. The block gets a function that says whether a
    parameter of the optimizer has changed.
    """
    for thing in also:
        if not (hasattr(thing, "__dict__") or is_generator(type(thing))):
            raise ValueError(f"also takes objects such as a GradScaler, got {thing!r}")
    with ExitStack() as undo:
        keep_generators(undo, (model, optimizer, loss_fn, loader, step_fn, *also))
        modules = [model, loss_fn] if isinstance(loss_fn, nn.Module) else [model]
        for thing in reach.reach([loader], reach.gives_batches):
            _refuse_loader(thing)
            _keep_order(undo, thing)
            if isinstance(thing, nn.Module):  # a transform
                modules.append(thing)
        groups = [group for thing in (optimizer, *also) for group in _groups(thing)]
        seen: dict[int, Any] = {}
        values: dict[int, Tensor] = {}
        everything = reach.reach([optimizer, *groups, *also], reach.anything, seen)
        for thing in chain(everything, reach.reach(modules, reach.plain_data, seen)):
            if isinstance(thing, Tensor):
                values[id(thing)] = _keep_tensor(undo, thing)
            else:
                keep_contents(undo, thing)
        own = [p for group in _groups(optimizer) for p in group["params"]]

        def moved(parameter: Tensor) -> bool:
            return not torch.equal(parameter, values[id(parameter)])

        yield lambda: any(map(moved, own))  # Ctrl-C is lost where Python ends a generator early


def inner_optimizers(optimizer: Any) -> list[Any]:
    """Return the optimizers that an optimizer keeps in its attributes."""
    found = reach.reach([optimizer], reach.anything)
    return [thing for thing in found if isinstance(thing, Optimizer) and thing is not optimizer]


def _groups(thing: Any) -> list[dict[str, Any]]:
    return list(getattr(thing, "param_groups", ()))


def _refuse_loader(thing: Any) -> None:
    """Refuse what a test would use up for good, and what goes on or keeps its state elsewhere."""
    kind = type(thing)
    if isinstance(thing, IOBase) or large(thing):
        return
    # A class of one's own has attributes, which are kept.
    own = kind.__module__ not in ("builtins", "itertools") and not reach.opaque(kind)
    if isinstance(thing, Iterator) and not own:
        raise ValueError(
            f"the loader is or holds an iterator ({kind.__name__}), and what the test takes from "
            "it would be gone; pass what it is made from, such as a DataLoader, or a list"
        )
    running = isinstance(thing, Thread) and thing.is_alive()
    if running or (reach.built_on_live(kind) and reach.used_for_batches(kind)):
        raise ValueError(
            f"the loader is or holds a {kind.__name__}, which runs in a thread or keeps its state "
            "where the test can't put it back; pass what it takes its batches from, such as a "
            "DataLoader, or a list"
        )


def _keep_order(undo: ExitStack, thing: Any) -> None:
    """Keep what decides which batches come, but no copy of the data, which may be large."""
    if not large(thing):
        keep_contents(undo, thing)
    if isinstance(thing, DataLoader) and thing._iterator is not None:
        # Persistent workers hold generators of their own: the test has other workers.
        undo.callback(setattr, thing, "_iterator", thing._iterator)
        thing._iterator = None
    if reach.gives_batches(type(thing)):
        for value in getattr(thing, "__dict__", {}).values():
            part = value.obj if isinstance(value, memoryview) else value
            # An order that is shuffled in place has one dimension, as have arrays but numpy's.
            if isinstance(part, np.memmap) or getattr(part, "ndim", 1) != 1:
                continue
            if isinstance(part, Tensor):
                _keep_values(undo, part)
            elif large(part):
                keep_contents(undo, part)


def _keep_tensor(undo: ExitStack, tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        raise ValueError("a lazy module has no parameters yet; call the model on one batch first")
    values = _keep_values(undo, tensor)
    if tensor.is_leaf and (tensor.requires_grad or isinstance(tensor, nn.Parameter)):
        undo.callback(tensor.requires_grad_, tensor.requires_grad)
        undo.callback(setattr, tensor, "grad", tensor.grad)
        tensor.grad = None
    return values


def _keep_values(undo: ExitStack, tensor: Tensor) -> Tensor:
    """Return a copy of the values, which come back, and the memory that they lie in."""
    alias = tensor.detach()
    if tensor.layout == torch.strided:
        steps = zip(tensor.stride(), tensor.shape, strict=True)
        if any(stride == 0 and size > 1 for stride, size in steps):
            return alias  # torch refuses to write to an expanded tensor, so it cannot change
    values = alias.clone()
    undo.callback(_write_back, tensor, alias, values)
    return values


def _write_back(tensor: Tensor, alias: Tensor, values: Tensor) -> None:
    if tensor.layout == torch.strided and not tensor.is_set_to(alias):
        tensor.data = alias
    with torch.no_grad():
        tensor.copy_(values)
