"""What can be reached from an object: the contents of containers, and the attributes of objects."""

import dataclasses
import gc
import sys
from collections import OrderedDict, UserDict, UserList, deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from queue import Queue
from types import FunctionType, MappingProxyType, MethodType, ModuleType, SimpleNamespace
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.utils.data import dataloader

T = TypeVar("T")

_ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None)})
_FUNCTIONS = (FunctionType, MethodType, partial)
_CONTAINERS = (OrderedDict, dict, list, deque, set)  # an OrderedDict is a dict, and comes first

# Objects of the standard library are left alone: threads, queues, locks, files, loggers live on
# while the test runs. These modules of it hold only plain data, or what other classes are made of.
_MAKE_CLASSES = frozenset(
    {"abc", "argparse", "builtins", "collections", "contextlib", "enum", "types", "typing"}
)
_STANDARD = frozenset(sys.stdlib_module_names - _MAKE_CLASSES)
_LIVE = _STANDARD | {"traitlets"}


def by_class(function: Callable[[type], T]) -> Callable[[type], T]:
    """Ask once for each class."""
    return cache(function)


def reach(
    roots: Iterable[Any], enter: Callable[[type], bool], seen: dict[int, Any] | None = None
) -> Iterator[Any]:
    """Yield each object once that is a root, or is in a container or a module that is reached.

    The attributes of an object, a dictionary, are reached if `enter` is true for its class. What is
    in `seen`, by its id, is passed over, and what is yielded is added to it.
    """
    seen = {} if seen is None else seen
    waiting = list(roots)
    for thing in waiting:  # it grows meanwhile
        if type(thing) in _ATOMS or id(thing) in seen:
            continue
        seen[id(thing)] = thing
        yield thing
        waiting += _parts(thing, enter)


def _parts(thing: Any, enter: Callable[[type], bool]) -> Iterable[Any]:
    kind = type(thing)
    base: Any = container(kind)
    if base is not None:
        inside = base.values(thing) if issubclass(base, dict) else base.__iter__(thing)
        return inside if kind is base else [*inside, *_attributes(thing)]
    if isinstance(thing, tuple | frozenset):
        return thing
    if isinstance(thing, Queue | memoryview | MappingProxyType):
        return _inside_window(thing)
    if isinstance(thing, Tensor):
        return [vars(thing)] if isinstance(thing, nn.Parameter) else ()
    if isinstance(thing, nn.Module):
        # A scripted module has dictionaries of its own kind: its tensors are asked for.
        own = (thing.parameters(recurse=False), thing.buffers(recurse=False), thing.children())
        return [vars(thing), *(part for parts in own for part in parts)]
    if not enter(kind):
        return ()
    if kind in _FUNCTIONS:
        return _inside_function(thing)
    return _attributes(thing)


def _inside_window(thing: Any) -> list[Any]:
    """Return what an object shows of another one, which may be changed from elsewhere."""
    if isinstance(thing, Queue):
        return [thing.queue]
    if isinstance(thing, MappingProxyType):
        # A class shows its attributes so, which are no part of any object.
        return [] if "__module__" in thing else gc.get_referents(thing)
    try:
        return [thing.obj]
    except ValueError:  # it was released
        return []


def _attributes(thing: Any) -> list[Any]:
    own = getattr(thing, "__dict__", None)
    parts: list[Any] = [own] if isinstance(own, dict) else []
    return parts + [getattr(thing, name, None) for name in slots(type(thing))]


def _inside_function(thing: Any) -> list[Any]:
    if isinstance(thing, MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, partial):
        return [thing.func, thing.args, thing.keywords]
    inside = [thing.__defaults__, thing.__kwdefaults__, vars(thing)]
    for cell in thing.__closure__ or ():
        try:
            inside.append(cell.cell_contents)
        except ValueError:  # the variable has no value yet
            continue
    return inside


@by_class
def container(kind: type) -> type | None:
    """Return which of the containers that can change a class is, or None."""
    # A list, no generator: what interrupts the end of one, such as Ctrl-C, is lost.
    found = [base for base in _CONTAINERS if issubclass(kind, base)]
    return found[0] if found else None


def contents(base: Any, thing: Any) -> list[Any]:
    """Return what is in a container, in its order: of a dictionary the keys, then the values."""
    if issubclass(base, dict):
        return [*base.keys(thing), *base.values(thing)]
    return [*base.__iter__(thing)]


@by_class
def slots(kind: type) -> tuple[str, ...]:
    """Return the names of the attributes that a class keeps outside of a dictionary."""
    if opaque(kind):
        return ()
    found = [vars(base).get("__slots__", ()) for base in kind.__mro__]
    names = [name for names in found for name in ([names] if isinstance(names, str) else names)]
    return tuple(name for name in names if not name.startswith("__"))


@by_class
def opaque(kind: type) -> bool:
    """Whether objects of a class are left alone: functions, classes, and what lives on its own."""
    if issubclass(kind, (type, ModuleType, dataloader._BaseDataLoaderIter, *_FUNCTIONS)):
        return True
    homes = [base.__module__ for base in kind.__mro__]
    alone = [h for h in homes if h.partition(".")[0] in _LIVE or h.startswith("torch._")]
    return bool(alone)


@by_class
def built_on_live(kind: type) -> bool:
    """Whether a class, no standard one itself, is opaque as it's built on one, such as Thread."""
    homes = [base.__module__.partition(".")[0] for base in kind.__mro__]
    return homes[0] not in _STANDARD and not _STANDARD.isdisjoint(homes)


@by_class
def used_for_batches(kind: type) -> bool:
    """Whether objects of a class are iterated, indexed or called."""
    has = {name for base in kind.__mro__ for name in vars(base)}
    return not has.isdisjoint(("__iter__", "__next__", "__getitem__", "__call__"))


@by_class
def plain_data(kind: type) -> bool:
    """Whether a class is for plain data."""
    return dataclasses.is_dataclass(kind) or issubclass(kind, UserDict | UserList | SimpleNamespace)


@by_class
def gives_batches(kind: type) -> bool:
    """Whether a class may stand between data and batches."""
    return plain_data(kind) or (used_for_batches(kind) and not opaque(kind))


@by_class
def anything(kind: type) -> bool:
    """Whether a class is not opaque."""
    return not opaque(kind)


@by_class
def functions_too(kind: type) -> bool:
    """Whether a class is not opaque, or a function with variables of its own."""
    return kind in _FUNCTIONS or not opaque(kind)
