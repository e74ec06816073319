"""The checks of chapter 8: right answers pass, however they are written; wrong ones do not."""

import copy
import math
from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

say = partial(said, "08-lr-finder")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ((10 / 1e-5) ** (1 / 99), True),
        (1.1498, True),
        (10 ** (6 / 99), True),
        (np.geomspace(1e-5, 10, 100)[1] / 1e-5, True),
        (torch.tensor(1e6) ** (1 / 99), True),
        (math.exp(math.log(1e6) / 99), True),
        ((10 / 1e-5) ** (1 / 100), False),
        ((10 - 1e-5) / 99, False),
        (6 / 99, False),
        (1e6, False),
        (1e-6 ** (1 / 99), False),
        (1e6 ** (1 / 98), False),
        ([1.1498], False),
    ],
)
def test_the_factor_from_one_rate_to_the_next(answer, right):
    assert say("exercise-factor", answer).startswith(word(right))


def border(losses, share=0.05):
    return losses.min() + share * (losses[0] - losses.min())


def in_a_loop(lrs, losses):
    lowest = min(losses)
    for lr, loss in zip(lrs, losses, strict=True):
        if losses[0] - loss >= 0.95 * (losses[0] - lowest):
            return lr
    return None


def back_from_the_lowest(lrs, losses):
    """It misses an earlier dip that was deep enough."""
    place = losses.argmin()
    while losses[place - 1] <= border(losses):
        place -= 1
    return lrs[place]


def with_torch(lrs, losses):
    losses = torch.tensor(losses)
    done = (losses[0] - losses) / (losses[0] - losses.min())
    return torch.tensor(lrs)[torch.nonzero(done >= 0.95)[0, 0]]


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (lambda lrs, losses: lrs[np.argmax(losses <= border(losses))], True),
        (lambda lrs, losses: lrs[losses <= border(losses)][0], True),
        (lambda lrs, losses: lrs[losses <= border(losses)].min(), True),
        (in_a_loop, True),
        (with_torch, True),
        (lambda lrs, losses: lrs[losses.argmin()], False),
        (lambda lrs, losses: lrs[losses <= 1.05 * losses.min()][0], False),
        (lambda lrs, losses: lrs[losses <= border(losses)][-1], False),
        (lambda lrs, losses: lrs[np.argmax(losses <= border(losses, 0.95))], False),
        (lambda lrs, losses: lrs[np.abs(losses - border(losses)).argmin()], False),
        (
            lambda lrs, losses: lrs[losses <= losses.min() + 0.05 * np.ptp(losses)][0],
            False,
        ),
        (lambda lrs, losses: lrs[losses <= border(losses)], False),
        (lambda lrs, losses: int(np.argmax(losses <= border(losses))), False),
        (lambda lrs, losses: lrs[losses.argmin()] / 3, False),
        (lambda lrs, losses: 0.042169650342858224, False),
        (lambda lrs, losses: lrs[np.argmax(losses <= 1.1)], False),
        (back_from_the_lowest, False),
    ],
)
def test_the_first_rate_on_the_floor(answer, right):
    assert say("exercise-floor", answer).startswith(word(right))


def kept(model=True, optimizer=True, random=True, copied=copy.deepcopy):
    """A function that restores what is asked for, from copies or not."""

    def run_and_restore(net, own_optimizer, test):
        parts = {net: model, own_optimizer: optimizer}
        states = {part: copied(part.state_dict()) for part, wanted in parts.items() if wanted}
        generator = torch.get_rng_state()
        test(net, own_optimizer)
        for part, state in states.items():
            part.load_state_dict(state)
        if random:
            torch.set_rng_state(generator)

    return run_and_restore


def on_copies(net, optimizer, test):
    state = torch.get_rng_state()
    test(*copy.deepcopy((net, optimizer)))
    torch.set_rng_state(state)


def with_fork(net, optimizer, test):
    with torch.random.fork_rng():
        kept(random=False)(net, optimizer, test)


def with_clones(net, optimizer, test):
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    state, generator = copy.deepcopy(optimizer.state_dict()), torch.random.get_rng_state()
    test(net, optimizer)
    net.load_state_dict(weights)
    optimizer.load_state_dict(state)
    torch.random.set_rng_state(generator)


def even_after_an_error(net, optimizer, test):
    undo = copy.deepcopy(net.state_dict()), copy.deepcopy(optimizer.state_dict())
    generator = torch.get_rng_state()
    try:
        test(net, optimizer)
    finally:
        torch.set_rng_state(generator)
        net.load_state_dict(undo[0])
        optimizer.load_state_dict(undo[1])


def parameters_alone(net, optimizer, test):
    weights = [weight.detach().clone() for weight in net.parameters()]
    kept(model=False)(net, optimizer, test)
    with torch.no_grad():
        for weight, old in zip(net.parameters(), weights, strict=True):
            weight.copy_(old)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (kept(), True),
        (on_copies, True),
        (with_fork, True),
        (with_clones, True),
        (even_after_an_error, True),
        (kept(copied=lambda state: state), False),
        (kept(model=False), False),
        (kept(optimizer=False), False),
        (kept(random=False), False),
        (parameters_alone, False),
        (lambda net, optimizer, test: None, False),
    ],
)
def test_a_finder_that_forgets_nothing(answer, right):
    assert say("exercise-bug", answer).startswith(word(right))
