"""The range test: its grid, its batches, its ends, its picture, and what it refuses."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim.lr_scheduler import LambdaLR

from lrlib import data, finder, model, plots
from lrlib.finder import sweep
from lrlib.finder.drawing import MARKED


def make(lr=0.1, seed=0):
    torch.manual_seed(seed)
    net = nn.Linear(3, 2)
    return net, torch.optim.SGD(net.parameters(), lr=lr)


def batches(count=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    xs = torch.randn(count, 8, 3, generator=generator)
    return [(x, (x.sum(dim=1) > 0).long()) for x in xs]


def losses_of(values):
    """A step function that returns prepared losses."""
    remaining = iter(values)
    return lambda model, optimizer, loss_fn, batch: next(remaining)


def test_both_ends_of_the_exponential_grid_are_applied():
    net, optimizer = make()
    applied = []
    optimizer.register_step_pre_hook(lambda opt, *_: applied.append(opt.param_groups[0]["lr"]))
    test = finder.range_test(
        net, optimizer, cross_entropy, batches(), start_lr=1e-4, end_lr=1.0, steps=9
    )
    assert test.lrs.tolist() == applied
    assert (applied[0], applied[-1]) == (1e-4, 1.0)
    assert test.lrs[1:] / test.lrs[:-1] == pytest.approx([math.sqrt(10)] * 8)
    assert test.lrs.dtype == test.losses.dtype == np.float64
    assert test.stopped == "completed: all 9 rates were tried"


def test_both_ends_of_the_linear_grid_are_applied():
    net, optimizer = make()
    test = finder.range_test(
        net, optimizer, cross_entropy, batches(), start_lr=0.1, end_lr=0.5, steps=5, mode="linear"
    )
    assert test.lrs == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert (test.lrs[0], test.lrs[-1]) == (0.1, 0.5)


def test_losses_are_those_before_each_update():
    """Worked out by hand: loss w^2 with w = 1, so each update is w <- w (1 - 2 lr)."""
    w = nn.Parameter(torch.ones(1, dtype=torch.float64))
    net = nn.ParameterList([w])
    optimizer = torch.optim.SGD([w], lr=1.0)

    def step(net, optimizer, loss_fn, batch):
        optimizer.zero_grad()
        loss = net[0].square().sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    test = finder.range_test(
        net, optimizer, None, [None], start_lr=0.1, end_lr=0.3, steps=3, mode="linear", step_fn=step
    )
    assert test.losses == pytest.approx([1.0, 0.8**2, (0.8 * 0.6) ** 2])


def test_parameter_groups_keep_their_ratios():
    net, _ = make()
    optimizer = torch.optim.SGD(
        [{"params": [net.weight], "lr": 0.02}, {"params": [net.bias], "lr": 0.1}]
    )
    seen = []
    optimizer.register_step_pre_hook(
        lambda opt, *_: seen.append([group["lr"] for group in opt.param_groups])
    )
    test = finder.range_test(net, optimizer, cross_entropy, batches(), steps=5)
    assert [rates[1] for rates in seen] == test.lrs.tolist()
    assert [rates[0] / rates[1] for rates in seen] == pytest.approx([0.2] * 5)


@pytest.mark.parametrize("steps", [0, 3])
def test_the_ratios_are_those_of_the_peaks_wherever_a_scheduler_stands(steps):
    """Two warm-ups of which one starts at zero, as where a part is trained later."""
    net, _ = make()
    groups = [{"params": [net.weight], "lr": 0.02}, {"params": [net.bias], "lr": 0.1}]
    optimizer = torch.optim.SGD(groups)
    early, late = (lambda step: min(step / 5, 1)), (lambda step: 0.0 if step < 10 else 1.0)
    scheduler = LambdaLR(optimizer, [early, late])
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
    before, seen = [group["lr"] for group in optimizer.param_groups], []
    optimizer.register_step_pre_hook(
        lambda opt, *_: seen.append([group["lr"] for group in opt.param_groups])
    )
    test = finder.range_test(net, optimizer, cross_entropy, batches(), steps=5)
    assert [rates[1] for rates in seen] == test.lrs.tolist()
    assert [rates[0] / rates[1] for rates in seen] == pytest.approx([0.2] * 5)
    assert [group["lr"] for group in optimizer.param_groups] == before


def test_a_learning_rate_that_is_a_tensor_stays_one():
    net, _ = make()
    optimizer = torch.optim.SGD(net.parameters(), lr=torch.tensor(0.1, dtype=torch.float64))
    seen = []
    optimizer.register_step_pre_hook(lambda opt, *_: seen.append(opt.param_groups[0]["lr"].item()))
    test = finder.range_test(net, optimizer, cross_entropy, batches(), steps=5)
    assert seen == test.lrs.tolist()
    assert optimizer.param_groups[0]["lr"].item() == 0.1


@pytest.mark.parametrize("count", [1, 3, 20])
def test_the_loader_is_started_again_as_often_as_needed(count):
    starts, seen = [], []

    class Loader:
        def __iter__(self):
            starts.append(1)
            yield from range(count)

    def step(net, optimizer, loss_fn, batch):
        seen.append(batch)
        return 1.0

    net, optimizer = make()
    finder.range_test(net, optimizer, None, Loader(), steps=20, step_fn=step)
    assert seen == [number % count for number in range(20)]
    assert len(starts) == 20 // count + (20 % count > 0)


def test_dictionaries_and_a_model_with_its_own_loss():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, inputs, labels):
            return {"loss": cross_entropy(self.layer(inputs), labels)}

    def step(net, optimizer, loss_fn, batch):
        optimizer.zero_grad()
        loss = net(**batch)["loss"]
        loss.backward()
        optimizer.step()
        return loss.item()

    net = Own()
    loader = [{"inputs": x, "labels": y} for x, y in batches()]
    optimizer = torch.optim.AdamW(net.parameters())
    test = finder.range_test(net, optimizer, None, loader, steps=40, end_lr=1.0, step_fn=step)
    assert test.losses.min() < test.losses[0] / 2


def test_gradient_accumulation_equals_the_large_batch():
    def step(net, optimizer, loss_fn, batch):
        optimizer.zero_grad()
        total = 0.0
        for x, y in zip(*(part.chunk(4) for part in batch), strict=True):
            loss = loss_fn(net(x), y) / 4
            loss.backward()
            total += loss.item()
        optimizer.step()
        return total

    whole = finder.range_test(*make(), cross_entropy, batches(), steps=30)
    parts = finder.range_test(*make(), cross_entropy, batches(), steps=30, step_fn=step)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-4)


def test_mixed_precision_with_a_scaler():
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14, growth_interval=5)

    def step(net, optimizer, loss_fn, batch):
        x, y = batch
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_fn(net(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.item()

    net, optimizer = make()
    before = scaler.state_dict()
    test = finder.range_test(
        net, optimizer, cross_entropy, batches(), steps=30, step_fn=step, also=(scaler,)
    )
    assert test.losses.min() < test.losses[0]
    assert scaler.state_dict() == before


def test_the_model_is_in_train_mode_during_the_test_alone():
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2))
    net[1].eval()
    modes = []

    def step(net, optimizer, loss_fn, batch):
        modes.append([module.training for module in net.modules()])
        return 1.0

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    finder.range_test(net, optimizer, None, [None], steps=2, step_fn=step)
    assert modes == [[True] * 3] * 2
    assert [module.training for module in net.modules()] == [True, True, False]


def test_it_works_where_gradients_are_off():
    with torch.no_grad():
        test = finder.range_test(*make(), cross_entropy, batches(), steps=5)
        assert not torch.is_grad_enabled()
    assert len(test.losses) == 5


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_test_and_is_dropped(bad):
    step = losses_of([2.0, 1.5, bad, 1.0])
    test = finder.range_test(
        *make(), None, [None], start_lr=0.1, end_lr=0.4, steps=4, mode="linear", step_fn=step
    )
    assert test.losses.tolist() == [2.0, 1.5]
    assert test.lrs == pytest.approx([0.1, 0.2])
    assert test.stopped == f"the loss was {bad} at the learning rate 0.3; it is left out"


def blow_up(size, level=0.0):
    """Ten losses with noise 1.4826 / sqrt(2), a fall by 2, one that is high, and one more."""
    return [level + loss for loss in [1.0, 0.0] * 10 + [-2.0] * 20 + [size, 0.0]]


@pytest.mark.parametrize("level", [0.0, -1000.0, 7.0])
def test_a_rise_beyond_the_fall_and_the_noise_ends_the_test_at_any_level(level):
    for size, count in [(20.0, 42), (400.0, 41)]:
        step = losses_of(blow_up(size, level))
        test = finder.range_test(*make(), None, [None], steps=42, step_fn=step)
        assert len(test.losses) == count
    assert re.fullmatch(
        r"diverged at the learning rate 7.14: the running mean of the loss had risen from \S+, its "
        r"lowest value, to \S+: by more than 3 times its fall before \(\S+\) and 10 times its "
        r"noise \(\S+\)",
        test.stopped,
    )
    step = losses_of(blow_up(400.0, level))
    test = finder.range_test(*make(), None, [None], steps=42, step_fn=step, stop_early=False)
    assert len(test.losses) == 42


def test_a_loss_below_zero_does_not_count_as_diverged():
    step = losses_of([-1.0] * 20)
    test = finder.range_test(*make(), None, [None], steps=20, step_fn=step)
    assert test.stopped.startswith("completed")


def test_the_progress_bar_counts_the_steps_and_is_off_on_pages(monkeypatch):
    shown = []

    class Bar(sweep.Bar):
        def close(self):
            shown.append((self.n, self.total, self.leave, self.disable))
            super().close()

    monkeypatch.setattr(sweep, "Bar", Bar)
    monkeypatch.delenv("LRLIB_STATIC", raising=False)
    finder.range_test(*make(), cross_entropy, batches(), steps=7)
    assert shown[0] == (7, 7, False, False)
    shown.clear()
    monkeypatch.setenv("LRLIB_STATIC", "1")
    finder.range_test(*make(), cross_entropy, batches(), steps=7)
    assert shown[0][-1] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_lr": 0.0}, r"0 < start_lr < end_lr < infinity, got start_lr=0.0 and end_lr=10.0"),
        ({"start_lr": -1e-5}, "start_lr=-1e-05"),
        ({"start_lr": 10.0}, "start_lr=10.0 and end_lr=10.0"),
        ({"end_lr": math.inf}, "end_lr=inf"),
        ({"end_lr": math.nan}, "end_lr=nan"),
        ({"steps": 1}, "steps must be a whole number, at least 2, got 1"),
        ({"steps": 50.0}, "got 50.0"),
        ({"mode": "log"}, "mode must be 'exponential' or 'linear', got 'log'"),
        ({"also": (["a list"],)}, "also takes objects such as a GradScaler, got"),
    ],
)
def test_a_bad_argument_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        finder.range_test(*make(), cross_entropy, batches(), **options)


def test_an_empty_loader_is_named():
    with pytest.raises(ValueError, match="the loader gave no batch"):
        finder.range_test(*make(), cross_entropy, [])


class Once:
    """A loader that is not started again: it goes on where it was."""

    def __init__(self, batches):
        self.batches, self.next = batches, 0

    def __iter__(self):
        while self.next < len(self.batches):
            self.next += 1
            yield self.batches[self.next - 1]


def test_a_loader_that_runs_out_is_named():
    loader = Once(batches())
    with pytest.raises(ValueError, match=r"ran out after 4 batches .* pass a DataLoader or a list"):
        finder.range_test(*make(), cross_entropy, loader)
    assert loader.next == 0


@pytest.mark.parametrize("lr", [0.0, None])
def test_an_optimizer_without_a_rate_is_named(lr):
    net, optimizer = make()
    optimizer.param_groups[0]["lr"] = lr
    with pytest.raises(ValueError, match=r"one of them positive, got the rates \[0.0\]"):
        finder.range_test(net, optimizer, cross_entropy, batches())
    assert optimizer.param_groups[0]["lr"] == lr


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")  # in older torch
def test_a_lazy_module_that_saw_no_batch_is_named():
    net = nn.LazyLinear(2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="call the model on one batch first"):
        finder.range_test(net, optimizer, cross_entropy, batches())


def test_results_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2,\)"):
        finder.RangeTest([1, 2, 3], [1, 2], "by hand")
    with pytest.raises(ValueError, match="positive and rising"):
        finder.RangeTest([1, 3, 2], [1, 2, 3], "by hand")


def valley():
    lrs = np.geomspace(1e-5, 10, 100)
    losses = 2.3 - 1.5 / (1 + (0.001 / lrs) ** 2) + lrs**2
    return finder.RangeTest(lrs, losses, "by hand")


def test_the_plot_marks_what_four_libraries_suggest_on_the_smoothed_curve():
    test = valley()
    _, (ax,) = plots.panels()
    assert test.plot(ax) is ax
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate (log scale)", "training loss")
    marks = {line.get_label().split(":")[0]: line for line in ax.lines}
    for method in MARKED:
        (x,), (y,) = marks[method].get_data()
        assert x == pytest.approx(test.suggest(method))
        assert y == pytest.approx(2.3 - 1.5 / (1 + (0.001 / x) ** 2) + x**2, abs=0.12)
    assert len({marks[method].get_marker() for method in MARKED}) == len(MARKED) == 4
    assert {line.get_color() for line in ax.lines} <= set(plots.PALETTE.values())
    assert marks["raw loss"].get_ydata().tolist() == test.losses.tolist()


@pytest.fixture
def own_figures():
    """Figures that pyplot makes are drawn nowhere, and are gone after the test."""
    plt.switch_backend("agg")
    plt.close("all")
    yield
    plt.close("all")


def test_the_plot_makes_axes_of_its_own_where_it_is_given_none(own_figures):
    ax = valley().plot()
    assert plt.get_fignums() == [ax.figure.number]
    assert plt.gca() is ax
    assert len(ax.lines) == 2 + len(MARKED)
    _, (given,) = plots.panels()
    valley().plot(given)
    assert len(plt.get_fignums()) == 1  # on axes that are given, no other figure is made


def test_the_plot_of_a_flat_curve_says_why_there_is_no_suggestion():
    test = finder.RangeTest(np.geomspace(1e-5, 10, 100), np.full(100, 2.3), "by hand")
    _, (ax,) = plots.panels()
    test.plot(ax)
    (text,) = ax.texts
    assert text.get_text().startswith("No suggestion: the loss falls by 0")
    assert text.get_transform() == ax.transAxes


def test_the_five_lines_of_the_first_page_are_an_example_of_the_finder():
    """Which runs as a doctest; `test_extras.py` runs the first page's on a model of a reader."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (lines,) = [block for block in blocks if "finder.range_test" in block]
    code = [line for line in lines.splitlines() if line]
    assert len(code) == 5
    shown = re.findall(r"^    >>> (.*?)(?:  # doctest.*)?$", finder.__doc__, re.MULTILINE)
    assert shown[-5:] == code


def test_it_reads_the_batches_of_this_book(tiny_splits):
    torch.manual_seed(0)
    net = model.small_cnn(width=4).to(tiny_splits.train.x.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    loader = data.Batches(tiny_splits.train, batch_size=64)
    test = finder.range_test(net, optimizer, cross_entropy, loader, steps=40)
    assert 1e-5 <= test.suggest() <= 10


def test_any_loss_function_is_handed_on():
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loader = [(torch.ones(4, 1), torch.zeros(4, 1))]
    test = finder.range_test(net, optimizer, mse_loss, loader, steps=3)
    assert test.losses[0] == pytest.approx(net(torch.ones(1, 1)).item() ** 2)
