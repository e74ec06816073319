"""Every random generator that can be found: their states are kept and come back."""

import random
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import torch

from lrlib.finder.reach import by_class, functions_too, reach


def keep_generators(undo: ExitStack, roots: Iterable[Any]) -> None:
    """Keep the global generators, and those that are reached from the roots."""
    undo.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_initialized():
        undo.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
    if torch.backends.mps.is_available():
        undo.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
    undo.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
    undo.callback(random.setstate, random.getstate())
    for thing in reach(roots, functions_too):
        if is_generator(type(thing)):
            undo.callback(_way_back(thing))


@by_class
def is_generator(kind: type) -> bool:
    """Whether a class is one of random generators whose state can be kept."""
    kinds = (torch.Generator, np.random.Generator, np.random.BitGenerator, np.random.RandomState)
    # A SystemRandom has no state.
    return issubclass(kind, (*kinds, random.Random)) and not issubclass(kind, random.SystemRandom)


def _way_back(generator: Any) -> Callable[[], Any]:
    if isinstance(generator, torch.Generator):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, np.random.RandomState):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, random.Random):
        return partial(generator.setstate, generator.getstate())
    bits = generator.bit_generator if isinstance(generator, np.random.Generator) else generator
    return partial(setattr, bits, "state", bits.state)
