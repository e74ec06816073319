"""On a GPU `fit` reads losses now and then only. Here a CPU plays the GPU: it reads as seldom."""

import math

import pytest
import torch

from lrlib import model, train


def fit(splits, read_every, monkeypatch, *, spoil_at=None, epochs=3, **options):
    """Train for 5 steps an epoch; after step `spoil_at` the weights are not finite."""
    monkeypatch.setitem(train._READ_EVERY, "cpu", read_every)
    torch.manual_seed(0)
    net = model.small_cnn(width=4).to("cpu")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    steps = []

    def spoil(*_):
        steps.append(1)
        if len(steps) == spoil_at:
            net[-1].bias.data.fill_(math.nan)

    optimizer.register_step_post_hook(spoil)
    return train.fit(net, optimizer, splits, epochs=epochs, **options)


@pytest.mark.parametrize("read_every", [2, 3, 5, 50])
def test_the_history_is_the_same_however_seldom_it_is_read(tiny_splits, monkeypatch, read_every):
    every_step = fit(tiny_splits, 1, monkeypatch)
    assert fit(tiny_splits, read_every, monkeypatch) == every_step
    assert len(every_step.loss) == 15


@pytest.mark.parametrize("read_every", [2, 3, 50])
def test_a_loss_that_is_not_finite_is_found(tiny_splits, monkeypatch, read_every):
    every_step = fit(tiny_splits, 1, monkeypatch, spoil_at=7)
    seldom = fit(tiny_splits, read_every, monkeypatch, spoil_at=7)
    assert "the loss was nan at step 7" in seldom.stopped
    assert seldom.stopped == every_step.stopped
    assert seldom.lr == every_step.lr
    assert seldom.loss[:7] == every_step.loss[:7]
    assert len(seldom.loss) == len(seldom.step) == 8
    assert seldom.val_accuracy == every_step.val_accuracy


def test_ctrl_c_keeps_what_was_read(tiny_splits, monkeypatch):
    def interrupt(history):
        raise KeyboardInterrupt

    history = fit(tiny_splits, 3, monkeypatch, on_step=interrupt)
    assert history.stopped == "interrupted after 3 steps"
    assert len(history.step) == len(history.lr) == len(history.loss) == 3


def test_on_step_is_called_when_the_history_has_grown(tiny_splits, monkeypatch):
    seen = []
    fit(tiny_splits, 3, monkeypatch, on_step=lambda history: seen.append(len(history.loss)))
    assert seen == [3, 5, 8, 10, 13, 15]


def test_a_step_of_fit_reads_nothing(tiny_splits, monkeypatch):
    """What reads a tensor waits for a GPU.

    The labels are read before the first step; then two readings an epoch: losses, evaluation.
    """
    readings = []

    def counted(name):
        read = getattr(torch.Tensor, name)

        def reading(tensor):
            readings.append(name)
            return read(tensor)

        return reading

    for name in ("item", "tolist", "__float__", "__int__", "__bool__", "cpu", "numpy"):
        monkeypatch.setattr(torch.Tensor, name, counted(name))
    fit(tiny_splits, 50, monkeypatch, epochs=2)
    assert readings == ["tolist"] * (1 + 2 * 2)


def test_bfloat16_is_for_gpus_that_are_built_for_it(monkeypatch):
    capability = {"value": (8, 0)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability["value"])
    monkeypatch.setattr(torch, "autocast", lambda *arguments: arguments)
    assert train._precision(torch.device("cuda")) == ("cuda", torch.bfloat16)
    capability["value"] = (7, 5)
    assert isinstance(train._precision(torch.device("cuda")), train.nullcontext)
    assert isinstance(train._precision(torch.device("cpu")), train.nullcontext)
