"""After a range test everything is bit for bit what it was, however the test ended."""

import random
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

from lrlib import data, finder
from lrlib.step import train_step

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
OPTIMIZERS = {
    "SGD": lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True),
    "Adam": lambda groups: torch.optim.Adam(groups, lr=0.003, amsgrad=True),
    "AdamW": lambda groups: torch.optim.AdamW(groups, lr=0.003),
}


class Net(nn.Module):
    """Everything that is easily forgotten: see the comments."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.dropout = nn.Dropout(0.3)
        self.inner = nn.Linear(6, 6, bias=False)
        self.tied = nn.Linear(6, 6, bias=False)
        self.tied.weight = self.inner.weight  # one parameter in two modules
        self.head = nn.Linear(6, 4)
        self.head.bias.requires_grad_(False)  # frozen
        self.register_buffer("noise", torch.zeros(6), persistent=False)  # not in state_dict
        self.register_buffer("late", None)  # made by the first forward
        self.register_buffer("average", torch.zeros(6))  # another tensor after each forward
        self.register_buffer("wide", torch.ones(1).expand(6))  # cannot be written to
        self.register_buffer("view", self.noise[:3])  # shares memory with another buffer
        self.calls = 0  # a plain attribute
        self.seen = torch.zeros(6)  # a tensor that is not even a buffer

    def forward(self, x):
        self.calls += 1
        h = self.norm(self.conv(x)).relu().amax(dim=(2, 3))
        h = self.dropout(self.tied(self.inner(h))) * self.wide
        if self.training:
            self.noise.normal_()
            self.late = h.detach().mean(dim=0)
            self.average = 0.9 * self.average + 0.1 * self.late
            self.seen += 1
        return self.head(h + 0.1 * self.noise)


class Noisy(Dataset):
    """A data set whose transform draws from numpy and from Python."""

    def __init__(self, count=96):
        generator = torch.Generator().manual_seed(3)
        self.y = torch.arange(count) % 4
        levels = self.y[:, None, None, None].float()
        self.x = levels + torch.randn(count, 3, 6, 6, generator=generator)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, index):
        shift = np.random.normal() + random.gauss(0, 1)  # noqa: NPY002
        return self.x[index] + 0.1 * shift, self.y[index]


def seeded(seed=5):
    return torch.Generator().manual_seed(seed)


LOADERS = {
    "global shuffle": lambda: DataLoader(Noisy(), batch_size=16, shuffle=True),
    "seeded shuffle": lambda: DataLoader(Noisy(), 16, shuffle=True, generator=seeded()),
    "seeded sampler": lambda: DataLoader(
        Noisy(), 16, sampler=RandomSampler(Noisy(), generator=seeded())
    ),
    "batch sampler": lambda: DataLoader(
        Noisy(),
        batch_sampler=torch.utils.data.BatchSampler(
            RandomSampler(Noisy(), replacement=True, generator=seeded()), 16, drop_last=True
        ),
    ),
    "own generators": lambda: HomemadeLoader(),
}


class HomemadeLoader:
    """A loader with a numpy and a Python generator and a counter that decide its order."""

    def __init__(self):
        self.order, self.shift, self.epoch = np.random.default_rng(1), random.Random(1), 0
        self.generator = seeded()

    def __iter__(self):
        self.epoch += 1
        for _ in range(6):
            x = torch.randn(16, 3, 6, 6, generator=self.generator) + self.shift.random()
            yield x + self.epoch, torch.from_numpy(self.order.integers(0, 4, 16))


def make(optimizer="SGD", loader="global shuffle", device="cpu", seed=0):
    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(seed)
    net = Net().to(device)
    net.seen = net.seen.to(device)
    net.norm.eval()  # a mode that train() would change
    groups = [{"params": [net.conv.weight, net.conv.bias], "lr": 0.01}]
    others = [p for p in net.parameters() if p is not net.conv.weight and p is not net.conv.bias]
    return net, OPTIMIZERS[optimizer]([*groups, {"params": others}]), LOADERS[loader]()


def step_on(net, optimizer, loss_fn, batch):
    device = net.head.weight.device
    return train_step(net, optimizer, loss_fn, [part.to(device) for part in batch])


def train(net, optimizer, loader, epochs=1, scheduler=None):
    losses = []
    for _ in range(epochs):
        for batch in loader:
            losses.append(step_on(net, optimizer, cross_entropy, batch))
            if scheduler is not None:
                scheduler.step()
    return losses


def run(net, optimizer, loader, **options):
    options = {"steps": 12, "end_lr": 1.0, "step_fn": step_on, **options}
    return finder.range_test(net, optimizer, cross_entropy, loader, **options)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("trained", [False, True], ids=["before training", "in the middle"])
def test_nothing_changes(unchanged, optimizer, loader, trained, device):
    parts = make(optimizer, loader, device)
    if trained:
        train(*parts)
    with unchanged(*parts):
        first = run(*parts)
    with unchanged(*parts):
        second = run(*parts)
    assert first.losses.tolist() == second.losses.tolist()
    assert len(set(first.losses.tolist())) == 12


class StopError(Exception):
    pass


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("when", ["before the update", "after the update"])
@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt])
@pytest.mark.parametrize("trained", [False, True], ids=["before training", "in the middle"])
def test_nothing_changes_when_a_step_fails(unchanged, error, when, optimizer, trained, device):
    parts = make(optimizer, "seeded shuffle", device)
    if trained:
        train(*parts)
    calls = []

    def fail(net, optimizer, loss_fn, batch):
        calls.append(1)
        if len(calls) == 8 and when == "before the update":
            loss_fn(net(batch[0].to(device)), batch[1].to(device)).backward()
            raise error
        loss = step_on(net, optimizer, loss_fn, batch)
        if len(calls) == 8:
            raise error
        return loss

    with unchanged(*parts), pytest.raises(error):
        run(*parts, step_fn=fail)
    assert len(calls) == 8


def test_nothing_changes_when_the_loader_fails(unchanged):
    net, optimizer, _ = make()
    batch = next(iter(LOADERS["own generators"]()))

    class Broken:
        def __init__(self):
            self.epoch = 0

        def __iter__(self):
            self.epoch += 1
            yield batch
            raise StopError

    loader = Broken()
    with unchanged(net, optimizer, loader), pytest.raises(StopError):
        run(net, optimizer, loader)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_nothing_changes_when_the_weights_become_nan(unchanged, optimizer, device):
    parts = make(optimizer, "seeded shuffle", device)
    train(*parts)

    def poison(net, optimizer, loss_fn, batch):
        loss = step_on(net, optimizer, lambda *pair: loss_fn(*pair) * float("nan"), batch)
        assert all(p.isnan().any() for p in net.parameters() if p.requires_grad)
        return loss

    with unchanged(*parts):
        test = run(*parts, step_fn=poison)
    assert "nan" in test.stopped
    assert len(test.losses) == 0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_with_it_equals_training_without_it(freeze, optimizer, loader, device):
    results = []
    for tests in (False, True):
        parts = make(optimizer, loader, device)
        schedulers = [LambdaLR(parts[1], lambda step: 0.99**step)]
        losses = []
        for runs in (1, 2, 0):
            for _ in range(runs * tests):
                run(*parts)
            losses += train(*parts, scheduler=schedulers[0])
        weights = [freeze(p)[1:] for p in parts[0].parameters()]
        results.append((losses, weights, [freeze(b)[1:] for b in parts[0].buffers()]))
    assert results[0] == results[1]
    assert len(set(results[0][0])) > 10


def test_training_with_the_batches_of_this_book_goes_on_as_without_it():
    images = data.Images(Noisy(256).x.clamp(0, 1).mul(255).to(torch.uint8), Noisy(256).y)
    x = torch.nn.functional.interpolate(images.x.float(), 32).to(torch.uint8)
    results = []
    for tests in (0, 2):
        net, optimizer, _ = make()
        loader = data.Batches(data.Images(x, images.y), batch_size=32)
        for _ in range(tests):
            run(net, optimizer, loader)
        results.append(train(net, optimizer, loader, epochs=2))
    assert results[0] == results[1]


def test_persistent_workers_go_on_where_they_were():
    def workers():
        return DataLoader(Noisy(), 16, shuffle=True, num_workers=1, persistent_workers=True)

    results = []
    for tests in (False, True):
        net, optimizer, _ = make()
        loader = workers()
        losses = train(net, optimizer, loader)
        iterator = loader._iterator
        if tests:
            run(net, optimizer, loader)
        assert loader._iterator is iterator
        losses += train(net, optimizer, loader)
        results.append(losses)
    assert results[0] == results[1]


def test_a_pass_through_the_loader_that_is_under_way_goes_on():
    results = []
    for tests in (False, True):
        net, optimizer, loader = make(loader="seeded shuffle")
        losses = []
        for number, batch in enumerate(loader):
            if tests and number == 3:
                run(net, optimizer, loader)
            losses.append(step_on(net, optimizer, cross_entropy, batch))
        results.append(losses + train(net, optimizer, loader))
    assert results[0] == results[1]


@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_that_were_there_come_back(to_none):
    def step(net, optimizer, loss_fn, batch):
        optimizer.zero_grad(set_to_none=to_none)
        loss = loss_fn(net(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.item()

    net, optimizer, loader = make()
    batch = next(iter(loader))
    cross_entropy(net(batch[0]), batch[1]).backward()
    gradient = net.head.weight.grad
    values = gradient.clone()
    run(net, optimizer, loader, step_fn=step)
    assert net.head.weight.grad is gradient
    assert torch.equal(gradient, values)
    assert net.head.bias.grad is None


def attached(steps_first=0):
    net, optimizer, loader = make()
    scheduler = LambdaLR(optimizer, lambda step: 1 / (1 + step))
    for _ in range(steps_first):
        step_on(net, optimizer, cross_entropy, next(iter(loader)))
    run(net, optimizer, loader)
    return optimizer, scheduler


def test_the_step_order_warning_still_fires_on_misuse():
    _, scheduler = attached()
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()


def test_the_step_order_warning_does_not_fire_on_right_use():
    optimizer, scheduler = attached(steps_first=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.005, 0.025]


def test_a_scheduler_is_neither_attached_nor_moved():
    optimizer, scheduler = attached(steps_first=1)
    assert scheduler.last_epoch == 0
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.01, 0.05]
    net, plain, loader = make()
    run(net, plain, loader)
    assert all("initial_lr" not in group for group in plain.param_groups)
    assert plain.state == {}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fails", [False, True])
def test_a_scaler_is_what_it_was_even_between_its_calls(unchanged, fails, device):
    net, optimizer, loader = make(device=device)
    scaler = torch.amp.GradScaler(device, init_scale=2.0**10, growth_interval=3)
    calls = []

    def step(net, optimizer, loss_fn, batch):
        calls.append(1)
        x, y = (part.to(device) for part in batch)
        optimizer.zero_grad()
        loss = loss_fn(net(x), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        if fails and len(calls) > 5:
            raise StopError
        scaler.step(optimizer)
        scaler.update()
        return loss.item()

    step(net, optimizer, cross_entropy, next(iter(loader)))
    scale = scaler.get_scale()
    calls.clear()
    failing = pytest.raises(StopError) if fails else nullcontext()
    with unchanged(net, optimizer, loader, scaler), failing:
        run(net, optimizer, loader, step_fn=step, also=(scaler,))
    assert scaler.get_scale() == scale
    calls.clear()
    step(net, optimizer, cross_entropy, next(iter(loader)))  # unscale_ twice would raise


def test_a_second_model_its_optimizer_and_a_scheduler_are_what_they_were(unchanged):
    net, optimizer, loader = make()
    other, other_optimizer, _ = make("Adam", seed=1)
    scheduler = LambdaLR(other_optimizer, lambda step: 0.9**step)

    def step(net, optimizer, loss_fn, batch):
        step_on(other, other_optimizer, loss_fn, batch)
        scheduler.step()
        return step_on(net, optimizer, loss_fn, batch)

    step(net, optimizer, cross_entropy, next(iter(loader)))
    with unchanged(other, other_optimizer, loader, scheduler):
        run(net, optimizer, loader, step_fn=step, also=(other, other_optimizer, scheduler))


def test_a_second_optimizer_alone_trains_its_parameters_and_is_what_it_was():
    net, optimizer, loader = make()
    scale = nn.Parameter(torch.ones(()))
    second = torch.optim.Adam([scale], lr=0.1)
    seen = []

    def step(net, optimizer, loss_fn, batch):
        second.zero_grad()
        loss = step_on(net, optimizer, lambda logits, y: loss_fn(scale * logits, y), batch)
        second.step()
        seen.append(scale.item())
        return loss

    run(net, optimizer, loader, step_fn=step, also=(second,))
    assert len(set(seen)) == 12
    assert scale.item() == 1.0
    assert scale.grad is None
    assert second.state == {}


@pytest.mark.filterwarnings("ignore:.*torch.jit")  # on its way out, and still in use
def test_a_scripted_module_is_what_it_was(freeze):
    net = torch.jit.script(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)))
    net.eval()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.randn(16, 3)
    before = freeze(dict(net.state_dict(keep_vars=True)))[1:]
    modes = [module.training for module in net.modules()]
    finder.range_test(net, optimizer, cross_entropy, [(x, (x[:, 0] > 0).long())], steps=5)
    assert freeze(dict(net.state_dict(keep_vars=True)))[1:] == before
    assert [module.training for module in net.modules()] == modes


def test_a_loss_with_parameters_of_its_own_is_what_it_was(unchanged):
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))
            self.register_buffer("count", torch.zeros(()), persistent=False)

        def forward(self, logits, y):
            self.count += 1
            return cross_entropy(logits * self.scale, y)

    net, _, loader = make()
    loss_fn = Weighted().eval()
    optimizer = torch.optim.AdamW([*net.parameters(), *loss_fn.parameters()])
    with unchanged(loss_fn, optimizer, loader):
        finder.range_test(net, optimizer, loss_fn, loader, steps=6)


def test_a_sparse_buffer_is_what_it_was():
    net = nn.Linear(3, 2)
    net.register_buffer("edges", torch.eye(3).to_sparse())

    def step(net, optimizer, loss_fn, batch):
        net.edges.mul_(2)
        return 1.0

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    finder.range_test(net, optimizer, None, [None], steps=4, step_fn=step)
    assert torch.equal(net.edges.to_dense(), torch.eye(3))


def test_a_tensor_data_set_in_a_plain_loader_needs_no_seed(unchanged):
    """The five lines of the first page: a global shuffle, nothing seeded."""
    x = torch.randn(64, 3)
    loader = DataLoader(TensorDataset(x, (x.sum(dim=1) > 0).long()), batch_size=8, shuffle=True)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with unchanged(net, optimizer, loader):
        finder.range_test(net, optimizer, cross_entropy, loader)
