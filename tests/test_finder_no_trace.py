"""After a range test everything is bit for bit what it was, whatever happened inside."""

import copy
import math
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lrlib import data, finder

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
}


class Net(nn.Module):
    """Batch-norm, dropout, a frozen layer, tied weights, and buffers of every kind."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.3)
        self.tied = nn.Linear(8, 8, bias=False)
        self.again = nn.Linear(8, 8, bias=False)
        self.again.weight = self.tied.weight
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.last = nn.Linear(8, 3)
        self.register_buffer("calls", torch.zeros(1), persistent=False)
        self.register_buffer("replaced", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        self.replaced = self.replaced + 1  # a new tensor in place of the old one
        x = self.drop(self.norm(self.first(x)).relu())
        return self.last(self.frozen(self.again(self.tied(x))))


class NoisyDataset(TensorDataset):
    """Draws from each generator that data sets use."""

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        noise = torch.rand(1).item() + random.random() + np.random.rand()  # noqa: NPY002
        return x + 0.1 * noise, y


def make(optimizer="sgd", device="cpu", shuffle="seeded"):
    torch.manual_seed(1)
    random.seed(2)
    np.random.seed(3)  # noqa: NPY002
    x, y = torch.randn(96, 6), torch.randint(3, (96,))
    generator = torch.Generator().manual_seed(4) if shuffle == "seeded" else None
    loader = DataLoader(NoisyDataset(x, y), batch_size=16, shuffle=True, generator=generator)
    model = Net().to(device)
    model.drop.eval()  # a flag that differs from the others
    return model, OPTIMIZERS[optimizer](model.parameters()), loader


def step_fn(model, optimizer, loss_fn, batch):
    device = next(model.parameters()).device
    x, y = (part.to(device) for part in batch)
    loss = loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def train_steps(model, optimizer, loader, count):
    losses = []
    while len(losses) < count:
        for batch in loader:
            losses.append(step_fn(model, optimizer, nn.functional.cross_entropy, batch))
            if len(losses) == count:
                break
    return losses


def everything(model, optimizer, loader):
    """All that a run depends on, as plain data that compares bit for bit."""

    def plain(value):
        if isinstance(value, torch.Tensor):
            return (str(value.dtype), str(value.device), value.detach().cpu().numpy().tobytes())
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return value

    return {
        "parameters": plain(dict(model.named_parameters())),
        "buffers": plain(dict(model.named_buffers())),
        "grads": plain({name: p.grad for name, p in model.named_parameters()}),
        "modes": {name: module.training for name, module in model.named_modules()},
        "optimizer": plain(optimizer.state_dict()),
        "called": vars(optimizer).get("_opt_called"),
        "torch": plain(torch.get_rng_state()),
        "cuda": plain(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else None,
        "python": random.getstate(),
        "numpy": [
            part.tobytes() if isinstance(part, np.ndarray) else part
            for part in np.random.get_state()  # noqa: NPY002
        ],
        "loader": plain(loader.generator.get_state()) if loader.generator else None,
    }


def identities(model, optimizer):
    """Tensors that others may hold a reference to must stay the same objects."""
    tensors = [*model.parameters(), *model.buffers(), *(p.grad for p in model.parameters())]
    return [id(tensor) for tensor in tensors] + [id(group) for group in optimizer.param_groups]


def run_test(model, optimizer, loader, **options):
    options = {"steps": 25, "end_lr": 1.0, "step_fn": step_fn, **options}
    return finder.range_test(model, optimizer, nn.functional.cross_entropy, loader, **options)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("steps_before", [0, 7])
@pytest.mark.parametrize("shuffle", ["seeded", "global"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_everything_is_what_it_was(optimizer, shuffle, steps_before, device):
    things = make(optimizer, device, shuffle)
    train_steps(*things, steps_before)
    before, objects = everything(*things), identities(*things[:2])
    for _ in range(2):  # after one test and after two
        run_test(*things)
        assert everything(*things) == before
        assert identities(*things[:2]) == objects


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("steps_before", [0, 7])
@pytest.mark.parametrize("shuffle", ["seeded", "global"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_after_it_equals_training_without_it(optimizer, shuffle, steps_before, device):
    losses = []
    for tests in (0, 1, 2):
        things = make(optimizer, device, shuffle)
        train_steps(*things, steps_before)
        for _ in range(tests):
            run_test(*things)
        losses.append(train_steps(*things, 20))
    assert losses[1] == losses[0]
    assert losses[2] == losses[0]


def test_the_test_itself_would_be_seen():
    """Without the restoring, the comparisons above notice: the steps do change everything."""
    things = make()
    before = everything(*things)
    train_steps(*things, 5)
    after = everything(*things)
    assert {key for key in before if before[key] != after[key]} == set(before) - {
        "modes",
        "cuda",
        "called",
    }


class StepError(Exception):
    pass


@pytest.mark.parametrize("fault", [StepError, KeyboardInterrupt, "nan", "nan weights"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_fault_inside_leaves_no_trace(optimizer, fault):
    things = make(optimizer)
    train_steps(*things, 3)
    before = everything(*things)
    calls = []

    def faulty(model, optimizer, loss_fn, batch):
        calls.append(1)
        loss = step_fn(model, optimizer, loss_fn, batch)
        if len(calls) < 6:
            return loss
        if fault == "nan weights":
            with torch.no_grad():
                model.first.weight.fill_(math.nan)
        if isinstance(fault, str):
            return math.nan
        raise fault("a fault in the step")

    if isinstance(fault, str):
        assert len(run_test(*things, step_fn=faulty).losses) == 5
    else:
        with pytest.raises(fault):
            run_test(*things, step_fn=faulty)
    assert everything(*things) == before


def test_a_loss_with_state_of_its_own_is_put_back():
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(3))

        def forward(self, logits, y):
            self.mean.mul_(0.9).add_(0.1 * logits.detach().mean(dim=0))
            return nn.functional.cross_entropy(logits - self.mean, y)

    model, optimizer, loader = make()
    loss_fn = Centred()
    finder.range_test(model, optimizer, loss_fn, loader, steps=10, step_fn=step_fn)
    assert loss_fn.mean.tolist() == [0, 0, 0]


def test_the_generator_of_our_own_batches_is_put_back():
    images = data.Images(torch.zeros(64, 3, 32, 32, dtype=torch.uint8), torch.arange(64) % 3)
    batches = data.Batches(images, batch_size=16)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = batches.generator.get_state()
    finder.range_test(model, optimizer, nn.functional.cross_entropy, batches, steps=10)
    assert torch.equal(batches.generator.get_state(), before)


@pytest.mark.parametrize("trained_before", [False, True])
def test_torchs_warning_of_a_wrong_order_still_fires(trained_before):
    """The steps of the test must not count as the reader's own first step."""
    model, optimizer, loader = make()
    if trained_before:
        train_steps(model, optimizer, loader, 2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)
    run_test(model, optimizer, loader)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scheduler.step()  # misuse: no optimizer step came before
    assert ["lr_scheduler.step()" in str(warning.message) for warning in caught] == [True]


def test_a_scheduler_goes_on_where_it_was():
    rates = []
    for tests in (0, 1):
        model, optimizer, loader = make()
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
        for step in range(20):
            if step == 8 and tests:
                run_test(model, optimizer, loader)
            train_steps(model, optimizer, loader, 1)
            scheduler.step()
            rates.append((tests, step, optimizer.param_groups[0]["lr"]))
    assert [rate for tests, *rate in rates if tests] == [rate for t, *rate in rates if not t]


def test_a_rate_that_is_a_tensor_stays_that_tensor():
    model, _, loader = make()
    lr = torch.tensor(0.05)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    run_test(model, optimizer, loader)
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == pytest.approx(0.05)


def test_a_deep_copy_of_the_state_survives():
    """What the reader saved before stays what it was: the restoring shares nothing with it."""
    model, optimizer, loader = make("adam")
    train_steps(model, optimizer, loader, 3)
    saved = copy.deepcopy(optimizer.state_dict())
    run_test(model, optimizer, loader)
    train_steps(model, optimizer, loader, 1)
    assert saved["state"][0]["step"].item() == 3
