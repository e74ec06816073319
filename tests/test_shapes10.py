"""Shapes-10: the form of CIFAR-10, balanced, repeatable, and told apart by form alone."""

import hashlib

import pytest
import torch

from lrlib import shapes10


@pytest.fixture(scope="module")
def drawn():
    return shapes10.draw(2000, seed=0)


def test_it_has_the_form_of_cifar10(drawn):
    x, y = drawn
    assert x.shape == (2000, 3, 32, 32)
    assert x.dtype == torch.uint8
    assert y.shape == (2000,)
    assert y.dtype == torch.int64
    assert y.bincount().tolist() == [200] * 10
    assert len(set(shapes10.CLASSES)) == 10


def test_the_order_is_random(drawn):
    _, y = drawn
    assert y[:100].bincount(minlength=10).max() < 30


def test_the_same_seed_gives_the_same_images_and_another_seed_others(drawn):
    x, y = drawn
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    again, labels = shapes10.draw(2000, seed=0)
    torch.set_num_threads(threads)
    assert torch.equal(again, x)
    assert torch.equal(labels, y)
    other, _ = shapes10.draw(2000, seed=1)
    assert not torch.equal(other, x)


def test_no_image_is_drawn_twice(drawn):
    x, _ = drawn
    other, _ = shapes10.draw(2000, seed=1)
    prints = {hashlib.sha256(image.numpy().tobytes()).digest() for image in torch.cat([x, other])}
    assert len(prints) == 4000


def test_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    shapes10.draw(20, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_pixels_are_neither_dark_nor_blown_out(drawn):
    x = drawn[0].float()
    assert 60 < x.mean() < 190
    assert x.std() > 25
    assert ((x == 0) | (x == 255)).float().mean() < 0.1


def test_colour_does_not_tell_the_classes_apart():
    """The nearest class by mean colour is right about as often as a guess."""
    (x, y), (x_new, y_new) = shapes10.draw(4000, seed=2), shapes10.draw(2000, seed=3)
    colours, colours_new = (part.float().mean(dim=(2, 3)) for part in (x, x_new))
    centres = torch.stack([colours[y == label].mean(dim=0) for label in range(10)])
    nearest = torch.cdist(colours_new, centres).argmin(dim=1)
    assert (nearest == y_new).float().mean() < 0.2


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_a_count_that_is_no_positive_integer_is_named(count):
    with pytest.raises(ValueError, match=f"count must be a positive integer, got {count}"):
        shapes10.draw(count, seed=0)


@pytest.mark.parametrize("seed", [None, "0", 0.0, True, -1])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed must be a whole number, at least 0, got {seed!r}"):
        shapes10.draw(20, seed=seed)
