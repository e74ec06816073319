"""The network: its size, its output, and what it refuses."""

import pytest
import torch

from lrlib import model


def test_width_16_has_the_parameters_that_the_text_says():
    assert sum(p.numel() for p in model.small_cnn(width=16).parameters()) == 70_938


def test_it_maps_images_to_logits():
    net = model.small_cnn(width=4)
    device = next(net.parameters()).device
    logits = net(torch.randn(5, 3, 32, 32, device=device))
    assert logits.shape == (5, 10)
    assert logits.dtype == torch.float32


def test_every_parameter_gets_a_gradient():
    net = model.small_cnn(width=4)
    device = next(net.parameters()).device
    net(torch.randn(8, 3, 32, 32, device=device)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_same_seed_gives_the_same_weights():
    weights = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        weights.append(model.small_cnn(width=2)[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("width", [0, -3, 1.5, "16"])
def test_a_width_that_is_no_positive_integer_is_named(width):
    with pytest.raises(ValueError, match=f"positive integer, got {width!r}"):
        model.small_cnn(width)
