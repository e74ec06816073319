"""The checks of chapter 1: right answers pass, however they are written; wrong ones do not."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

say = partial(said, "01-fixed")


def is_judged(right, exercise, answer):
    assert say(exercise, answer).startswith(word(right))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (0.25, True),
        (2 / 8, True),
        (Fraction(1, 4), True),
        (np.float32(0.25), True),
        (torch.tensor(0.25), True),
        (0.5, False),
        (0.125, False),
        (16, False),
        (2, False),
        (0.2499, False),
    ],
)
def test_the_limit_of_a_bowl(answer, right):
    is_judged(right, "exercise-edge", answer)


def by_search(curvatures):
    rates = np.linspace(0, 2 / max(curvatures), 10_001)
    left = np.abs(1 - np.outer(rates, curvatures)).max(axis=1)
    return rates[left.argmin()]


def by_halving(curvatures):
    """Raise the rate while the flattest direction is behind the steepest."""
    low, high = 0.0, 2 / max(curvatures)
    for _ in range(50):
        rate = (low + high) / 2
        behind = 1 - rate * min(curvatures) > rate * max(curvatures) - 1
        low, high = (rate, high) if behind else (low, rate)
    return low


def by_descents(curvatures):
    """Try rates, each in a descent of forty steps."""
    rates = np.linspace(0, 2 / max(curvatures), 2001)
    left = [max(abs(1 - rate * each) ** 40 for each in curvatures) for rate in rates]
    return float(rates[int(np.argmin(left))])


def by_sorting(curvatures):
    ordered = sorted(curvatures)
    return 2 / (ordered[0] + ordered[-1])


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (lambda curvatures: 2 / (min(curvatures) + max(curvatures)), True),
        (lambda c: 2 / (torch.tensor(c).float().min() + torch.tensor(c).float().max()), True),
        (by_search, True),
        (by_halving, True),
        (by_descents, True),
        (by_sorting, True),
        (lambda curvatures: None, False),
        (lambda curvatures: 2 / (1 + max(curvatures)), False),
        (lambda curvatures: 2 / max(curvatures), False),
        (lambda curvatures: 1 / max(curvatures), False),
        (lambda curvatures: 1 / np.mean(curvatures), False),
        (lambda curvatures: 2 / (curvatures[0] + curvatures[-1]), False),
        (lambda curvatures: 2 / sum(curvatures), False),
        (lambda curvatures: 1 / np.sqrt(min(curvatures) * max(curvatures)), False),
    ],
)
def test_the_best_rate_of_a_bowl(answer, right):
    is_judged(right, "exercise-best", answer)


def by_loop(val, test):
    best, number = -1.0, None
    for of_val, of_test in zip(val, test, strict=True):
        if of_val[-1] > best:
            best, number = of_val[-1], of_test[-1]
    return number


def by_sorting_runs(val, test):
    order = sorted(range(len(val)), key=lambda run: val[run][-1])
    return float(test[order[-1]][-1])


def with_torch(val, test):
    return torch.from_numpy(test)[torch.from_numpy(val)[:, -1].argmax(), -1]


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (lambda val, test: test[val[:, -1].argmax(), -1], True),
        (lambda val, test: test[:, -1][val[:, -1] == val[:, -1].max()].item(), True),
        (by_loop, True),
        (by_sorting_runs, True),
        (with_torch, True),
        (lambda val, test: None, False),
        (lambda val, test: test[val[:, -1].argmax()], False),
        (lambda val, test: test[:, -1].max(), False),
        (lambda val, test: val[:, -1].max(), False),
        (lambda val, test: np.median(test[:, -1]), False),
        (lambda val, test: test[np.argmax(val[:, -1] - val[:, 0]), -1], False),
        (lambda val, test: test[1, -1], False),
        (lambda val, test: test.flat[val.argmax()], False),
        (lambda val, test: test[val[:, -1].argmax()].max(), False),
        (lambda val, test: test[val.mean(axis=1).argmax(), -1], False),
        (lambda val, test: 0.71, False),
    ],
)
def test_the_number_to_report(answer, right):
    is_judged(right, "exercise-report", answer)
