"""The range test: its grid, its batches, how it stops, what it refuses, and what it looks like."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from lrlib import finder, plots


def make(lr=0.1):
    """A linear model on drawn numbers, eight batches of them."""
    torch.manual_seed(0)
    x = torch.randn(256, 4)
    y = x.sum(dim=1, keepdim=True)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return model, optimizer, list(zip(x.split(32), y.split(32), strict=True))


def run(**options):
    model, optimizer, batches = make()
    return finder.range_test(model, optimizer, nn.functional.mse_loss, batches, **options)


def applied_rates(optimizer, group=0):
    rates = []
    optimizer.register_step_pre_hook(
        lambda opt, args, kwargs: rates.append(opt.param_groups[group]["lr"])
    )
    return rates


# The grid


def test_the_exponential_grid_has_both_ends_and_one_ratio():
    test = run(start_lr=1e-4, end_lr=1e-1, steps=31)
    assert test.lrs[0] == 1e-4
    assert test.lrs[-1] == 1e-1
    np.testing.assert_allclose(test.lrs[1:] / test.lrs[:-1], 10**0.1)


def test_the_linear_grid_has_both_ends_and_one_difference():
    test = run(start_lr=0.01, end_lr=0.05, steps=5, mode="linear")
    np.testing.assert_allclose(test.lrs, [0.01, 0.02, 0.03, 0.04, 0.05])


def test_the_rates_of_the_result_are_the_applied_ones():
    model, optimizer, batches = make()
    rates = applied_rates(optimizer)
    test = finder.range_test(model, optimizer, nn.functional.mse_loss, batches, end_lr=0.1)
    assert rates == test.lrs.tolist()


def test_groups_keep_the_ratios_of_their_rates():
    model, _, batches = make()
    optimizer = torch.optim.SGD(
        [{"params": [model.weight], "lr": 0.2}, {"params": [model.bias], "lr": 0.05}]
    )
    high, low = applied_rates(optimizer, 0), applied_rates(optimizer, 1)
    test = finder.range_test(model, optimizer, nn.functional.mse_loss, batches, end_lr=0.1)
    np.testing.assert_allclose(high, test.lrs)
    np.testing.assert_allclose(low, test.lrs / 4)


# Batches


def test_the_loader_is_read_again_as_often_as_needed():
    model, optimizer, batches = make()
    seen = []

    def step(model, optimizer, loss_fn, batch):
        seen.append(batch)
        return 1.0

    finder.range_test(model, optimizer, None, batches, steps=20, step_fn=step)
    assert [id(batch) for batch in seen] == [id(batches[i % 8]) for i in range(20)]


def test_batches_may_be_dictionaries_and_models_may_compute_their_loss():
    class OwnLoss(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 1)

        def forward(self, x, y):
            return {"loss": (self.layer(x) - y).square().mean()}

    def step(model, optimizer, loss_fn, batch):
        loss = model(**batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    _, _, batches = make()
    dictionaries = [{"x": x, "y": y} for x, y in batches]
    model = OwnLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    test = finder.range_test(model, optimizer, None, dictionaries, step_fn=step)
    assert test.losses.min() < test.losses[0] / 2


def test_gradients_may_be_accumulated():
    model, optimizer, batches = make()
    pairs = [batches[i : i + 2] for i in range(0, 8, 2)]

    def step(model, optimizer, loss_fn, batch):
        optimizer.zero_grad()
        losses = [loss_fn(model(x), y) / 2 for x, y in batch]
        for loss in losses:
            loss.backward()
        optimizer.step()
        return sum(loss.item() for loss in losses)

    test = finder.range_test(model, optimizer, nn.functional.mse_loss, pairs, step_fn=step)
    assert test.losses.min() < test.losses[0] / 2


def test_a_gradient_scaler_is_put_back():
    model, optimizer, batches = make()
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=3)

    def step(model, optimizer, loss_fn, batch):
        x, y = batch
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_fn(model(x).float(), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        return loss.item()

    scales = []
    before = scaler.state_dict()
    finder.range_test(
        model, optimizer, nn.functional.mse_loss, batches, steps=20, also=[scaler], step_fn=step
    )
    assert max(scales) > 4.0
    assert scaler.state_dict() == before


# How it ends


def test_all_steps_are_made_where_nothing_goes_wrong():
    test = run(end_lr=0.01, steps=40)
    assert test.stopped == "completed: all 40 steps"
    assert len(test.lrs) == len(test.losses) == 40


def test_it_stops_at_a_loss_that_is_not_finite_and_drops_the_point():
    losses = iter([3.0, 2.0, math.nan, 1.0])
    test = run(steps=4, step_fn=lambda *args: next(losses))
    assert test.losses.tolist() == [3.0, 2.0]
    assert len(test.lrs) == 2
    assert "the loss was nan at the rate" in test.stopped


def test_it_stops_where_the_smoothed_loss_passes_four_times_its_best():
    losses = iter([1.0] * 10 + [5.0] * 10)
    test = run(steps=20, step_fn=lambda *args: next(losses))
    # The mean of five is 1, 1.8, 2.6, 3.4, 4.2: the fourth step at 5 is the first above 4.
    assert test.losses.tolist() == [1.0] * 10 + [5.0] * 4
    assert "diverged" in test.stopped


def test_one_early_spike_does_not_stop_it():
    losses = iter([1.0] * 6 + [9.0] + [1.0] * 20)
    assert len(run(steps=27, step_fn=lambda *args: next(losses)).losses) == 27


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_lr": 0.0}, r"0 < start_lr < end_lr, got start_lr 0\.0"),
        ({"start_lr": -1e-3}, r"0 < start_lr < end_lr, got start_lr -0\.001"),
        ({"start_lr": 1.0, "end_lr": 0.1}, r"got start_lr 1\.0 and end_lr 0\.1"),
        ({"end_lr": math.inf}, "end_lr inf"),
        ({"steps": 1}, "steps must be at least 2.*got 1"),
        ({"mode": "cosine"}, "mode must be exponential or linear, got 'cosine'"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        run(**options)


def test_an_empty_loader_is_named():
    model, optimizer, _ = make()
    with pytest.raises(ValueError, match="the loader is empty"):
        finder.range_test(model, optimizer, nn.functional.mse_loss, [])


def test_a_loader_that_can_be_read_only_once_is_named():
    model, optimizer, batches = make()
    with pytest.raises(ValueError, match=r"can be read only once.*DataLoader"):
        finder.range_test(model, optimizer, nn.functional.mse_loss, iter(batches))


def test_an_optimizer_without_a_positive_rate_is_named():
    model, _, batches = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with pytest.raises(ValueError, match="positive and finite, got 0"):
        finder.range_test(model, optimizer, nn.functional.mse_loss, batches)


# The picture


def test_the_picture_has_the_raw_losses_and_a_mark_for_each_rule():
    lrs = np.geomspace(1e-5, 1, 101)
    test = finder.RangeTest(lrs, 2.3 - 1 / (1 + (1e-3 / lrs) ** 2) + (lrs / 0.5) ** 3, "drawn")
    _, (ax,) = plots.panels()
    assert test.plot(ax) is ax
    assert ax.get_xscale() == "log"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), test.losses)
    marks = {text.get_text().split()[0]: text.xy[0] for text in ax.texts}
    assert marks == {method: test.suggest(method) for method in finder.METHODS}


def test_a_flat_curve_is_drawn_without_marks():
    noise = np.random.default_rng(0).normal(size=100)
    test = finder.RangeTest(np.geomspace(1e-5, 1, 100), 2.3 + 0.05 * noise, "drawn")
    assert list(test.plot().texts) == []
