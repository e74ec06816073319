"""Inputs that once gave a wrong answer in silence: the right value, or a refusal."""

import argparse
import dataclasses
import itertools
import math
import random
from collections import OrderedDict, UserDict, defaultdict, deque
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    random_split,
)
from tqdm import tqdm

from lrlib import finder
from lrlib.step import train_step


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pairs(count=4, seed=0):
    xs = torch.randn(count, 8, 3, generator=seeded(seed))
    return [(x, (x.sum(dim=1) > 0).long()) for x in xs]


# Optimizers -------------------------------------------------------------------------------------


class Wrap(torch.optim.Optimizer):
    """How SAM is usually written."""

    def __init__(self, params, base, **options):
        super().__init__(params, options)
        self.base = base(self.param_groups, **options)
        self.param_groups = self.base.param_groups

    def step(self, closure=None):
        self.base.step()


class Alone(Wrap):
    """A wrapper whose groups are not those of the inner one."""

    def __init__(self, params, base, **options):
        super().__init__(params, base, **options)
        self.param_groups = [dict(group) for group in self.param_groups]


class OwnMomentum(torch.optim.Optimizer):
    """Its momentum is a list of tensors, and a counter is in an object."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
        self.momentum = [torch.zeros_like(p) for g in self.param_groups for p in g["params"]]
        self.counter = SimpleNamespace(steps=0, seen=[])

    @torch.no_grad()
    def step(self, closure=None):
        self.counter.steps += 1
        self.counter.seen.append(self.counter.steps)
        parameters = [(p, g["lr"]) for g in self.param_groups for p in g["params"]]
        for buffer, (p, lr) in zip(self.momentum, parameters, strict=True):
            buffer.mul_(0.9).add_(p.grad)
            p.sub_(lr * buffer)


class Slow(Wrap):
    """Lookahead: slow weights in the state of the wrapper."""

    def step(self, closure=None):
        self.base.step()
        for p in (p for group in self.param_groups for p in group["params"]):
            slow = self.state[p].setdefault("slow", p.detach().clone())
            slow.lerp_(p.detach(), 0.5)


SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
OPTIMIZERS = {
    "SGD": SGD,
    "RMSprop": partial(torch.optim.RMSprop, lr=0.01, momentum=0.9, centered=True),
    "Adagrad": partial(torch.optim.Adagrad, lr=0.01),
    "NAdam": partial(torch.optim.NAdam, lr=0.01),
    "wrapped SGD": lambda p: Wrap(p, torch.optim.SGD, lr=0.1, momentum=0.9),
    "wrapped Adam": lambda p: Wrap(p, torch.optim.Adam, lr=0.01),
    "slow weights": lambda p: Slow(p, torch.optim.SGD, lr=0.1, momentum=0.9),
    "own momentum": partial(OwnMomentum, lr=0.1),
}


# Models -----------------------------------------------------------------------------------------


@dataclasses.dataclass
class Seen:
    total: float = 0.0
    parts: list = dataclasses.field(default_factory=list)


class Recorder(nn.Module):
    """Each forward changes a container of every kind."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.list, self.deque, self.set = [[1]], deque([1, 2], maxlen=2), {1}
        self.dict = {"nested": {"tensor": torch.zeros(2), "array": np.zeros(2)}}
        self.default, self.ordered = defaultdict(list), OrderedDict(a=1, b=2)
        self.array, self.record, self.user = np.zeros(3), Seen(), UserDict(n=0)
        self.register_buffer("resized", torch.zeros(2))
        self.late = nn.Identity()

    def forward(self, x):
        self.list[0].append(self.list)
        self.deque.append(len(self.list[0]))
        self.set.add(len(self.list[0]))
        self.dict["nested"]["tensor"] += 1
        self.dict["nested"]["array"] += 1
        self.default[len(self.set)].append(1)
        self.ordered.move_to_end("a")
        self.array += x.mean().item()
        self.record.total += 1
        self.record.parts.append(1)
        self.user["n"] += 1
        self.resized.data = torch.ones(len(self.set))  # of another shape
        self.late = nn.Linear(1, 1)
        self.add_module(f"made_{len(self.set)}", nn.Linear(1, 1))
        return self.layer(x)


class Unlisted(nn.Module):
    """A layer and its parameters in a plain list, which torch does not know of."""

    def __init__(self):
        super().__init__()
        self.layers = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))]
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.layers[0](x))


class Perturbed(nn.Module):
    """Noise from generators in an object and in a closure."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.source = type("Source", (), {})()
        self.source.rng = np.random.default_rng(3)
        rng = random.Random(4)
        self.draw = lambda: rng.random()

    def forward(self, x):
        return self.layer(x) + self.source.rng.normal() + self.draw()


MODELS = {"recorder": Recorder, "unlisted": Unlisted, "perturbed": Perturbed}


# Loaders ----------------------------------------------------------------------------------------


class Drawn(Dataset):
    """32 samples, whose transform draws from a generator of its own."""

    def __init__(self, transform):
        self.transform = transform
        self.x = torch.randn(32, 3, generator=seeded())

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return (self.x[index] + self.transform()).float(), int(self.x[index].sum() > 0)


class Jitter:
    """A transform, with a state of every kind."""

    def __init__(self):
        self.rng, self.old = np.random.default_rng(1), np.random.RandomState(2)
        self.python, self.torch = random.Random(3), seeded(4)
        self.bits, self.calls = np.random.PCG64(5), []

    def __call__(self):
        self.calls.append(len(self.calls))
        noise = self.rng.normal() + self.old.normal() + self.python.random()
        return noise + torch.randn((), generator=self.torch).item() + self.bits.random_raw() % 2


class Pipeline:
    def __init__(self, *parts):
        self.parts = list(parts)

    def __call__(self):
        return sum(part() for part in self.parts)


class Every(Sampler):
    """A sampler that wraps another one, and counts."""

    def __init__(self, inner):
        self.inner, self.passes = inner, 0

    def __iter__(self):
        self.passes += 1
        yield from self.inner

    def __len__(self):
        return len(self.inner)


class Wrapper:
    def __init__(self, loader):
        self.loader, self.counts = loader, {"passes": 0}

    def __iter__(self):
        self.counts["passes"] += 1
        yield from self.loader


class InPlace:
    """An order that is shuffled in place, as an array, a list and a tensor."""

    def __init__(self, kind):
        self.order = kind(range(8))
        self.batches = pairs(8)

    def __iter__(self):
        if isinstance(self.order, list):
            random.shuffle(self.order)
        elif isinstance(self.order, np.ndarray):
            np.random.shuffle(self.order)  # noqa: NPY002
        else:
            self.order.copy_(self.order[torch.randperm(8)])
        return (self.batches[int(i)] for i in self.order)


class Slotted:
    __slots__ = ("generator", "passes")

    def __init__(self):
        self.generator, self.passes = seeded(), 0

    def __iter__(self):
        self.passes += 1
        for _ in range(4):
            x = torch.randn(8, 3, generator=self.generator) + self.passes
            yield x, (x[:, 0] > 0).long()


class Restarted:
    """An iterator that starts again: its attributes are all there is to keep."""

    def __init__(self):
        self.next, self.batches = 3, pairs(6)

    def __iter__(self):
        return self

    def __next__(self):
        if self.next == 6:
            self.next = 0
            raise StopIteration
        self.next += 1
        return self.batches[self.next - 1]


def in_closure():
    rng = np.random.default_rng(6)
    return lambda: rng.normal()


def drawn(transform=None):
    return Drawn(transform or Jitter())


def with_sampler(data, sampler):
    return DataLoader(data, 8, sampler=sampler)


LOADERS = {
    "transform": lambda: DataLoader(drawn(), 8),
    "pipeline": lambda: DataLoader(drawn(Pipeline(Jitter(), Pipeline(Jitter()))), 8),
    "partial": lambda: DataLoader(drawn(partial(np.random.default_rng(1).normal, 0, 1)), 8),
    "closure": lambda: DataLoader(drawn(in_closure()), 8),
    "method": lambda: DataLoader(drawn(Jitter().__call__), 8),
    "split": lambda: DataLoader(random_split(drawn(), [24, 8], generator=seeded())[0], 8),
    "concat": lambda: DataLoader(ConcatDataset([drawn(), drawn(in_closure())]), 8, shuffle=True),
    "wrapped sampler": lambda: with_sampler(
        drawn(), Every(Every(RandomSampler(range(32), generator=seeded())))
    ),
    "wrapped batch sampler": lambda: DataLoader(
        drawn(),
        batch_sampler=Every(BatchSampler(RandomSampler(range(32), generator=seeded()), 8, False)),
    ),
    "wrapper": lambda: Wrapper(DataLoader(drawn(), 8, shuffle=True, generator=seeded())),
    "two wrappers": lambda: Wrapper(Wrapper(Slotted())),
    "tqdm": lambda: tqdm(DataLoader(drawn(), 8, shuffle=True, generator=seeded()), disable=True),
    "array": lambda: InPlace(lambda numbers: np.array(numbers)),
    "list": lambda: InPlace(list),
    "tensor": lambda: InPlace(torch.tensor),
    "slots": Slotted,
    "restarted": Restarted,
}


# Events -----------------------------------------------------------------------------------------


class StopError(Exception):
    pass


def ending(error):
    calls = []

    def step(net, optimizer, loss_fn, batch):
        loss = train_step(net, optimizer, loss_fn, batch)
        calls.append(loss)
        if len(calls) == 7:
            raise error
        return loss

    return step


def becoming_nan(net, optimizer, loss_fn, batch):
    return train_step(net, optimizer, lambda *pair: loss_fn(*pair) * math.nan, batch)


EVENTS = {
    "end": (lambda: train_step, nullcontext),
    "error": (lambda: ending(StopError), lambda: pytest.raises(StopError)),
    "interrupt": (lambda: ending(KeyboardInterrupt), lambda: pytest.raises(KeyboardInterrupt)),
    "nan": (lambda: becoming_nan, nullcontext),
}


GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, np.random.PCG64)


TRANSPARENT = ("torch", "tqdm", "collections", "types", "argparse")


def picture(thing, seen=None):
    """Everything that is in a thing, so that two pictures are equal if nothing has changed."""
    seen = {} if seen is None else seen
    if thing is None or isinstance(thing, int | float | str):
        return thing
    if isinstance(thing, tuple):
        return tuple(picture(part, seen) for part in thing)
    if id(thing) in seen:
        return id(thing)
    seen[id(thing)] = thing
    if isinstance(thing, torch.Tensor):
        values = thing.detach().numpy().tobytes()
        return id(thing), thing.shape, values, picture(thing.grad, seen), thing.requires_grad
    if isinstance(thing, np.ndarray):
        return thing.tobytes()
    if isinstance(thing, torch.Generator):
        return thing.get_state().numpy().tobytes()
    if isinstance(thing, np.random.Generator | np.random.BitGenerator):
        return repr(getattr(thing, "bit_generator", thing).state)
    if isinstance(thing, np.random.RandomState):
        return repr(thing.get_state())
    if isinstance(thing, random.Random):
        return thing.getstate()
    if isinstance(thing, dict):
        keys = [id(key) if isinstance(key, torch.Tensor) else key for key in thing]
        return id(thing), keys, [picture(value, seen) for value in thing.values()]
    if isinstance(thing, list | deque | set):
        return id(thing), [picture(part, seen) for part in thing]
    if isinstance(thing, partial):
        return picture((thing.func, thing.args), seen)
    if hasattr(thing, "__closure__"):
        return [picture(cell.cell_contents, seen) for cell in thing.__closure__ or ()]
    if hasattr(thing, "__self__"):
        return picture(getattr(thing.__self__, "rng", None), seen)
    if type(thing).__module__.partition(".")[0] in (__name__, *TRANSPARENT):
        slots = tuple(getattr(thing, name) for name in getattr(type(thing), "__slots__", ()))
        return id(thing), picture(getattr(thing, "__dict__", None), seen), picture(slots, seen)
    return id(thing)


def everything(*parts):
    randoms = torch.default_generator, np.random.get_state(), random.getstate()  # noqa: NPY002
    return [picture(part) for part in (*parts, randoms)]


def make(model="recorder", optimizer="SGD", loader="transform"):
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    net = MODELS[model]()
    parameters = [
        *net.parameters(),
        *(p for m in getattr(net, "layers", ()) for p in m.parameters()),
    ]
    return net, OPTIMIZERS[optimizer](parameters), LOADERS[loader]()


def epoch(net, optimizer, loader):
    return [train_step(net, optimizer, cross_entropy, batch) for batch in loader]


def combinations():
    """Each loader with each event, and with a model and an optimizer in turn."""
    pairs = itertools.product(LOADERS, EVENTS)
    turns = zip(itertools.cycle(MODELS), itertools.cycle([*OPTIMIZERS, *list(OPTIMIZERS)[:5]]))
    for (loader, event), (model, optimizer) in zip(pairs, turns, strict=False):
        yield model, optimizer, loader, event
    yield from itertools.product(MODELS, OPTIMIZERS, ["transform"], ["end"])


@pytest.mark.filterwarnings("ignore:the optimizer doesn't hold")  # of the layers made in `forward`
@pytest.mark.parametrize(("model", "optimizer", "loader", "event"), [*combinations()])
def test_no_combination_leaves_a_trace(model, optimizer, loader, event):
    expected_parts = make(model, optimizer, loader)
    expected = [epoch(*expected_parts) for _ in range(2)]
    parts = make(model, optimizer, loader)
    losses = [epoch(*parts)]
    before = everything(*parts)
    step, failing = EVENTS[event]
    with failing():
        test = finder.range_test(
            *parts[:2], cross_entropy, parts[2], steps=12, end_lr=1.0, step_fn=step()
        )
        assert test.moved
        assert len(set(test.losses)) == (0 if event == "nan" else 12)
    assert everything(*parts) == before
    losses.append(epoch(*parts))
    assert losses == expected


def test_the_picture_sees_what_a_training_changes():
    for model, optimizer, loader in [
        ("recorder", "own momentum", "tqdm"),
        ("perturbed", "SGD", "slots"),
    ]:
        parts = make(model, optimizer, loader)
        before = everything(*parts)
        epoch(*parts)
        after = everything(*parts)
        assert all(now != then for now, then in zip(after[:3], before[:3], strict=True))


@pytest.mark.parametrize("kind", [Wrap, Slow])
@pytest.mark.parametrize("base", [torch.optim.SGD, torch.optim.AdamW])
def test_the_rate_that_a_wrapped_optimizer_applies_follows_the_grid(kind, base):
    net = nn.Linear(3, 2)
    optimizer = kind(net.parameters(), base, lr=0.1)
    rates = []
    optimizer.base.register_step_pre_hook(lambda opt, *_: rates.append(opt.param_groups[0]["lr"]))
    test = finder.range_test(net, optimizer, cross_entropy, pairs(), steps=9, end_lr=1.0)
    assert rates == test.lrs.tolist()
    assert optimizer.base.param_groups is optimizer.param_groups
    assert optimizer.base.state == {}
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_wrapper_with_groups_of_its_own_is_refused_before_anything_changes():
    net = nn.Linear(3, 2)
    optimizer = Alone(net.parameters(), torch.optim.SGD, lr=0.1)
    before = everything(net, optimizer)
    with pytest.raises(ValueError, match="Alone, wraps SGD without sharing its parameter groups"):
        finder.range_test(net, optimizer, cross_entropy, pairs())
    assert everything(net, optimizer) == before


@pytest.mark.parametrize("method", ["floor", "halfway"])
def test_no_constant_gets_a_suggestion(method):
    for c in np.random.default_rng(0).uniform(-100, 100, 300):
        test = finder.RangeTest(np.geomspace(1e-5, 10, 100), np.full(100, c), "by hand")
        with pytest.raises(ValueError, match="the loss falls by"):
            test.suggest(method)


def test_what_float32_rounds_off_is_no_fall():
    losses = np.full(100, np.float32(2.3), dtype=np.float32)
    losses[50:] = np.nextafter(losses[50:], np.float32(0))
    with pytest.raises(ValueError, match="the loss falls by"):
        finder.RangeTest(np.geomspace(1e-5, 10, 100), losses, "by hand").suggest()


def test_where_no_parameter_moves_there_is_no_suggestion():
    """The optimizer holds another model's parameters; data sorted by class moves the loss."""
    for seed in range(20):
        torch.manual_seed(seed)
        net, other = nn.Linear(3, 2), nn.Linear(3, 2)
        optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
        x = torch.randn(40, 8, 3)
        loader = [(part, torch.full((8,), int(i > 20))) for i, part in enumerate(x)]
        with pytest.warns(UserWarning, match="doesn't hold weight, bias of the model"):
            test = finder.range_test(net, optimizer, cross_entropy, loader, steps=40)
        assert not test.moved
        with pytest.raises(ValueError, match="no parameter changed during the test"):
            test.suggest()


def test_a_critic_around_zero_is_not_stopped_after_a_few_steps():
    for seed in range(30):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

        def step(net, optimizer, loss_fn, batch):
            optimizer.zero_grad()
            loss = net(torch.randn(16, 2) + 1).mean() - net(torch.randn(16, 2)).mean()
            loss.backward()
            optimizer.step()
            return loss.item()

        test = finder.range_test(net, optimizer, None, [None], end_lr=1e-3, steps=40, step_fn=step)
        assert test.stopped == "completed: all 40 rates were tried"


@pytest.mark.parametrize("seed", range(4))
def test_a_number_added_to_all_losses_changes_neither_the_end_nor_the_suggestion(seed):
    noise = np.random.default_rng(seed).normal(0, 0.05, 100)
    u = np.linspace(0, 1, 100)
    losses = 2 - 1.5 / (1 + np.exp(-20 * (u - 0.5))) + np.exp(20 * (u - 0.8)) + noise
    found = []
    for level in (0.0, -1.0, -2.0, 50.0, -1000.0):
        given = iter((losses + level).tolist())
        net = nn.Linear(1, 1)

        def step(net, optimizer, loss_fn, batch, given=given):
            net.weight.grad = torch.ones(1, 1)
            optimizer.step()
            return next(given)

        test = finder.range_test(net, SGD(net.parameters()), None, [None], step_fn=step)
        found.append((len(test.losses), test.suggest()))
    assert {count for count, _ in found} == {found[0][0]}
    assert found[0][0] < 100
    assert [rate for _, rate in found] == pytest.approx([found[0][1]] * 5)


RNG = np.random.default_rng(7)


def test_a_generator_in_a_global_variable_is_kept_where_it_is_handed_over():
    loader = DataLoader(drawn(lambda: RNG.normal()), 8)
    net = nn.Linear(3, 2)
    before = picture(RNG)
    finder.range_test(net, SGD(net.parameters()), cross_entropy, loader, steps=5, also=(RNG,))
    assert picture(RNG) == before


def test_the_generator_of_mps_is_kept(monkeypatch):
    states = ["first"]
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: states[-1])
    monkeypatch.setattr(torch.mps, "set_rng_state", states.append)

    def step(*arguments):
        states.append("changed")
        return train_step(*arguments)

    net = nn.Linear(3, 2)
    finder.range_test(net, SGD(net.parameters()), cross_entropy, pairs(), steps=3, step_fn=step)
    assert states[-2:] == ["changed", "first"]


def test_gradients_flags_and_memory_of_parameters_come_back():
    net = nn.Linear(3, 2)
    memory = net.weight.data_ptr()

    def step(net, *others):
        net.bias.requires_grad_(False)
        net.weight.data = net.weight.data.clone()
        return train_step(net, *others)

    finder.range_test(net, SGD(net.parameters()), cross_entropy, pairs(), steps=3, step_fn=step)
    assert net.bias.requires_grad
    assert net.weight.data_ptr() == memory


ITERATORS = {
    "generator": lambda: (pair for pair in pairs(200)),
    "iterator": lambda: iter(pairs(200)),
    "loader's": lambda: iter(DataLoader(drawn(), 8)),
    "in tqdm": lambda: tqdm((pair for pair in pairs(200)), disable=True),
    "in a wrapper": lambda: Wrapper(itertools.cycle(pairs())),
    "mapped": lambda: map(tuple, pairs(200)),
}


@pytest.mark.parametrize("name", ITERATORS)
def test_an_iterator_is_refused_and_not_used_up(name):
    net, loader = nn.Linear(3, 2), ITERATORS[name]()
    with pytest.raises(ValueError, match="is or holds an iterator"):
        finder.range_test(net, SGD(net.parameters()), cross_entropy, loader)
    left = getattr(loader, "iterable", getattr(loader, "loader", loader))
    assert torch.equal(next(left)[0], next(iter(ITERATORS[name]()))[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": torch.zeros(3)},
            "model must be a torch.nn.Module, got Tensor; put bare tensors",
        ),
        ({"model": None}, "model must be a torch.nn.Module, got NoneType"),
        (
            {"optimizer": [torch.zeros(3)]},
            "optimizer must be one of torch.optim, or have param_groups as these do, got list",
        ),
        ({"loss_fn": None}, "loss_fn must be a function of the output and y, got None"),
        (
            {"loss_fn": nn.CrossEntropyLoss},
            r"got the class CrossEntropyLoss; pass an object of it: CrossEntropyLoss\(\)",
        ),
        ({"loss_fn": lambda out, y: out}, r"a tensor with one number, got shape \(8, 2\)"),
        ({"loss_fn": lambda out, y: 1.0}, "a tensor with one number, got 1.0"),
        (
            {"loss_fn": lambda out, y: cross_entropy(out.detach(), y)},
            r"got a loss without a gradient; look for detach\(\)",
        ),
        ({"model": nn.Linear}, "model must be a torch.nn.Module, got the class Linear"),
        ({"optimizer": torch.optim.SGD}, "as these do, got the class SGD"),
        ({"loader": DataLoader}, "a list of batches, got the class DataLoader"),
        ({"loader": None}, "loader must be a DataLoader or a list of batches, got None"),
        ({"loader": [{"x": 1}]}, r"batches must be pairs \(x, y\), got dict; write a step_fn"),
        ({"loader": [(1, 2, 3)]}, r"batches must be pairs \(x, y\), got tuple"),
        ({"step_fn": None}, "step_fn must be a function, got None"),
        ({"step_fn": lambda *_: None}, "step_fn must return its loss as a float, got None"),
        (
            {"step_fn": lambda *_: torch.ones(2)},
            "step_fn must return its loss as a float, got tensor",
        ),
        ({"also": 3}, "also must be a list of objects, got 3; put it into a list"),
        ({"steps": np.float64(40)}, "steps must be a whole number"),
        ({"start_lr": None}, "start_lr=None"),
        (
            {"optimizer": torch.optim.LBFGS},
            "LBFGS needs a closure; pass a step_fn that passes one",
        ),
    ],
)
def test_bad_input_is_named_and_nothing_is_changed(change, message):
    net = nn.Linear(3, 2)
    arguments = {"model": net, "optimizer": SGD(net.parameters()), "loader": pairs(), **change}
    if arguments["optimizer"] is torch.optim.LBFGS:  # made here: it needs the parameters
        arguments["optimizer"] = torch.optim.LBFGS(net.parameters())
    arguments.setdefault("loss_fn", cross_entropy)
    before = everything(net, arguments["optimizer"])
    with pytest.raises(ValueError, match=message):
        finder.range_test(**arguments)
    assert everything(net, arguments["optimizer"]) == before


def test_a_model_that_is_frozen_is_refused():
    net = nn.Linear(3, 2).requires_grad_(False)
    optimizer = SGD(net.parameters())
    before = everything(net, optimizer)
    with pytest.raises(ValueError, match="got 2, each with requires_grad=False; call requires_gr"):
        finder.range_test(net, optimizer, cross_entropy, pairs())
    assert everything(net, optimizer) == before


def test_parameters_that_no_optimizer_holds_are_named_where_range_test_is_called():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    net[2].requires_grad_(False)  # this one is meant to stay
    optimizer = SGD(net[0].parameters())
    with pytest.warns(UserWarning, match="doesn't hold 1.weight, 1.bias of the model") as said:
        finder.range_test(net, optimizer, cross_entropy, pairs(), steps=3)
    assert [each.filename for each in said] == [__file__]
    second = SGD(net[1].parameters())
    finder.range_test(net, optimizer, cross_entropy, pairs(), steps=3, also=[second])


@pytest.mark.parametrize("steps", [np.int64(40), np.uint8(40), torch.tensor(40)])
def test_any_whole_number_of_steps_will_do(steps):
    net = nn.Linear(3, 2)
    test = finder.range_test(net, SGD(net.parameters()), cross_entropy, pairs(), steps=steps)
    assert test.stopped == "completed: all 40 rates were tried"


def test_too_few_losses_get_the_advice_that_helps():
    net = nn.Linear(3, 2)

    def advice(**options):
        test = finder.range_test(net, SGD(net.parameters()), cross_entropy, pairs(), **options)
        with pytest.raises(ValueError, match="at least 30 finite losses") as raised:
            test.suggest()
        return str(raised.value)

    assert "check the model, the loss and the data" in advice(step_fn=becoming_nan)
    assert "take 30 steps or more" in advice(steps=20)
    calls = itertools.count()
    assert "a smaller end_lr" in advice(
        step_fn=lambda *given: math.nan if next(calls) == 20 else train_step(*given)
    )


# Rates that don't reach the update ---------------------------------------------------------------


def fixed_by_a_scheduler(model, optimizer):
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    optimizer.step()  # else torch warns, the first time

    def step(model, optimizer, loss_fn, batch):
        scheduler.step()
        return train_step(model, optimizer, loss_fn, batch)

    return step


def fixed_by_a_hook(model, optimizer):
    def fix(stepping, *_):
        stepping.param_groups[0]["lr"] = 0.1

    optimizer.register_step_pre_hook(fix)
    return train_step


def whole_numbers(model, optimizer):
    optimizer.param_groups[0]["lr"] = torch.tensor(1)
    return train_step


@pytest.mark.parametrize("make_step", [fixed_by_a_scheduler, fixed_by_a_hook, whole_numbers])
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_an_update_at_another_rate_than_that_of_the_test_is_refused(make_step, wrapped):
    net = nn.Linear(3, 2)
    make = OPTIMIZERS["wrapped SGD" if wrapped else "SGD"]
    optimizer = make(net.parameters())
    step_fn = make_step(net, optimizer)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    with pytest.raises(ValueError, match=r"an update was made at the rate .* the test had set"):
        finder.range_test(net, optimizer, cross_entropy, pairs(), steps=30, step_fn=step_fn)
    assert all(map(torch.equal, before, net.parameters()))
    assert optimizer.param_groups[0]["lr"] in (0.1, 1)


class Stored(torch.optim.Optimizer):
    """Its rate is an attribute, whatever its groups say."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
        self.rate = lr

    @torch.no_grad()
    def step(self, closure=None):
        for p in (p for group in self.param_groups for p in group["params"]):
            p.sub_(self.rate * p.grad)


class Overridden(torch.optim.SGD):
    """A step with a rate of its own."""

    @torch.no_grad()
    def step(self, closure=None):
        for p in (p for group in self.param_groups for p in group["params"]):
            p.sub_(0.1 * p.grad)


class InState(Stored):
    """It notes the rate of its first step."""

    @torch.no_grad()
    def step(self, closure=None):
        for p, lr in ((p, group["lr"]) for group in self.param_groups for p in group["params"]):
            p.sub_(self.state[p].setdefault("lr", lr) * p.grad)


class HalfStored(Stored):
    """The rate of its second group is under another key."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(group.get("own_lr", group["lr"]) * p.grad)


def in_closure_of_step(parameters):
    rate = 0.1
    optimizer = SGD(parameters)

    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.data.sub_(rate * p.grad)

    return type("Closed", (torch.optim.SGD,), {"step": step})(optimizer.param_groups, lr=rate)


def half_stored(parameters):
    weight, bias = parameters
    return HalfStored([{"params": [weight]}, {"params": [bias], "own_lr": 0.1}], lr=0.1)


HIDDEN = {
    "attribute": (partial(Stored, lr=0.1), 0),
    "own step": (partial(Overridden, lr=0.1), 0),
    "state": (partial(InState, lr=0.1), 0),
    "second group": (half_stored, 1),
    "closure": (in_closure_of_step, 0),
    "Rprop": (partial(torch.optim.Rprop, lr=0.1), 0),
    "wrapped": (lambda p: Wrap(p, Overridden, lr=0.1), 0),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_rate_that_the_test_cannot_set_is_refused(name):
    make_optimizer, number = HIDDEN[name]
    net = nn.Linear(3, 2)
    optimizer = make_optimizer(net.parameters())
    before = everything(net, optimizer)
    with pytest.raises(ValueError, match=rf"parameter group {number} of \w+ made the same update"):
        finder.range_test(net, optimizer, cross_entropy, pairs())
    assert everything(net, optimizer) == before


def by_hand(net, optimizer, loss_fn, batch):
    optimizer.zero_grad()
    loss = loss_fn(net(batch[0]), batch[1])
    loss.backward()
    for p in net.parameters():
        p.data.sub_(0.1 * p.grad)
    return loss.item()


def by_another(net, optimizer, loss_fn, batch):
    return train_step(net, SGD(net.parameters()), loss_fn, batch)


@pytest.mark.parametrize("step_fn", [by_hand, by_another])
def test_updates_that_another_than_the_optimizer_makes_are_refused(step_fn):
    net = nn.Linear(3, 2)
    optimizer = SGD(net.parameters())
    before = everything(net, optimizer)
    with pytest.raises(ValueError, match="changed without a step of SGD"):
        finder.range_test(net, optimizer, cross_entropy, pairs(), step_fn=step_fn)
    assert everything(net, optimizer) == before


def amsgrad(parameters):
    return torch.optim.Adam([{"params": [p]} for p in parameters], lr=0.01, amsgrad=True)


FOLLOWING = {
    **OPTIMIZERS,
    "two groups": amsgrad,
    "a group at zero": lambda ps: torch.optim.SGD(
        [{"params": [p], "lr": lr} for p, lr in zip(ps, (0.1, 0.0), strict=True)], momentum=0.9
    ),
    "RAdam": partial(torch.optim.RAdam, lr=0.01),
    "Adadelta": partial(torch.optim.Adadelta, lr=1.0),
    "ASGD": partial(torch.optim.ASGD, lr=0.1),
    "Adafactor": partial(torch.optim.Adafactor, lr=0.01),
}


@pytest.mark.parametrize("steps", [2, 3])
def test_a_rate_that_follows_is_no_hidden_one_in_the_shortest_test(steps):
    net = nn.Linear(3, 2)
    test = finder.range_test(net, SGD(net.parameters()), cross_entropy, pairs(), steps=steps)
    assert len(test.losses) == steps


@pytest.mark.parametrize("name", FOLLOWING)
def test_to_try_an_update_at_two_rates_changes_no_loss_and_is_seen_by_no_hook(name, monkeypatch):
    results = []
    for tried in (False, True):
        if not tried:
            monkeypatch.setattr("lrlib.finder.applied.require_response", lambda *_: None)
        torch.manual_seed(0)
        net = nn.Linear(3, 2)
        optimizer, seen = FOLLOWING[name](net.parameters()), []
        for when in ("pre", "post"):
            watched = getattr(optimizer, "base", optimizer)
            getattr(watched, f"register_step_{when}_hook")(lambda *_, seen=seen: seen.append(1))
        test = finder.range_test(net, optimizer, cross_entropy, pairs(), steps=12)
        results.append((test.losses.tolist(), len(seen)))
        monkeypatch.undo()
    assert results[0] == results[1]
    assert results[0][1] == 2 * len(results[0][0])


def test_a_scheduler_that_steps_after_the_update_does_no_harm():
    net = nn.Linear(3, 2)
    optimizer = SGD(net.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)

    def step(model, optimizer, loss_fn, batch):
        loss = train_step(model, optimizer, loss_fn, batch)
        scheduler.step()
        return loss

    test = finder.range_test(
        net, optimizer, cross_entropy, pairs(), steps=30, step_fn=step, also=[scheduler]
    )
    assert len(test.losses) == 30
    assert not optimizer._optimizer_step_pre_hooks


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_no_group_has_a_negative_rate_or_none_at_all(rate):
    net = nn.Linear(3, 2)
    groups = [{"params": [net.weight]}, {"params": [net.bias], "lr": 0.1}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    optimizer.param_groups[1]["lr"] = rate
    with pytest.raises(ValueError, match=r"got the rates \[0.1, (-0.1|nan|inf)\]"):
        finder.range_test(net, optimizer, cross_entropy, pairs(), steps=30)


@pytest.mark.parametrize("kind", [SimpleNamespace, argparse.Namespace])
def test_a_generator_in_a_namespace_of_the_data_is_left_as_it_was(kind):
    class Noisy(Dataset):
        config = None

        def __len__(self):
            return 8

        def __getitem__(self, index):
            x = torch.randn(3, generator=self.config.generator)
            return x, int(x.sum() > 0)

    noisy = Noisy()
    noisy.config = kind(generator=seeded())
    net = nn.Linear(3, 2)
    before = noisy.config.generator.get_state()
    finder.range_test(
        net, SGD(net.parameters()), cross_entropy, DataLoader(noisy, batch_size=4), steps=30
    )
    assert torch.equal(noisy.config.generator.get_state(), before)
