"""The interval of a difference holds the truth as often as it says, the choice of the rate too."""

import numpy as np
import pytest

from lrlib.evidence import intervals, study
from lrlib.evidence.intervals import Side
from lrlib.evidence.settings import SETTINGS

OF = study.cell("cnn-mean", "cosine", "long")
GRID = SETTINGS["cnn-mean"].first_rates("cosine")


def protocol(truth, noise, generator):
    """Tune and evaluate one cell as the study does it; `truth` has the mean of each rate."""

    def score(run):
        return truth.get(run.peak_lr, 0.5) + noise * generator.normal()

    results = {}
    for seeds, rates_of in (
        (study.TUNING_SEEDS, study.rates),
        (study.REFINING_SEEDS, study.refined_rates),
    ):
        # A grid grows where its best rate lies at an end.
        while todo := [
            run
            for lr in rates_of(results, OF)
            for seed in seeds
            if (run := OF.run("tuning", lr, seed)) not in results
        ]:
            results |= {run: score(run) for run in todo}
    refined = study.refined_rates(results, OF)
    seeds = study.TUNING_SEEDS + study.REFINING_SEEDS
    tuning = {lr: [results[OF.run("tuning", lr, seed)] for seed in seeds] for lr in refined}
    close = study.close_rates(results, OF)
    evaluated = {lr: [score(OF.run("evaluation", lr, s)) for s in study.SEEDS] for lr in close}
    return study.tuned_lr(results, OF), Side(tuning, evaluated)


def shape(middle, slope):
    """Means of the grid's rates: a hill that is flat near its top."""
    return {lr: middle - slope * abs(place - 2) for place, lr in enumerate(GRID)}


SHAPES = {
    "a clear best rate": (shape(0.70, 0.03), shape(0.69, 0.03)),
    "neighbours that tuning cannot tell": (shape(0.70, 0.004), shape(0.695, 0.004)),
    "a cliff beside the best": ({**shape(0.7, 0.003), GRID[3]: 0.66}, shape(0.7, 0.01)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_interval_holds_the_truth_in_95_of_100_studies(name):
    """The truth is what the protocol reaches on average, its choices of a rate included."""
    noise, generator = 0.006, np.random.default_rng(0)
    reached = []
    for truth in SHAPES[name]:
        chosen = [protocol(truth, noise, generator)[0] for _ in range(600)]
        reached.append(np.mean([truth.get(lr, 0.5) for lr in chosen]))
    studies = 400
    held = 0
    for _ in range(studies):
        sides = [protocol(truth, noise, generator)[1] for truth in SHAPES[name]]
        _, low, high = intervals.difference(*sides)
        held += low <= reached[0] - reached[1] <= high
    # The chance to fall below 0.92 at a coverage of 0.95 is 0.5 %.
    assert held / studies > 0.92


def test_with_one_rate_it_is_the_interval_of_two_means():
    generator = np.random.default_rng(1)
    left, right = generator.normal(1.0, 0.5, 10), generator.normal(0.0, 0.5, 10)
    sides = [Side({0.1: [0.5, 0.6]}, {0.1: values}) for values in (left, right)]
    mean, low, high = intervals.difference(*sides)
    error = np.sqrt(left.var(ddof=1) / 10 + right.var(ddof=1) / 10)
    assert mean == pytest.approx(left.mean() - right.mean(), abs=0.02)
    assert (high - low) / 2 == pytest.approx(2.1 * error, rel=0.1)


def test_sides_that_change_places_give_the_mirror_image():
    tuning = {0.1: [0.70, 0.71], 0.2: [0.70, 0.69]}
    left = Side(tuning, {0.1: [71.0, 71.4, 71.2], 0.2: [70.0, 70.3, 70.1]})
    right = Side({0.4: [0.7, 0.7]}, {0.4: [70.4, 70.9, 70.2]})
    mean, low, high = intervals.difference(left, right)
    assert intervals.difference(right, left) == pytest.approx((-mean, -high, -low), abs=1e-12)


def test_a_choice_that_could_have_been_another_widens_it():
    narrow = Side({0.1: [0.7, 0.71, 0.69, 0.7]}, {0.1: [70.0, 70.2, 69.8, 70.1]})
    two = {0.1: [70.0, 70.2, 69.8, 70.1], 0.2: [68.0, 68.2, 67.9, 68.1]}
    told_apart = Side({0.1: [0.7, 0.71, 0.69, 0.7], 0.2: [0.6, 0.61, 0.59, 0.6]}, two)
    not_told_apart = Side({0.1: [0.7, 0.71, 0.69, 0.7], 0.2: [0.70, 0.69, 0.71, 0.698]}, two)
    other = Side({0.1: [0.5, 0.6]}, {0.1: [60.0, 60.1, 60.2, 59.9]})

    def width(side):
        _, low, high = intervals.difference(side, other)
        return high - low

    assert width(told_apart) == pytest.approx(width(narrow), rel=0.1)
    assert width(not_told_apart) > 3 * width(narrow)


def test_a_p_value_is_small_where_the_interval_excludes_the_threshold():
    left = Side({0.1: [0.5, 0.6]}, {0.1: [71.0, 71.4, 71.2, 71.3, 71.1]})
    right = Side({0.1: [0.5, 0.6]}, {0.1: [70.0, 70.3, 70.1, 70.2, 69.9]})
    mean, low, _ = intervals.difference(left, right)
    assert intervals.tail(left, right, mean) > 0.9
    assert intervals.tail(left, right, low) == pytest.approx(0.05, abs=0.005)
    assert intervals.tail(left, right, 0.0) < 0.01


def test_what_is_beyond_doubt_stands_among_a_thousand_verdicts():
    left = Side({0.1: [0.5, 0.6]}, {0.1: [71.0, 71.4, 71.2, 71.3, 71.1]})
    right = Side({0.1: [0.5, 0.6]}, {0.1: [10.0, 10.3, 10.1, 10.2, 9.9]})
    p = intervals.tail(left, right, 0.0)
    assert intervals.holm([p, *[0.5] * 999])[0]


def test_holm_stops_at_the_first_that_fails():
    assert intervals.holm([0.01, 0.02, 0.03, 0.04]) == [True, False, False, False]
    assert intervals.holm([0.012, 0.016, 0.024, 0.04]) == [True, True, True, True]
    assert intervals.holm([]) == []
