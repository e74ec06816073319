"""Beside other finders: torch-lr-finder on the same seeds, and recorded answers of several."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from lrlib import finder
from lrlib.finder.rules import OURS, RULES

with warnings.catch_warnings():
    # It takes tqdm from tqdm.autonotebook, which warns that it is experimental.
    warnings.simplefilter("ignore")
    from torch_lr_finder import LRFinder

# Their answers are compared on such curves, too.
pytestmark = pytest.mark.filterwarnings("ignore:the loss is lowest at")

ACCEPTANCE = Path(__file__).parent / "acceptance"
ROWS = json.loads((ACCEPTANCE / "schedule_values.json").read_text())


def make(optimizer, start_lr):
    torch.manual_seed(0)
    x = torch.randn(200, 3, 6, 6)
    y = x.mean(dim=(2, 3)).argmax(dim=1)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(128, 3),
    )
    generator = torch.Generator().manual_seed(1)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True, generator=generator)
    return net, optimizer(net.parameters(), lr=start_lr), loader


def sgd(parameters, lr):
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9)


@pytest.mark.parametrize("optimizer", [sgd, torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize(("mode", "theirs"), [("exponential", "exp"), ("linear", "linear")])
@pytest.mark.parametrize(("start_lr", "end_lr", "steps"), [(1e-5, 1.0, 60), (1e-3, 0.1, 9)])
@pytest.mark.filterwarnings("ignore:To get the last learning rate")  # it calls get_lr itself
def test_same_grid_and_same_losses_as_torch_lr_finder(
    optimizer, mode, theirs, start_lr, end_lr, steps, capsys
):
    net, opt, loader = make(optimizer, start_lr)
    torch.manual_seed(2)
    reference = LRFinder(net, opt, nn.CrossEntropyLoss(), device="cpu")
    reference.range_test(
        loader, end_lr=end_lr, num_iter=steps, step_mode=theirs, smooth_f=0, diverge_th=1e9
    )
    net, opt, loader = make(optimizer, 0.1)
    torch.manual_seed(2)
    ours = finder.range_test(
        net, opt, cross_entropy, loader, start_lr=start_lr, end_lr=end_lr, steps=steps, mode=mode
    )
    count = len(ours.lrs)  # ours may end early
    assert count >= min(steps, 40)
    assert ours.lrs == pytest.approx(reference.history["lr"][:count], rel=1e-9)
    assert ours.losses == pytest.approx(reference.history["loss"][:count], rel=1e-4)
    assert ours.losses[:9].tolist() == pytest.approx(reference.history["loss"][:9], rel=1e-6)


@pytest.mark.parametrize("row", ROWS["lr_finder_lr_tables"], ids=lambda row: row["id"])
def test_the_grid_of_another_project(row):
    mode = {"exp": "exponential", "linear": "linear"}[row["mode"]]
    w = nn.Parameter(torch.ones(1))
    test = finder.range_test(
        nn.ParameterList([w]),
        torch.optim.SGD([w], lr=1.0),
        None,
        [None],
        start_lr=row["start_lr"],
        end_lr=row["end_lr"],
        steps=row["num_iter"],
        mode=mode,
        step_fn=lambda *_: 1.0,
    )
    assert test.lrs == pytest.approx(row["expected_lr"], rel=row["rtol"])


# Rules of other libraries ----------------------------------------------------------------------

ANSWERS = json.loads((ACCEPTANCE / "finder_rules.json").read_text())["rows"]
GIVEN = [
    pytest.param(row, method, id=f"{method} {row['curve']} {row['seed']} {row['steps']}")
    for row in ANSWERS
    for method in row["answers"]
]


def range_test_of(row):
    lrs = np.geomspace(1e-5, 10, row["steps"])
    return finder.RangeTest(lrs, row["losses"], "completed", planned=row["steps"])


@pytest.mark.parametrize(("row", "method"), GIVEN)
def test_fastais_and_lightnings_rules_answer_as_their_own_code(row, method):
    """On a flat curve without noise rounding alone decides: it is no row."""
    found = range_test_of(row).suggest(method)
    assert found == pytest.approx(row["answers"][method], rel=1e-5)


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: f"{row['curve']} {row['seed']}")
@pytest.mark.filterwarnings("ignore:Detected call of")  # nothing is trained here
@pytest.mark.filterwarnings("ignore:To get the last learning rate")
def test_torch_lr_finders_rule_answers_as_the_package(row, monkeypatch, capsys):
    """Its own test runs over losses that are written down, and its own plot suggests."""
    losses = iter(row["losses"])
    w = nn.Parameter(torch.ones(1))
    theirs = LRFinder(nn.ParameterList([w]), torch.optim.SGD([w], lr=1e-5), None, device="cpu")
    monkeypatch.setattr(theirs, "_train_batch", lambda *_, **__: next(losses))
    loader = DataLoader(TensorDataset(torch.zeros(1)))  # asked for its kind alone
    theirs.range_test(loader, end_lr=10, num_iter=row["steps"])
    _, found = theirs.plot(suggest_lr=True, ax=Figure().subplots())
    ours = range_test_of(row).suggest("torch-lr-finder")
    assert ours == pytest.approx(found, rel=1e-6)


def test_a_test_that_ended_early_is_cut_as_if_it_had_all_its_steps():
    row = next(row for row in ANSWERS if row["curve"] == "sigmoid" and row["steps"] == 300)
    part = finder.RangeTest(
        range_test_of(row).lrs[:280], row["losses"][:280], "diverged", planned=300
    )
    assert part.suggest("fastai-valley") == range_test_of(row).suggest("fastai-valley")


def test_where_a_loss_was_not_a_number_the_cut_falls_on_steps_that_fastai_would_have_made():
    lrs = np.geomspace(1e-5, 10, 100)
    falling = np.linspace(2, 1, 40)
    dropped = finder.RangeTest(lrs[:40], falling, "the loss was nan", planned=100)
    by_hand = finder.RangeTest(lrs, [*falling, np.nan, *np.ones(59)], "by hand")
    for test in (dropped, by_hand):
        assert test.suggest("fastai-minimum") == pytest.approx(lrs[39] / 10, rel=1e-6)


@pytest.mark.parametrize("method", [name for name in RULES if name not in (*OURS, "lightning")])
def test_where_a_library_stops_at_once_nothing_is_left(method):
    """A loss below zero is more than four times, or five times, itself."""
    test = finder.RangeTest(np.geomspace(1e-5, 10, 100), np.linspace(-1, -2, 100), "below zero")
    with pytest.raises(ValueError, match="leaves 0 points of this curve"):
        test.suggest(method)


@pytest.mark.parametrize("method", [name for name in RULES if name.startswith("fastai")])
def test_where_fastais_cuts_leave_too_few_points_it_says_so(method):
    lrs = np.geomspace(1e-5, 10, 300)[:31]
    with pytest.raises(ValueError, match=r"fastai leaves \d points .* take more steps"):
        finder.RangeTest(lrs, np.ones(31), "diverged", planned=300).suggest(method)


(SEVEN,) = [row for row in ROWS["lr_suggestion"] if row["id"].startswith("research::")]
RECORDED = {row["curve"]: row["suggestions"] for row in SEVEN["rows"]}


def recorded_curve(name):
    x = np.linspace(-6, 1, 100)
    losses = 2.3 - 1.6 / (1 + np.exp(-4 * (x + 3))) + np.exp(6 * (x - 0.2))
    if "noise0.05" in name:
        losses += 0.05 * np.random.default_rng(0).standard_normal(100)
    if "spike" in name:
        losses[12] += 5
    if "NaN" in name:
        losses[85:] = np.nan
    return finder.RangeTest(10**x, losses, name)


@pytest.mark.parametrize("method", OURS)
@pytest.mark.parametrize("name", [name for name in RECORDED if "classic+" in name or "NaN" in name])
def test_where_others_are_moved_by_noise_a_spike_or_a_nan_ours_stays(method, name):
    clean = recorded_curve("classic").suggest(method)
    tolerance = 0.5 if "noise" in name else 0.1
    assert abs(np.log10(recorded_curve(name).suggest(method) / clean)) < tolerance
    answers = [value for value in RECORDED[name].values() if isinstance(value, float)]
    assert max(answers) / min(answers) > 100  # theirs, among each other


@pytest.mark.parametrize("name", ["flat", "rising"])
def test_where_others_answer_on_a_flat_or_rising_curve_ours_refuses(name):
    assert any(isinstance(value, float) for value in RECORDED[name].values())
    losses = np.full(100, 2.3) if name == "flat" else np.linspace(2.3, 3, 100)
    for method in OURS:
        with pytest.raises(ValueError, match="a fall must be more than 3 times the noise"):
            finder.RangeTest(np.geomspace(1e-6, 10, 100), losses, name).suggest(method)
