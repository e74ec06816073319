"""Suggestions on curves whose truth is known, and refusals on curves that hold none.

The truths are read from the noise-free curve on a fine grid, before any smoothing:

- halfway: the middle, in log rate, of the rates where the loss is below half of its fall;
- steepest: where the slope in log rate is lowest, before the minimum; on a straight line, which is
  as steep all along, its middle;
- valley: two thirds of the way from the first rate to the minimum, since these curves fall all
  the way;
- minimum/10: a tenth of the rate of the minimum.
"""

import math

import numpy as np
import pytest
import torch

from lrlib import data, finder, model

LOW, HIGH = -5.0, 1.0  # the decades of the rates
SEEDS = range(200)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def explosion(x, at):
    return 10 ** (3 * (x - at))


FAMILIES = {
    "sigmoid": lambda x: (
        2.3 - 1.3 * sigmoid((x + 2.5) / 0.25) - 0.13 * (x - LOW) + explosion(x, -0.5)
    ),
    "sharp": lambda x: 2.3 - 1.3 * sigmoid((x + 2.0) / 0.1) - 0.13 * (x - LOW) + explosion(x, -0.1),
    "slow": lambda x: 2.3 - 1.3 * sigmoid((x + 2.5) / 0.5) - 0.13 * (x - LOW) + explosion(x, 0.2),
    "early": lambda x: (
        2.3 - 1.3 * sigmoid((x + 3.5) / 0.25) - 0.13 * (x - LOW) + explosion(x, -1.4)
    ),
    "power law": lambda x: 0.8 + 1.6 / (1 + 10 ** (0.6 * (x + 3))) + 0.2 * explosion(x, -0.2),
    "straight lines": lambda x: np.interp(
        x, [-5, -3.3, -2.3, -1, -0.3, 1], [2.35, 2.3, 1.4, 1.2, 1.5, 9]
    ),
}


def truth(curve, method):
    x = np.linspace(LOW, HIGH, 60_001)
    y = curve(x)
    lowest = int(y.argmin())
    if method == "halfway":
        return float(np.median(x[y < (y[0] + y[lowest]) / 2]))
    if method == "steepest":
        slope = np.gradient(y, x)[: lowest + 1]
        return float(np.median(x[: lowest + 1][slope <= 0.9999 * slope.min()]))
    if method == "valley":
        return float(x[0] / 3 + 2 * x[lowest] / 3)
    return float(x[lowest] - 1)


def sample(curve, points, noise, seed):
    """What a range test sees: noise in parts of the fall, and an end where the loss explodes."""
    x = np.linspace(LOW, HIGH, points)
    clean = curve(x)
    fall = clean[0] - clean.min()
    losses = clean + noise * fall * np.random.default_rng(seed).normal(size=points)
    exploded = np.flatnonzero(clean > 4 * np.minimum.accumulate(clean))
    count = exploded[0] + 1 if len(exploded) else points
    return finder.RangeTest(10 ** x[:count], losses[:count], "drawn")


@pytest.mark.parametrize("method", finder.METHODS)
@pytest.mark.parametrize(("points", "noise"), [(60, 0.02), (100, 0.02), (100, 0.05), (300, 0.1)])
@pytest.mark.parametrize("family", FAMILIES)
def test_suggestions_are_within_half_a_decade_of_the_truth(family, points, noise, method):
    curve = FAMILIES[family]
    expected = truth(curve, method)
    errors = [
        math.log10(sample(curve, points, noise, seed).suggest(method)) - expected for seed in SEEDS
    ]
    assert np.mean(np.abs(errors) <= 0.5) >= 0.99


WITHOUT_DESCENT = {
    "flat": lambda u: np.full_like(u, 2.3),
    "rising": lambda u: 2.3 + u,
    "flat, then exploding": lambda u: np.where(u < 0.7, 2.3, 2.3 * np.exp(4 * (u - 0.7))),
}


@pytest.mark.parametrize("method", finder.METHODS)
@pytest.mark.parametrize("points", [50, 100, 300])
@pytest.mark.parametrize("kind", WITHOUT_DESCENT)
def test_every_curve_without_a_descent_is_refused(kind, points, method):
    position = np.linspace(0, 1, points)
    for seed in SEEDS:
        noise = 0.1 * np.random.default_rng(seed).normal(size=points)
        losses = WITHOUT_DESCENT[kind](position) + noise
        test = finder.RangeTest(np.geomspace(1e-5, 10, points), losses, "drawn")
        with pytest.raises(ValueError, match="the curve holds no descent to read"):
            test.suggest(method)


@pytest.mark.parametrize("method", finder.METHODS)
def test_a_constant_curve_is_refused(method):
    test = finder.RangeTest(np.geomspace(1e-5, 1, 100), np.full(100, 2.3), "drawn")
    with pytest.raises(ValueError, match="the curve holds no descent to read"):
        test.suggest(method)


@pytest.mark.parametrize("method", finder.METHODS)
def test_a_tail_of_nans_moves_nothing(method):
    test = sample(FAMILIES["sigmoid"], 100, 0.02, 0)
    lrs = np.append(test.lrs, test.lrs[-1] * 2 ** np.arange(1, 6))
    losses = np.append(test.losses, [math.nan, math.inf, math.nan, math.nan, math.nan])
    assert finder.RangeTest(lrs, losses, "drawn").suggest(method) == test.suggest(method)


@pytest.mark.parametrize("method", finder.METHODS)
@pytest.mark.parametrize("height", [-2.0, 3.0, 100.0])
def test_an_early_spike_moves_next_to_nothing(height, method):
    for seed in SEEDS:
        test = sample(FAMILIES["sigmoid"], 100, 0.02, seed)
        losses = test.losses.copy()
        losses[np.random.default_rng(seed).integers(0, 15)] += height
        moved = finder.RangeTest(test.lrs, losses, "drawn").suggest(method) / test.suggest(method)
        assert abs(math.log10(moved)) < 0.15


@pytest.mark.parametrize("points", [0, 1, 5, 29])
def test_too_few_points_are_named(points):
    test = finder.RangeTest(np.geomspace(1e-5, 1, points), np.linspace(2, 1, points), "drawn")
    with pytest.raises(ValueError, match=f"at least 30 finite losses, got {points}"):
        test.suggest()


def test_an_unknown_method_is_named():
    test = sample(FAMILIES["sigmoid"], 100, 0.02, 0)
    with pytest.raises(
        ValueError, match="one of halfway, steepest, valley, minimum/10, got 'best'"
    ):
        test.suggest("best")


def test_smoothing_does_not_shift_the_curve():
    """A straight line stays what it is, and a descent stays where it is."""
    lrs = np.geomspace(1e-5, 10, 100)
    line = np.linspace(3, 1, 100)
    test = finder.RangeTest(lrs, line, "drawn")
    np.testing.assert_allclose(test.smooth[10:-10], line[10:-10], atol=1e-12)
    test = finder.RangeTest(lrs, 2.3 - sigmoid((np.log10(lrs) + 2) / 0.2), "drawn")
    crossing = lrs[np.abs(test.smooth - 1.8).argmin()]
    assert abs(math.log10(crossing) + 2) < 0.04


def range_tests(splits, seeds):
    for seed in seeds:
        torch.manual_seed(seed)
        net = model.small_cnn(width=16)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
        batches = data.Batches(splits.train, seed=seed)
        yield finder.range_test(net, optimizer, torch.nn.functional.cross_entropy, batches)


@pytest.mark.slow
def test_the_default_is_steady_on_the_real_network(real_data):
    splits = data.load(n_train=15_000)
    decades = [math.log10(test.suggest()) for test in range_tests(splits, range(10))]
    assert np.std(decades, ddof=1) <= 0.3
    assert -2.2 < np.mean(decades) < -0.8  # rates that train this network
