"""The guard: whatever happens inside it, afterwards everything is what it was."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import IOBase
from itertools import chain
from operator import is_not
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from lrlib.finder import reach
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
            _refuse_iterator(thing)
            _keep_order(undo, thing)
            if isinstance(thing, nn.Module):  # a transform
                modules.append(thing)
        groups = [group for thing in (optimizer, *also) for group in _groups(thing)]
        seen: dict[int, Any] = {}
        values: dict[int, Tensor] = {}
        everything = reach.reach([optimizer, *groups, *also], reach.anything, seen)
        for thing in chain(everything, reach.reach(modules, reach.record, seen)):
            if isinstance(thing, Tensor):
                values[id(thing)] = _keep_tensor(undo, thing)
            else:
                _keep_contents(undo, thing)
        own = [p for group in _groups(optimizer) for p in group["params"]]
        yield lambda: any(not torch.equal(p, values[id(p)]) for p in own)


def inner_optimizers(optimizer: Any) -> list[Any]:
    """Return the optimizers that an optimizer keeps in its attributes."""
    found = reach.reach([optimizer], reach.anything)
    return [thing for thing in found if isinstance(thing, Optimizer) and thing is not optimizer]


def _groups(thing: Any) -> list[dict[str, Any]]:
    return list(getattr(thing, "param_groups", ()))


def _refuse_iterator(thing: Any) -> None:
    """Refuse what a test would use up for good; a class of one's own has attributes, kept here."""
    if not isinstance(thing, Iterator) or isinstance(thing, IOBase):
        return
    kind = type(thing)
    own = kind.__module__ not in ("builtins", "itertools") and not reach.opaque(kind)
    if not own:
        raise ValueError(
            f"the loader is or holds an iterator ({kind.__name__}), and what the test takes from "
            "it would be gone; pass what it is made from, such as a DataLoader, or a list"
        )


def _keep_order(undo: ExitStack, thing: Any) -> None:
    """Keep what decides which batches come, but no copy of the data, which may be large."""
    if not isinstance(thing, Tensor | np.ndarray):
        _keep_contents(undo, thing)
    if isinstance(thing, DataLoader) and thing._iterator is not None:
        # Persistent workers hold generators of their own: the test has other workers.
        undo.callback(setattr, thing, "_iterator", thing._iterator)
        thing._iterator = None
    if reach.gives_batches(type(thing)):
        # An order that is shuffled in place has one dimension.
        for value in getattr(thing, "__dict__", {}).values():
            if isinstance(value, np.ndarray) and not isinstance(value, np.memmap):
                if value.ndim == 1:
                    _keep_contents(undo, value)
            elif isinstance(value, Tensor) and value.ndim == 1:
                _keep_values(undo, value)


def _keep_contents(undo: ExitStack, thing: Any) -> None:
    kind = type(thing)
    base = reach.container(kind)
    if base is not None:
        undo.callback(_refill, base, thing, reach.contents(base, thing))
    elif isinstance(thing, np.ndarray) and thing.flags.writeable:
        undo.callback(np.copyto, thing, thing.copy())
    elif isinstance(thing, nn.Module):
        undo.callback(setattr, thing, "training", thing.training)
    for name in reach.slots(kind):
        if hasattr(thing, name):
            undo.callback(object.__setattr__, thing, name, getattr(thing, name))


def _refill(base: Any, thing: Any, kept: list[Any]) -> None:
    now = reach.contents(base, thing)
    if len(now) == len(kept) and not any(map(is_not, now, kept)):
        return
    base.clear(thing)
    if issubclass(base, dict):
        half = len(kept) // 2
        base.update(thing, zip(kept[:half], kept[half:], strict=True))
    elif base is set:
        base.update(thing, kept)
    else:
        base.extend(thing, kept)


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
