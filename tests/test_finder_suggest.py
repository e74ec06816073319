"""Suggestions on synthetic curves with a known truth, and on the real network.

The truth of each rule is read from the noise-free curve f over x = log10(lr), on a fine grid from
the first to the last rate, without any of the library's code:

- halfway: the middle of the x where f < (f(first) + min f) / 2;
- floor: where f has made more than 90 % of its fall, up to where it has made 98 % of it for the
  last time: on a flat floor noise decides which of these points seems to be the first.

Noise is normal, its standard deviation a fraction of the fall f(first) - min f.
"""

from contextlib import suppress

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from lrlib import data, finder, model
from lrlib.evidence import read
from lrlib.evidence.settings import SETTINGS
from lrlib.finder.rules import RULES, STUDIED, WITHIN

METHODS = ("floor", "halfway")  # lrlib's own; the others are tested beside their libraries
FIRST, LAST = -5.0, 1.0
FINE = np.linspace(FIRST, LAST, 60_001)


def sigmoid(centre, width, blow_up):
    """A plateau, a fall of 1.3 around `centre`, a slow fall, and a blow-up in the rate."""

    def curve(x):
        fall = 1.3 / (1 + np.exp(-(x - centre) / width))
        return 2.3 - fall - 0.13 * (x - FIRST) + 0.2 * 10 ** (3 * (x - blow_up))

    return curve


def power_law(x):
    """The loss falls and rises with powers of the rate."""
    return 0.8 + 1.6 / (1 + 10 ** (0.6 * (x + 3))) + 0.2 * 10 ** (3 * (x + 0.2))


def flat_bottom(x):
    """A fall of 1.6 at -3, a blow-up at 0.2, and between them nothing to tell the rates apart."""
    return 2.3 - 1.6 / (1 + np.exp(-4 * (x + 3))) + np.exp(6 * (x - 0.2))


def pieces(*points):
    """Straight lines through points (x, loss)."""
    xs, losses = zip(*points, strict=True)
    return lambda x: np.interp(x, xs, losses)


CURVES = {
    "sigmoid": sigmoid(-2.5, 0.25, -0.7),
    "sharp sigmoid": sigmoid(-2.0, 0.1, -0.3),
    "slow sigmoid": sigmoid(-2.5, 0.5, 0.0),
    "early sigmoid": sigmoid(-4.0, 0.25, -1.8),
    "power law": power_law,
    "flat bottom": flat_bottom,
    "one line": pieces((-5, 2.33), (-4, 2.3), (-1.2, 1.2), (-0.4, 1.6), (1, 12)),
    "two lines": pieces((-5, 2.35), (-3.3, 2.3), (-2.3, 1.4), (-1, 1.2), (-0.3, 1.5), (1, 9)),
}


def truth(curve, method):
    """The interval of x that is right."""
    f = curve(FINE)
    bottom = f.argmin()
    if method == "halfway":
        half = np.median(FINE[f < (f[0] + f[bottom]) / 2])
        return half, half
    done = (f[0] - f) / (f[0] - f[bottom])
    return FINE[done > 0.9][0], FINE[done > 0.98][-1]


def noisy(curve, count, noise, seed):
    """What a range test would record: it ends where the loss passes 4 times its best."""
    x = np.linspace(FIRST, LAST, count)
    losses = curve(x)
    fall = losses[0] - losses.min()
    (above,) = np.nonzero(losses > 4 * np.minimum.accumulate(losses))
    end = above[0] + 1 if len(above) else count
    losses = losses + noise * fall * np.random.default_rng(seed).normal(size=count)
    return 10 ** x[:end], losses[:end]


def suggest(lrs, losses, method="halfway"):
    """The floor itself is what is suggested for 160 steps."""
    purpose = {"run_steps": 160} if method == "floor" else {}
    return np.log10(finder.RangeTest(lrs, losses, "synthetic").suggest(method, **purpose))


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("count", "noise"), [(50, 0.05), (100, 0.05), (300, 0.1)])
def test_within_half_a_decade_of_the_truth(method, name, count, noise):
    low, high = truth(CURVES[name], method)
    found = [suggest(*noisy(CURVES[name], count, noise, seed), method) for seed in range(200)]
    right = [low - 0.5 <= x <= high + 0.5 for x in found]
    assert np.mean(right) >= 0.99


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize(("count", "noise"), [(75, 0.1), (100, 0.1)])
def test_the_default_bears_more_noise(name, count, noise):
    low, high = truth(CURVES[name], "halfway")
    found = [suggest(*noisy(CURVES[name], count, noise, seed)) for seed in range(200)]
    right = [low - 0.5 <= x <= high + 0.5 for x in found]
    assert np.mean(right) >= 0.99


@pytest.mark.parametrize("name", CURVES)
def test_without_noise_it_is_closer(name):
    for method in METHODS:
        low, high = truth(CURVES[name], method)
        found = suggest(*noisy(CURVES[name], 300, 0.0, 0), method)
        assert low - 0.25 <= found <= high + 0.25, method


def test_a_clear_fall_in_noisy_losses_gets_an_answer():
    """A fall of 5 times the noise of one loss, over 77 points."""
    low, high = truth(CURVES["sigmoid"], "halfway")
    right = 0
    for seed in range(200):
        with suppress(ValueError):  # a refusal is not right
            right += low - 0.5 <= suggest(*noisy(CURVES["sigmoid"], 100, 0.2, seed)) <= high + 0.5
    assert right >= 190


REFUSED = {
    "flat": lambda u: 2.3 + 0 * u,
    "rising": lambda u: 2.3 + u,
    "rising late": lambda u: 2.3 + 5 * u**4,
    "rising at once": lambda u: 2.3 + np.sqrt(u),
    "flat, then a blow-up": lambda u: 2.3 * np.exp(6 * np.maximum(u - 0.7, 0)),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("count", [50, 100, 300])
@pytest.mark.parametrize("noise", ["normal", "heavy tails", "none"])
def test_every_flat_and_every_rising_curve_is_refused(name, count, noise):
    u = np.linspace(0, 1, count)
    for seed in range(200):
        generator = np.random.default_rng(seed)
        draws = {
            "normal": generator.normal(size=count),
            "heavy tails": generator.standard_t(4, size=count),
            "none": np.zeros(count),
        }
        losses = REFUSED[name](u) + 0.1 * draws[noise]
        test = finder.RangeTest(np.geomspace(1e-5, 10, count), losses, "synthetic")
        with pytest.raises(ValueError, match=r"a fall must be more than [0-9.]+ times the noise"):
            test.suggest(METHODS[seed % 2])


def test_a_flat_curve_with_an_early_spike_is_refused():
    for seed in range(200):
        generator = np.random.default_rng(seed)
        losses = 2.3 + 0.1 * generator.normal(size=100)
        begin = generator.integers(0, 17)
        losses[begin : begin + 3] += 5
        with pytest.raises(ValueError, match="times the noise"):
            suggest(np.geomspace(1e-5, 10, 100), losses)


def test_a_drop_within_the_noise_is_refused():
    """A fall as large as the noise of one loss, over 100 points."""
    refused = 0
    for seed in range(200):
        lrs, losses = noisy(CURVES["slow sigmoid"], 100, 1.0, seed)
        try:
            suggest(lrs, losses)
        except ValueError:
            refused += 1
    assert refused >= 198


def rounded(kind, size):
    """Losses around 2.3 in a coarse format, with noise of a size in units of its last place."""

    def draw(generator, count):
        unit = 2.0**-9 if kind is torch.float16 else 2.0**-6
        losses = 2.3 + unit * (generator.uniform() + size * generator.normal(size=count))
        return torch.tensor(losses).to(kind).double().numpy()

    return draw


FEW_VALUES = {
    "right or wrong": lambda generator, count: (generator.random(count) < 0.7) * 1.0,
    "mostly wrong": lambda generator, count: (generator.random(count) < 0.9) * 1.0,
    "half of a batch of 8": lambda generator, count: generator.binomial(8, 0.5, count) / 8,
    "most of a batch of 8": lambda generator, count: generator.binomial(8, 0.9, count) / 8,
    "float16": rounded(torch.float16, 0.3),
    "bfloat16": rounded(torch.bfloat16, 0.3),
    "bfloat16, a little noise": rounded(torch.bfloat16, 0.1),
}


@pytest.mark.parametrize("name", FEW_VALUES)
@pytest.mark.parametrize("count", [30, 100, 300])
def test_a_flat_curve_of_few_values_is_refused(name, count):
    """Most neighbours are equal, and a curve without a fall still goes up and down."""
    answers = 0
    for seed in range(200):
        losses = FEW_VALUES[name](np.random.default_rng(seed), count)
        with suppress(ValueError):
            suggest(np.geomspace(1e-5, 10, count), losses)
            answers += 1
    assert answers <= 2


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32])
def test_one_unit_in_the_last_place_is_no_fall(kind):
    first = torch.tensor(2.3, dtype=kind)
    below = first - torch.finfo(kind).eps * 2
    assert below < first
    losses = torch.where(torch.arange(100) < 50, first, below).double().numpy()
    with pytest.raises(ValueError, match="the loss falls by"):
        suggest(np.geomspace(1e-5, 10, 100), losses)


@pytest.mark.parametrize("batch", [64, 256])
def test_errors_counted_in_batches_get_an_answer(batch):
    low, high = truth(CURVES["sigmoid"], "halfway")
    for seed in range(50):
        lrs = np.geomspace(1e-5, 10, 100)
        share = np.clip(CURVES["sigmoid"](np.log10(lrs)) / 2.3, 0, 1)
        errors = np.random.default_rng(seed).binomial(batch, share) / batch
        assert low - 0.5 <= suggest(lrs, errors) <= high + 0.5


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_a_curve_in_half_precision_is_read_like_the_exact_one(kind):
    for seed in range(50):
        lrs, losses = noisy(CURVES["sigmoid"], 100, 0.02, seed)
        coarse = torch.tensor(losses).to(kind).double().numpy()
        assert suggest(lrs, coarse) == pytest.approx(suggest(lrs, losses), abs=0.1)


@pytest.mark.parametrize("count", [0, 1, 5, 29])
def test_too_few_points_are_refused(count):
    lrs = np.geomspace(1e-5, 10, count) if count > 1 else np.ones(count)
    test = finder.RangeTest(lrs, np.linspace(2, 1, count), "synthetic")
    with pytest.raises(ValueError, match=f"at least 30 finite losses, got {count}"):
        test.suggest()


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match=r"floor, halfway, fastai-valley, .*, got 'fastest'"):
        suggest(*noisy(CURVES["sigmoid"], 100, 0.0, 0), "fastest")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("tail", [np.nan, np.inf, 1e30])
def test_the_tail_of_a_blow_up_changes_nothing(method, tail):
    for seed in range(20):
        lrs, losses = noisy(CURVES["one line"], 100, 0.02, seed)
        step = lrs[-1] / lrs[-2]
        more = lrs[-1] * step ** np.arange(1, 6)
        longer = suggest([*lrs, *more], [*losses, *[tail] * 5], method)
        assert longer == pytest.approx(suggest(lrs, losses, method), abs=0.15)
        if not np.isfinite(tail):
            assert longer == suggest(lrs, losses, method)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_an_early_spike_changes_little(method, name, width):
    """One to three losses in the first sixth of the test, about five times the others."""
    low, high = truth(CURVES[name], method)
    for count in (50, 100, 300):
        for seed in range(20):
            lrs, losses = noisy(CURVES[name], count, 0.02, seed)
            begin = np.random.default_rng(seed).integers(0, count // 6)
            losses[begin : begin + width] += 10
            assert low - 0.5 <= suggest(lrs, losses, method) <= high + 0.5


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_grid_gives_about_the_same_answer(method):
    """Half of its points lie above 0.5, and it resolves the low rates less well."""
    curve = sigmoid(-0.9, 0.1, 0.6)
    lrs = np.linspace(1e-3, 1, 300)
    even = np.geomspace(1e-3, 1, 300)
    found = suggest(lrs, curve(np.log10(lrs)), method)
    assert found == pytest.approx(suggest(even, curve(np.log10(even)), method), abs=0.5)


def test_the_middle_is_that_of_the_axis_and_not_of_the_points():
    """A valley from 0.1 to 1 on a linear grid, where half of its points lie above 0.55."""
    lrs = np.linspace(1e-3, 1, 1000)
    losses = np.where(lrs < 0.1, 2.0, 1.0)
    assert suggest(lrs, losses) == pytest.approx(-0.5, abs=0.1)


def test_smoothing_does_not_shift_the_curve():
    """A symmetric valley: its bottom and its middle stay in the centre."""
    lrs = np.geomspace(1e-4, 1, 101)
    for scale in (1.0, -1.0):
        losses = scale * np.log10(lrs / 1e-2)
        test = finder.RangeTest(lrs, np.abs(losses), "synthetic")
        assert np.log10(test.suggest("halfway")) == pytest.approx(-2, abs=1e-6)


def test_a_suggestion_sets_nothing():
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    test = finder.range_test(net, optimizer, mse_loss, [(x, x[:, :2])], steps=100)
    assert test.suggest() != 0.1
    assert optimizer.param_groups[0]["lr"] == 0.1


# What a suggestion is for ------------------------------------------------------------------------


def drawn_losses(count, fall_at=-2.5):
    return sigmoid(fall_at, 0.25, fall_at + 1.8)(np.linspace(FIRST, LAST, count))


def drawn(count=100, planned=100, fall_at=-2.5):
    lrs, losses = np.geomspace(1e-5, 10, 100)[:count], drawn_losses(100, fall_at)[:count]
    return finder.RangeTest(lrs, losses, "drawn", planned=planned)


def test_a_suggestion_falls_with_the_square_root_of_the_run_and_doubles_for_a_decaying_rate():
    test = drawn()
    assert test.suggest() == test.suggest("floor", run_steps=600)
    assert test.suggest(run_steps=2400) == pytest.approx(test.suggest() / 2)
    assert test.suggest(run_steps=2400, decaying=True) == pytest.approx(test.suggest())
    assert test.suggest(run_steps=np.int64(150)) == pytest.approx(test.suggest() * 2)


@pytest.mark.parametrize("steps", [0, -3, np.nan, np.inf, "100", [1]])
def test_a_run_without_a_length_is_refused(steps):
    with pytest.raises(ValueError, match="run_steps must be a positive number") as raised:
        drawn().suggest(run_steps=steps)
    assert str(raised.value).endswith(f"got {steps!r}")


@pytest.mark.parametrize("method", [name for name in RULES if name != "floor"])
def test_a_rule_that_does_not_know_the_run_refuses_to_be_told(method):
    for purpose in ({"run_steps": 100}, {"decaying": True}):
        with pytest.raises(ValueError, match="says the same for every run"):
            drawn().suggest(method, **purpose)


def test_the_sentence_names_the_rate_its_use_and_how_far_it_may_be_off():
    test = drawn()
    fixed = test.explain()
    assert fixed.startswith(f"{test.suggest():.2g} is a fixed rate for 600 steps.")
    decaying = test.explain(run_steps=20_000.0, decaying=True)
    lr = test.suggest(run_steps=20_000, decaying=True)
    assert decaying.startswith(f"{lr:.2g} is the peak of a rate that decays over 20,000 steps.")
    assert (
        f"within a factor of {WITHIN[0]:g} of the suggestion. A test of 300 steps is more exact."
        in fixed
    )
    long_test = finder.RangeTest(np.geomspace(1e-5, 10, 300), drawn_losses(300), "drawn")
    assert f"within a factor of {WITHIN[300]:g} of the suggestion. Too high" in long_test.explain()


def test_a_loss_that_is_lowest_at_the_end_of_the_range_is_said():
    ends_low = drawn(fall_at=0.5)
    for method in RULES:
        with pytest.warns(
            UserWarning, match="lowest at 10, the end of the range, so that higher"
        ) as said:
            ends_low.suggest(method)
        assert [each.filename for each in said] == [__file__]
    # A test that stopped before its end has seen where the loss rises, else it would have gone on.
    drawn(count=60, planned=100, fall_at=-2.2).suggest()
    for method in RULES:
        drawn().suggest(method)  # no warning: they are errors here


def test_a_length_beyond_those_of_the_study_is_said():
    runs = {where.lengths[length] for where in SETTINGS.values() for length in where.searched}
    assert (min(runs), max(runs)) == STUDIED
    beyond = "But the study's runs had 86 to 4,000 steps: for a run this {} it is extrapolated"
    for steps in STUDIED:
        assert "extrapolated" not in drawn().explain(run_steps=steps)
    assert beyond.format("short") in drawn().explain(run_steps=85)
    assert beyond.format("long") in drawn().explain(run_steps=4001, decaying=True)
    assert "{} to {:,} steps".format(*STUDIED) in " ".join(finder.RangeTest.suggest.__doc__.split())


@pytest.mark.slow
def test_the_default_agrees_with_itself_on_the_real_network(real_data):
    """Ten seeds, each with another network and another order; SGD as in the study.

    A suggestion says that one in ten goes astray, and which of the ten does changes with the
    processor that rounds: the lowest and the highest are left out.
    """
    splits = data.load(n_train=15_000)
    found = []
    for seed in range(10):
        torch.manual_seed(seed)
        net = model.small_cnn(width=16)
        optimizer = torch.optim.SGD(
            net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        batches = data.Batches(splits.train, seed=seed)
        test = finder.range_test(net, optimizer, cross_entropy, batches)
        found.append(np.log10(test.suggest(run_steps=702)))
    eight = np.sort(found)[1:-1]
    assert np.std(eight, ddof=1) <= 0.25
    best = read("cnn-max").tuned_lr("fixed", "short")  # the record's, after 702 steps
    within = WITHIN[0]  # what it says of itself
    assert best / within <= 10 ** eight.min()
    assert 10 ** eight.max() <= best  # it errs low: too high costs more
