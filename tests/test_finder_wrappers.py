"""Optimizers of other libraries that wrap one of torch's: the rate reaches the inner one."""

import pytest
import pytorch_optimizer
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lrlib import finder
from lrlib.step import train_step


def step_with_closure(model, optimizer, loss_fn, batch):
    """The step that the documentation of range_test shows."""

    def closure():
        optimizer.zero_grad()
        loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        return loss

    loss = closure().item()
    optimizer.step(closure)
    return loss


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


def timm_lookahead(parameters):
    from timm.optim.lookahead import Lookahead  # here: it imports torchvision

    return Lookahead(adam(parameters), k=3)


WRAPPERS = {
    "timm Lookahead": (timm_lookahead, "_base_optimizer", train_step),
    "Lookahead": (
        lambda ps: pytorch_optimizer.Lookahead(adam(ps), k=3, pullback_momentum="none"),
        "optimizer",
        train_step,
    ),
    "SAM": (
        lambda ps: pytorch_optimizer.SAM(ps, torch.optim.SGD, lr=0.1, momentum=0.9),
        "base_optimizer",
        step_with_closure,
    ),
}


pytestmark = pytest.mark.usefixtures("torchvision")


def make(name):
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    wrap, attribute, step = WRAPPERS[name]
    optimizer = wrap(net.parameters())
    x = torch.randn(4, 8, 3)
    loader = [(part, (part.sum(dim=1) > 0).long()) for part in x]
    return net, optimizer, getattr(optimizer, attribute), step, loader


@pytest.mark.parametrize("name", WRAPPERS)
def test_the_applied_rate_follows_the_grid(name):
    net, optimizer, inner, step, loader = make(name)
    rates = []
    inner.register_step_pre_hook(lambda opt, *_: rates.append(opt.param_groups[0]["lr"]))
    test = finder.range_test(
        net, optimizer, cross_entropy, loader, steps=40, end_lr=1.0, step_fn=step
    )
    assert rates == test.lrs.tolist()
    assert test.losses.min() < test.losses[0] / 2


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("steps_first", [0, 4])
def test_training_goes_on_as_without_the_test(name, steps_first):
    results = []
    for tests in (0, 2):
        net, optimizer, inner, step, loader = make(name)
        for batch in loader[:steps_first]:
            step(net, optimizer, cross_entropy, batch)
        state = [{key: type(value) for key, value in s.items()} for s in inner.state.values()]
        for _ in range(tests):
            finder.range_test(net, optimizer, cross_entropy, loader, steps=12, step_fn=step)
        assert [{k: type(v) for k, v in s.items()} for s in inner.state.values()] == state
        results.append([step(net, optimizer, cross_entropy, batch) for batch in loader * 3])
    assert results[0] == results[1]


def test_sam_without_a_closure_is_refused_with_the_way_out():
    net, optimizer, _, _, loader = make("SAM")
    before = net.weight.clone()
    with pytest.raises(ValueError, match="SAM needs a closure; pass a step_fn"):
        finder.range_test(net, optimizer, cross_entropy, loader)
    assert torch.equal(net.weight, before)
