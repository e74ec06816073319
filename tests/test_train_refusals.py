"""What `fit`, `evaluate` and `Batches` refuse, and that nothing has been changed by then."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from lrlib import data, model, train


def make(width=4):
    torch.manual_seed(0)
    net = model.small_cnn(width=width)
    return net, torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)


@pytest.fixture
def refused(tiny_splits, unchanged):
    """Check that `fit` refuses with a message, and leaves everything bit for bit as it was."""

    def check(message, net, optimizer, splits=tiny_splits, scheduler=None, **options):
        options = {"epochs": 1, "scheduler": scheduler, **options}
        others = () if scheduler is None else (scheduler,)
        with unchanged(net, optimizer, None, *others), pytest.raises(ValueError, match=message):
            train.fit(net, optimizer, splits, **options)

    return check


# The model and the optimizer ------------------------------------------------------------------

NOTHING_TRAINED = r"got \d+ tensors? in it and none of them among the model's \d+.*make it from"


def test_the_optimizer_of_another_model(refused):
    refused(NOTHING_TRAINED, make()[0], make()[1])


def test_an_averaged_model_beside_the_optimizer_of_its_model(refused):
    net, optimizer = make()
    refused(NOTHING_TRAINED + ".*AveragedModel", AveragedModel(net), optimizer)


def test_an_optimizer_of_copies(refused):
    net, _ = make()
    copies = [parameter.detach().clone().requires_grad_() for parameter in net.parameters()]
    refused(NOTHING_TRAINED, net, torch.optim.Adam(copies))


def test_a_model_without_parameters(refused):
    class Brightness(nn.Module):
        def forward(self, x):
            return x.mean(dim=(1, 2, 3))[:, None].repeat(1, 10)

    refused("none of them among the model's 0", Brightness(), make()[1])


def test_a_model_that_is_frozen(refused):
    net, optimizer = make()
    net.requires_grad_(False)
    refused("each with requires_grad=False.*requires_grad_", net, optimizer)


def test_an_optimizer_of_the_frozen_part(refused):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.Linear(8, 10))
    net[1].requires_grad_(False)
    optimizer = torch.optim.SGD(net[1].parameters(), lr=0.1)
    refused("got 2 parameters of the model, each with requires_grad=False", net, optimizer)


def test_an_optimizer_of_a_part_that_forward_does_not_use(refused):
    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Linear(3072, 10), nn.Linear(3072, 10)

        def forward(self, x):
            return self.used(x.flatten(1))

    net = TwoHeads()
    optimizer = torch.optim.SGD(net.spare.parameters(), lr=0.1)
    refused("got 2 parameters of the model that its forward does not use", net, optimizer)


@pytest.mark.parametrize("part", ["the head", "half frozen", "more than the model"])
def test_a_part_of_the_model_may_be_trained(tiny_splits, part):
    net, optimizer = make()
    head = list(net[-1].parameters())
    if part == "the head":
        optimizer = torch.optim.SGD(head, lr=0.05)
    elif part == "half frozen":
        for parameter in list(net.parameters())[:-2]:
            parameter.requires_grad_(False)
    else:
        other = nn.Linear(2, 2)
        optimizer = torch.optim.SGD([*net.parameters(), *other.parameters()], lr=0.05)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    train.fit(net, optimizer, tiny_splits, epochs=1)
    moved = [not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True)]
    assert moved[-2:] == [True, True]
    assert any(moved[:-2]) == (part == "more than the model")


def test_gradients_are_left_as_they_were(tiny_splits):
    net, optimizer = make()
    net[-1].bias.grad = torch.ones(10)
    with pytest.raises(ValueError, match="epochs"):
        train.fit(net, optimizer, tiny_splits, epochs=0)
    assert net[-1].bias.grad.tolist() == [1.0] * 10


# The scheduler --------------------------------------------------------------------------------


def test_a_plateau_that_waits_for_a_rise(refused):
    net, optimizer = make()
    scheduler = ReduceLROnPlateau(optimizer, mode="max")
    refused("mode='min'.*got mode='max'", net, optimizer, scheduler=scheduler)


def test_a_scheduler_whose_step_needs_something(refused):
    class ByNumber(LRScheduler):
        def get_lr(self):
            return self.base_lrs

        def _initial_step(self):
            self._step_count = 0

        def step(self, number):
            raise AssertionError("it must not be called")

    net, optimizer = make()
    message = "got ByNumber: missing a required argument: 'number'.*LambdaLR"
    refused(message, net, optimizer, scheduler=ByNumber(optimizer))


def test_the_scheduler_of_another_optimizer(refused):
    net, optimizer = make()
    scheduler = LambdaLR(make()[1], lambda step: 1.0)
    refused("another optimizer", net, optimizer, scheduler=scheduler)


# Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2", None])
def test_epochs(refused, epochs):
    refused(f"epochs must be a whole number, at least 1, got {epochs}; ", *make(), epochs=epochs)


@pytest.mark.parametrize("batch_size", [0, 641, 64.0, "64"])
def test_batch_sizes(refused, batch_size):
    refused(f"whole number from 1 to the 640.*got {batch_size};", *make(), batch_size=batch_size)


def test_numbers_of_numpy_are_numbers(tiny_splits):
    history = train.fit(*make(), tiny_splits, epochs=np.int64(2), batch_size=np.int32(64))
    assert len(history.step) == 20


# The images -----------------------------------------------------------------------------------


def float_images(images):
    return data.Images(images.x / 255, images.y)


# A name, what is done to images, and what the refusal says of them.
BAD_IMAGES = [
    ("floats from 0 to 1", float_images, "x must be uint8.*got float32; .*255"),
    ("double", lambda i: data.Images(i.x.double(), i.y), "x must be uint8.*got float64"),
    ("int64", lambda i: data.Images(i.x.long(), i.y), "x must be uint8.*got int64"),
    ("more images", lambda i: data.Images(i.x, i.y[:70]), r"got \d+ images and 70 labels"),
    ("more labels", lambda i: data.Images(i.x[:70], i.y), r"got 70 images and \d+ labels"),
    ("none", lambda i: data.Images(i.x[:0], i.y[:0]), "at least one image, got 0"),
    (
        "channels last",
        lambda i: data.Images(i.x.permute(0, 2, 3, 1), i.y),
        r"shape \(N, 3, 32, 32\), got \(\d+, 32, 32, 3\); put the channels",
    ),
    ("grey", lambda i: data.Images(i.x[:, :1], i.y), r"got \(\d+, 1, 32, 32\)"),
    ("flat", lambda i: data.Images(i.x.flatten(1), i.y), r"got \(\d+, 3072\)"),
    ("28 by 28", lambda i: data.Images(i.x[..., :28, :28], i.y), r"got \(\d+, 3, 28, 28\)"),
    ("int32 labels", lambda i: data.Images(i.x, i.y.int()), "y must be int64.*got int32"),
    ("float labels", lambda i: data.Images(i.x, i.y.float()), "y must be int64.*got float32"),
    (
        "one-hot labels",
        lambda i: data.Images(i.x, nn.functional.one_hot(i.y, 10)),
        r"got int64 of shape \(\d+, 10\)",
    ),
    ("arrays", lambda i: data.Images(i.x.numpy(), i.y), "x must be a torch tensor, got ndarray"),
    ("a list", lambda i: data.Images(i.x, i.y.tolist()), "y must be a torch tensor, got list"),
    ("elsewhere", lambda i: data.Images(i.x, i.y.to("meta")), "one device, got cpu and meta"),
]
BAD_LABELS = [
    ("from 1", lambda i: data.Images(i.x, i.y + 1), "from 0 to 9.* got 1 to 10"),
    ("ignored", lambda i: data.Images(i.x, i.y.clamp(max=8) - 100), "got -100 to -92"),
]


@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize(("name", "spoil", "message"), BAD_IMAGES + BAD_LABELS)
def test_images_in_fit(refused, tiny_splits, part, name, spoil, message):
    spoilt = dataclasses.replace(tiny_splits, **{part: spoil(getattr(tiny_splits, part))})
    refused(f"splits.{part}.*{message}", *make(), splits=spoilt)


@pytest.mark.parametrize(("name", "spoil", "message"), BAD_IMAGES)
def test_images_in_batches_and_in_evaluate(tiny_splits, name, spoil, message):
    images = spoil(tiny_splits.val)
    with pytest.raises(ValueError, match=f"images.*{message}"):
        data.Batches(images, batch_size=50)
    with pytest.raises(ValueError, match=f"images.*{message}"):
        train.evaluate(make()[0], images)


def test_a_single_label_without_a_class(refused, tiny_splits):
    y = tiny_splits.train.y.clone()
    y[137] = 10
    splits = dataclasses.replace(tiny_splits, train=data.Images(tiny_splits.train.x, y))
    refused(re.escape("splits.train must be from 0 to 9"), *make(), splits=splits)
