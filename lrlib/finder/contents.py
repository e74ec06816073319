"""What an object holds in itself, apart from attributes: it is kept, and written back in place."""

import ctypes
from array import array
from contextlib import ExitStack
from multiprocessing.managers import BaseProxy
from multiprocessing.queues import Queue as ProcessQueue
from multiprocessing.queues import SimpleQueue as SimpleProcessQueue
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from operator import is_not
from queue import Queue, SimpleQueue
from typing import Any

import numpy as np
from torch import Tensor, nn

from lrlib.finder import reach

_SHARED = (ctypes.Array, SynchronizedArray)
_SEALED = (SimpleQueue, ProcessQueue, SimpleProcessQueue, BaseProxy)


def keep_contents(undo: ExitStack, thing: Any) -> None:
    """Keep what is in a container, an array, a shared number, or the slots of an object."""
    kind = type(thing)
    base = reach.container(kind)
    if base is not None:
        undo.callback(_refill, base, thing, reach.contents(base, thing))
    elif isinstance(thing, np.ndarray) and thing.flags.writeable:
        undo.callback(np.copyto, thing, thing.copy())
    elif isinstance(thing, bytearray | array):
        undo.callback(thing.__setitem__, slice(None), thing[:])
    elif isinstance(thing, _SHARED):
        undo.callback(thing.__setitem__, slice(None), [thing[i] for i in range(len(thing))])
    elif isinstance(thing, ctypes._SimpleCData | Synchronized):
        undo.callback(setattr, thing, "value", thing.value)
    elif isinstance(thing, Queue):  # its list or deque is a container
        undo.callback(setattr, thing, "unfinished_tasks", thing.unfinished_tasks)
    elif isinstance(thing, nn.Module):
        undo.callback(setattr, thing, "training", thing.training)
    elif isinstance(thing, _SEALED):
        raise ValueError(
            f"the model, the optimizer or the loader holds a {kind.__name__}, and what is in it "
            "can't be put back after the test; hold a queue.Queue or a collections.deque instead"
        )
    for name in reach.slots(kind):
        if hasattr(thing, name):
            undo.callback(object.__setattr__, thing, name, getattr(thing, name))


def large(thing: Any) -> bool:
    """Whether a thing may be data, of which a loader's guard makes no copy."""
    return isinstance(thing, (Tensor, np.ndarray, bytearray, array, *_SHARED))


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
