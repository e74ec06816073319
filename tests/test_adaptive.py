"""The effective rate: times the gradient, or the momentum, it is the update that torch makes."""

import pytest
import torch
from torch.optim import Adagrad, Adam, AdamW, RMSprop

from lrlib.adaptive import effective_lr

CASES = {
    "adagrad": (Adagrad, {"lr": 0.1}),
    "adagrad that decays": (Adagrad, {"lr": 0.1, "lr_decay": 0.3}),
    "adagrad from a sum above zero": (Adagrad, {"lr": 0.1, "initial_accumulator_value": 0.5}),
    "rmsprop": (RMSprop, {"lr": 0.01}),
    "rmsprop, centred": (RMSprop, {"lr": 0.01, "centered": True, "alpha": 0.9}),
    "adam": (Adam, {"lr": 0.01}),
    "adam with amsgrad": (Adam, {"lr": 0.01, "amsgrad": True, "betas": (0.8, 0.9)}),
    "adam with an L2 penalty": (Adam, {"lr": 0.01, "weight_decay": 0.1}),
    "adam that maximises": (Adam, {"lr": 0.01, "maximize": True}),
    "adamw": (AdamW, {"lr": 0.01, "weight_decay": 0.1}),
}


def make(optimizer_class, settings):
    """Two parameters of different shapes in groups of different rates."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 4), (5,))
    weights = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    weights = [weight.requires_grad_() for weight in weights]
    low = {**settings, "params": weights[:1], "lr": settings["lr"] / 10}
    optimizer = optimizer_class([low, {"params": weights[1:]}], **settings)
    return weights, optimizer, generator


def step(weights, optimizer, generator):
    """Make a step with drawn gradients; return the updates and the gradients that torch used."""
    before = [weight.detach().clone() for weight in weights]
    gradients = []
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        gradients.append(weight.grad.clone())
    optimizer.step()
    return [old - new.detach() for old, new in zip(before, weights, strict=True)], before, gradients


@pytest.mark.parametrize("name", CASES)
def test_rate_times_direction_is_the_update(name):
    optimizer_class, settings = CASES[name]
    weights, optimizer, generator = make(optimizer_class, settings)
    for _ in range(7):
        updates, before, gradients = step(weights, optimizer, generator)
        rates = effective_lr(optimizer)
        for number, (weight, group) in enumerate(zip(weights, optimizer.param_groups, strict=True)):
            state, decay = optimizer.state[weight], group.get("weight_decay", 0.0)
            assert rates[number].shape == weight.shape
            assert rates[number].dtype == weight.dtype
            if "exp_avg" in state:
                direction = state["exp_avg"] / (1 - group["betas"][0] ** state["step"].item())
            else:
                direction = gradients[number] + decay * before[number]
            expected = rates[number] * direction
            if optimizer_class is AdamW:
                expected = expected + group["lr"] * decay * before[number]
            torch.testing.assert_close(updates[number], expected, rtol=1e-6, atol=1e-9)


def test_it_changes_nothing():
    weights, optimizer, generator = make(Adam, {"lr": 0.01})
    step(weights, optimizer, generator)
    before = str(optimizer.state_dict())
    effective_lr(optimizer)
    assert str(optimizer.state_dict()) == before


def test_a_rare_feature_keeps_a_higher_rate_under_adagrad():
    weight = torch.zeros(2, requires_grad=True)
    optimizer = Adagrad([weight], lr=1.0)
    for number in range(100):
        weight.grad = torch.tensor([1.0, float(number % 25 == 0)])
        optimizer.step()
    # The sums of squared gradients are 100 and 4.
    assert effective_lr(optimizer)[0].tolist() == pytest.approx([0.1, 0.5], rel=1e-6)


def test_another_optimizer_is_named():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(TypeError, match="must be Adagrad, RMSprop, Adam or AdamW, got SGD"):
        effective_lr(optimizer)


@pytest.mark.parametrize("optimizer_class", [Adagrad, RMSprop, Adam, AdamW])
def test_an_optimizer_that_has_not_stepped_is_refused(optimizer_class):
    optimizer = optimizer_class([torch.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match="parameter 0 has not been stepped yet"):
        effective_lr(optimizer)


def test_a_parameter_without_a_gradient_is_named():
    weights = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    optimizer = Adam(weights, lr=0.1)
    weights[0].grad = torch.ones(1)
    optimizer.step()
    with pytest.raises(ValueError, match="parameter 1 has not been stepped yet"):
        effective_lr(optimizer)
