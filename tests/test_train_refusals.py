"""What `fit`, `evaluate` and `Batches` refuse, and that nothing has been changed by then."""

import dataclasses
import re
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from lrlib import data, model, schedules, train


def make(width=4):
    torch.manual_seed(0)
    net = model.small_cnn(width=width)
    return net, torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)


@pytest.fixture
def refused(tiny_splits, unchanged):
    """Check that `fit` refuses with a message, and leaves everything bit for bit as it was."""

    def check(message, net, optimizer, splits=tiny_splits, scheduler=None, **options):
        options = {"epochs": 1, "scheduler": scheduler, **options}
        others = (scheduler,) if isinstance(scheduler, LRScheduler) else ()
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
    left_out = pytest.warns(UserWarning, match="doesn't hold 0.weight, 0.bias, .* and 11 more")
    with left_out if part == "the head" else nullcontext():
        train.fit(net, optimizer, tiny_splits, epochs=1)
    moved = [not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True)]
    assert moved[-2:] == [True, True]
    assert any(moved[:-2]) == (part == "more than the model")


def test_a_new_head_that_the_optimizer_does_not_hold_is_named_where_fit_is_called(tiny_splits):
    net, optimizer = make()
    net[-1] = nn.Linear(16, 10)
    with pytest.warns(UserWarning, match="doesn't hold 17.weight, 17.bias of the model") as said:
        train.fit(net, optimizer, tiny_splits, epochs=2)
    assert [each.filename for each in said] == [__file__]


class Cut(nn.Module):
    """Two layers; what comes between them may cut the gradient off."""

    def __init__(self, between, after=lambda logits, training: logits):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.BatchNorm1d(8))
        self.dropout, self.head = nn.Dropout(), nn.Linear(8, 10)
        self.between, self.after = between, after

    def forward(self, x):
        hidden = self.between(self.dropout(self.body(x)), self.training)
        return self.after(self.head(hidden), self.training)


def whole(x, training):
    return x


def detached(x, training):
    return x.detach()


def only_in_eval(x, training):
    return x if training else x.detach()


def only_in_training(x, training):
    return x.detach() if training else x


def through_numpy(x, training):
    return torch.from_numpy(x.detach().numpy())


@pytest.mark.parametrize("cut", [detached, through_numpy])
def test_a_part_that_is_cut_off_is_named_where_fit_is_called(tiny_splits, cut):
    torch.manual_seed(0)
    net = Cut(cut)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    match = "doesn't depend on body.1.weight, body.1.bias, body.2.weight, body.2.bias, which"
    with pytest.warns(UserWarning, match=match) as said:
        train.fit(net, optimizer, tiny_splits, epochs=1)
    assert [each.filename for each in said] == [__file__]


@pytest.mark.parametrize("where", ["between", "after"])
def test_gradients_may_be_off_in_eval_mode(tiny_splits, where):
    torch.manual_seed(0)
    net = Cut(**{"between": whole, where: only_in_eval})
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    histories = [train.fit(net, optimizer, tiny_splits, epochs=1)]
    torch.manual_seed(0)
    net = Cut(whole)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    histories.append(train.fit(net, optimizer, tiny_splits, epochs=1))
    assert histories[0] == histories[1]  # to look for gradients moved no average and no generator


@pytest.mark.parametrize("cut", [detached, through_numpy])
def test_an_output_without_a_gradient(refused, cut):
    net = Cut(whole, after=cut)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    refused(r"got 6 parameters of the model that its forward does not use, or cuts", net, optimizer)


def test_an_optimizer_of_what_is_cut_off(refused):
    net = Cut(detached)
    optimizer = torch.optim.SGD(net.body.parameters(), lr=0.01)
    refused(r"got 4 parameters .* cuts off by detach\(\)", net, optimizer)


def test_an_output_that_is_cut_off_in_training_alone_is_refused_before_a_parameter_moves(
    tiny_splits,
):
    net = Cut(whole, after=only_in_training)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    with pytest.raises(ValueError, match="got a loss without a gradient; look for detach"):
        train.fit(net, optimizer, tiny_splits, epochs=1)
    assert all(map(torch.equal, before, net.parameters()))


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


COSINE = schedules.CosineAnnealing(4)


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        (COSINE, r"got CosineAnnealing\(steps=4, .*make one: LambdaLR\(optimizer, schedule\)"),
        (schedules.Fixed, r"got the class Fixed; make one: LambdaLR\(optimizer, schedule\)"),
        (
            CosineAnnealingLR,
            r"got the class CosineAnnealingLR; make one: CosineAnnealingLR\(optimizer, ",
        ),
        (
            ReduceLROnPlateau,
            r"got the class ReduceLROnPlateau; make one: ReduceLROnPlateau\(optimizer, ",
        ),
        (partial(CosineAnnealingLR, T_max=4), r"got functools.partial\(.*make one"),
        (lambda step: 1.0, "got <function .*; make one: LambdaLR"),
        ("cosine", "got 'cosine'; make one"),
        (0.1, "got 0.1; make one"),
        ([], r"got \[\]; make one"),
    ],
)
def test_what_is_no_scheduler(refused, scheduler, message):
    message = f"scheduler must be a scheduler of torch on the optimizer, {message}"
    refused(message, *make(), scheduler=scheduler)


# Rates that climb -----------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_a_schedule_that_begins_with_no_rate_at_all(refused, factor):
    net, optimizer = make()
    scheduler = LambdaLR(optimizer, lambda step: factor)
    refused(
        "must be finite and not negative, got .* in parameter group 0 at step 0", net, optimizer
    )
    refused("which was not made; change what sets it", net, optimizer, scheduler=scheduler)


def test_a_rate_of_another_group_that_was_set_below_zero(refused):
    net, _ = make()
    groups = [{"params": net[:-1].parameters()}, {"params": net[-1].parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.05)
    LambdaLR(optimizer, lambda step: 1.0)
    optimizer.param_groups[1]["lr"] = -0.05
    refused("got -0.05 in parameter group 1 at step 0", net, optimizer)


@pytest.mark.parametrize("number", [0, 1])
def test_a_rate_that_becomes_negative_is_refused_before_its_step(tiny_splits, number):
    """A line that goes on below zero: it was to end at step 7 of 10."""
    net, _ = make()
    groups = [{"params": net[:-1].parameters()}, {"params": net[-1].parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.05)
    factors = [lambda step: 1.0, lambda step: 1.0]
    factors[number] = lambda step: 1 - step / 7
    scheduler = LambdaLR(optimizer, factors)
    seen = []
    optimizer.register_step_post_hook(
        lambda opt, *_: seen.append(opt.param_groups[number]["lr"] >= 0)
    )
    with pytest.raises(ValueError, match=f"got -0.00714286 in parameter group {number} at step 8"):
        train.fit(net, optimizer, tiny_splits, epochs=2, scheduler=scheduler)
    assert seen == [True] * 8
    assert len(train.last.step) == len(train.last.loss) == 8


# Kinds ----------------------------------------------------------------------------------------


def given_instead(name, value):
    net, optimizer = make()
    return {"model": net, "optimizer": optimizer, name: value}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model", nn.Linear, "model must be a torch.nn.Module, got the class Linear; pass an obj"),
        ("model", None, "model must be a torch.nn.Module, got None"),
        ("optimizer", torch.optim.SGD, "must be one of torch.optim, got the class SGD; make one"),
        ("optimizer", 0.1, "optimizer must be one of torch.optim, got 0.1"),
        ("splits", [1, 2], r"splits must be data.Splits, got \[1, 2\]; data.load\(\) returns"),
        ("splits", data.Splits, "splits must be data.Splits, got the class Splits"),
        ("on_step", 3, "on_step must be a function of the history, got 3; leave it out"),
        ("on_step", "draw", "on_step must be a function of the history, got 'draw'"),
    ],
)
def test_what_is_of_another_kind(tiny_splits, name, value, message, unchanged):
    given = {"splits": tiny_splits, "epochs": 1, **given_instead(name, value)}
    whole = [each for each in (given["model"], given["optimizer"]) if each is not value]
    pair = unchanged(*whole) if len(whole) == 2 else nullcontext()
    with pair, pytest.raises(ValueError, match=message):
        train.fit(given.pop("model"), given.pop("optimizer"), given.pop("splits"), **given)


def test_an_optimizer_that_needs_a_closure(refused):
    net, _ = make()
    message = "LBFGS needs a closure; fit passes it none: write your own loop, with a step"
    refused(message, net, torch.optim.LBFGS(net.parameters()))


def test_an_optimizer_that_a_scheduler_has_wrapped_needs_none(tiny_splits):
    net, optimizer = make()
    LambdaLR(optimizer, lambda step: 1.0)  # it gives the optimizer a step of its own
    train.fit(net, optimizer, tiny_splits, epochs=1)


@pytest.mark.parametrize(
    ("loss_fn", "message"),
    [
        (nn.CrossEntropyLoss, r"got the class CrossEntropyLoss; pass an object of it: Cross.*\(\)"),
        (None, "loss_fn must be a function of the output and y, got None"),
        ("mse", "loss_fn must be a function of the output and y, got 'mse'"),
        (nn.MSELoss(reduction="none"), r"a tensor with one number, got shape \(4, 2\)"),
        (lambda out, y: nn.functional.mse_loss(out, y).item(), "a tensor with one number, got 0"),
        (lambda out, y: nn.functional.mse_loss(out.detach(), y), "a loss without a gradient"),
    ],
)
def test_a_step_with_what_gives_no_loss(loss_fn, message):
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    with pytest.raises(ValueError, match=message):
        train.train_step(net, optimizer, loss_fn, (torch.ones(4, 3), torch.full((4, 2), 0.5)))
    assert all(map(torch.equal, before, net.parameters()))


def test_a_step_with_an_optimizer_that_needs_a_closure():
    net = nn.Linear(3, 2)
    batch = (torch.ones(4, 3), torch.zeros(4, 2))
    with pytest.raises(
        ValueError, match="LBFGS needs a closure; write a step of your own that passes one"
    ):
        train.train_step(net, torch.optim.LBFGS(net.parameters()), nn.functional.mse_loss, batch)


# Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2", None, True])
def test_epochs(refused, epochs):
    refused(f"epochs must be a whole number, at least 1, got {epochs}; ", *make(), epochs=epochs)


@pytest.mark.parametrize("batch_size", [0, 641, 64.0, "64", True])
def test_batch_sizes(refused, batch_size):
    refused(f"whole number from 1 to the 640.*got {batch_size};", *make(), batch_size=batch_size)


@pytest.mark.parametrize("seed", ["0", 0.0, None, True, 2**64, -(2**63) - 1, [0]])
def test_seeds(refused, tiny_splits, seed):
    message = re.escape(f"seed must be a whole number from -2**63 to 2**64 - 1, got {seed!r}; take")
    refused(message, *make(), seed=seed)
    with pytest.raises(ValueError, match=message):
        data.Batches(tiny_splits.val, batch_size=50, seed=seed)


@pytest.mark.parametrize("seed", [2**64 - 1, -(2**63), np.int64(-3)])
def test_every_seed_that_torch_takes_is_taken(tiny_splits, seed):
    history = train.fit(*make(), tiny_splits, epochs=1, seed=seed)
    assert history.seed == seed
    assert type(history.seed) is int


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
