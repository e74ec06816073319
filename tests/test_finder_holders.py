"""What holds others or numbers in ways of its own: put back after a range test, or refused."""

import ctypes
import itertools
import multiprocessing
import queue
import threading
from array import array
from collections import deque
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, IterableDataset

from lrlib import finder
from lrlib.step import train_step


def filled(kind):
    held = kind()
    for number in (3, 1, 2):
        held.put(number)
    return held


def take_and_put(held):
    held.get()
    held.task_done()
    held.put(7)
    held.put(8)


def seen_in(held):
    return list(held.queue), held.unfinished_tasks


def change_lists(view):
    view["list"].append(1)
    view["deeper"]["deque"].append(1)


def lists_in(view):
    return list(view["list"]), list(view["deeper"]["deque"])


def change_arrays(view):
    np.add(view["array"], 1, out=view["array"])
    view["bytes"][0] += 1


def arrays_in(view):
    return view["array"].tolist(), bytes(view["bytes"])


def view_of_lists():
    return MappingProxyType({"list": [1], "deeper": MappingProxyType({"deque": deque()})})


def view_of_arrays():
    return MappingProxyType({"array": np.zeros(2), "bytes": bytearray(b"abc")})


class Growing:
    """A dictionary that only a view of it shows: its keys change, too."""

    def __init__(self):
        inside = {}
        self.view, self.add = MappingProxyType(inside), inside.__setitem__


def set_value(held):
    held.value += 1


def set_first(held):
    held[0] += 1


def stretch(held):
    held[0] += 1
    held.extend(held[:2])


# How it is made, how it is changed, and what is seen of it.
HELD = {
    "view of lists": (view_of_lists, change_lists, lists_in),
    "queue": (lambda: filled(queue.Queue), take_and_put, seen_in),
    "last first": (lambda: filled(queue.LifoQueue), take_and_put, seen_in),
    "by priority": (lambda: filled(queue.PriorityQueue), take_and_put, seen_in),
    "bytes": (lambda: bytearray(b"abc"), stretch, bytes),
    "numbers": (lambda: array("d", [1, 2, 3]), stretch, list),
    "window on bytes": (lambda: memoryview(bytearray(b"abc")), set_first, bytes),
    "window on numbers": (lambda: memoryview(array("i", [1, 2])), set_first, list),
    "window on an array": (lambda: memoryview(np.arange(3)), set_first, list),
    "shared number": (lambda: multiprocessing.Value("i", 3), set_value, lambda held: held.value),
    "shared numbers": (lambda: multiprocessing.Array("d", [1, 2]), set_first, list),
    "number of C": (lambda: ctypes.c_double(2.5), set_value, lambda held: held.value),
    "numbers of C": (lambda: (ctypes.c_int * 2)(1, 2), set_first, list),
}


# Of arrays that are no attributes, a loader's may be its data: no copy is made.
DEEPER = {**HELD, "view of arrays": (view_of_arrays, change_arrays, arrays_in)}


class Holder(nn.Linear):
    def __init__(self, held):
        super().__init__(3, 2)
        self.held = held


class HolderOptimizer(torch.optim.SGD):
    def __init__(self, params, held):
        super().__init__(params, lr=0.1)
        self.held = held


class Data(Dataset):
    def __init__(self, held=None):
        self.held = held
        self.x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index], int(self.x[index].sum() > 0)


class Wrapper:
    def __init__(self, loader, held):
        self.loader, self.held = loader, held

    def __iter__(self):
        return iter(self.loader)


def plain(held):
    return held


def queued(held):
    around = queue.Queue()
    around.put(held)
    return around


# Where it lies, in the given wrapping: the arguments of a test, and what to hand over with `also`.
PLACES = {
    "model": lambda held: (Holder(held), None, None, ()),
    "optimizer": lambda held: (None, held, None, ()),
    "data": lambda held: (None, None, DataLoader(Data(held), 4), ()),
    "loader": lambda held: (None, None, Wrapper(DataLoader(Data(), 4), held), ()),
    "also": lambda held: (None, None, None, (SimpleNamespace(held=held),)),
}
WRAPPED = {
    "itself": plain,
    "in a list": lambda held: [held],
    "in a view": lambda held: MappingProxyType({"a": (held,)}),
    "in a queue": queued,
    "in a record": lambda held: SimpleNamespace(of=deque([held])),
}


def run(place, held, change, steps=3):
    """Run a test whose steps change what is held in a place."""
    net, of_optimizer, loader, also = PLACES[place](held)
    net = nn.Linear(3, 2) if net is None else net
    optimizer = HolderOptimizer(net.parameters(), of_optimizer)

    def step(*arguments):
        change()
        return train_step(*arguments)

    loader = DataLoader(Data(), 4) if loader is None else loader
    finder.range_test(net, optimizer, cross_entropy, loader, steps=steps, step_fn=step, also=also)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", HELD)
def test_what_is_held_is_put_back(name, place):
    make, change, look = HELD[name]
    held = make()
    before, during = look(held), []

    def change_and_look():
        change(held)
        during.append(look(held))

    run(place, held, change_and_look)
    assert look(held) == before
    assert len(during) == 3
    assert before not in during


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(DEEPER)),
    st.sampled_from(["model", "optimizer", "also"]),
    st.lists(st.sampled_from(sorted(WRAPPED)), max_size=3),
)
def test_what_is_held_is_put_back_however_deep_it_lies(name, place, wrappings):
    make, change, look = DEEPER[name]
    held = make()
    before, inside = look(held), held
    for wrapping in wrappings:
        inside = WRAPPED[wrapping](inside)
    run(place, inside, lambda: change(held), steps=2)
    assert look(held) == before


@pytest.mark.parametrize("place", PLACES)
def test_keys_that_come_into_a_dictionary_behind_a_view_go_again(place):
    growing, count = Growing(), itertools.count()
    run(place, growing.view, lambda: growing.add(next(count), "new"))
    assert next(count) == 3
    assert len(growing.view) == 0


def test_a_view_of_a_class_and_a_released_window_are_left_alone():
    class Counted:
        made = 0

    released = memoryview(bytearray(b"abc"))
    released.release()
    run("model", [vars(Counted), released], lambda: setattr(Counted, "made", Counted.made + 1))
    assert Counted.made == 3


@pytest.mark.parametrize("make", [queue.SimpleQueue, multiprocessing.Queue])
@pytest.mark.parametrize("place", PLACES)
def test_what_cannot_be_put_back_is_refused_before_it_changes(place, make):
    changes = []
    with pytest.raises(ValueError, match=r"holds a (Simple)?Queue, and what is in it can't be put"):
        run(place, make(), lambda: changes.append(1))
    assert not changes


# Loaders that run on their own ------------------------------------------------------------------


class ThreadedLoader(threading.Thread):
    """It fills a queue in the background, with draws of a generator of its own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.generator = torch.Generator().manual_seed(0)
        self.batches = queue.Queue(2)

    def run(self):
        for _ in range(40):
            x = torch.randn(4, 3, generator=self.generator)
            self.batches.put((x, (x[:, 0] > 0).long()))

    def __iter__(self):
        while True:
            yield self.batches.get()


class ThreadedData(threading.Thread, Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.ones(3), 0


class LocalData(threading.local, Dataset):
    """Each thread has attributes of its own."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(0)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.randn(3, generator=self.generator), 0


class Stream(threading.Thread, IterableDataset):
    def __iter__(self):
        return iter(Data())


class Fed:
    """A thread fills a queue, and the loader empties it."""

    def __init__(self):
        self.source, self.end = ThreadedLoader(), threading.Event()
        self.source.start()

    def __iter__(self):
        return iter(self.source)


class FedFromAfar:
    def __init__(self):
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.end.wait, daemon=True)
        self.thread.start()
        self.batches = list(DataLoader(Data(), 4))

    def __iter__(self):
        return iter(self.batches)


LIVE = {
    "thread": ThreadedLoader,
    "data in a thread": lambda: DataLoader(ThreadedData(), 4),
    "data of a thread": lambda: DataLoader(LocalData(), 4),
    "stream in a thread": lambda: DataLoader(Stream(), 4),
    "fed": Fed,
    "fed from afar": FedFromAfar,
    "wrapped": lambda: Wrapper(Wrapper(ThreadedLoader(), None), None),
}


@pytest.mark.parametrize("name", LIVE)
def test_a_loader_that_runs_in_a_thread_is_refused(name):
    net, loader = nn.Linear(3, 2), LIVE[name]()
    with pytest.raises(ValueError, match=r"the loader is or holds a \w+, which runs in a thread"):
        finder.range_test(net, HolderOptimizer(net.parameters(), None), cross_entropy, loader)
    getattr(loader, "end", threading.Event()).set()


def test_threads_that_a_loader_starts_for_a_pass_are_its_own_affair():
    class Prefetched:
        def __init__(self, loader):
            self.loader = loader

        def __iter__(self):
            batches = queue.Queue()

            def fill():
                for batch in self.loader:
                    batches.put(batch)
                batches.put(None)

            thread = threading.Thread(target=fill)
            thread.start()
            yield from iter(batches.get, None)
            thread.join()

    net = nn.Linear(3, 2)
    generator = torch.Generator().manual_seed(0)
    loader = Prefetched(DataLoader(Data(), 4, shuffle=True, generator=generator))
    before = generator.get_state()
    optimizer = HolderOptimizer(net.parameters(), None)
    test = finder.range_test(net, optimizer, cross_entropy, loader, steps=6)
    assert len(test.losses) == 6
    assert torch.equal(generator.get_state(), before)
