"""The checks of chapter 3: right answers pass, however they are written; wrong ones do not."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

from lrlib import schedules

say = partial(said, "03-exponential-decay")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (0.01 ** (1 / 29), True),
        (math.exp(math.log(0.01) / 29), True),
        (np.power(0.01, 1 / 29), True),
        (torch.tensor(0.01) ** (1 / 29), True),
        (10 ** (-2 / 29), True),
        (0.8532, True),
        (0.01 ** (1 / 30), False),
        (0.1 ** (1 / 29), False),
        (0.01, False),
        (0.85, False),
        (1 - 0.99 / 29, False),
        (1.17, False),
    ],
)
def test_the_multiplier(answer, right):
    assert say("exercise-gamma", answer).startswith(word(right))


def by_a_clock(step):
    return 0.1 ** (min(max(step - 100, 0), 200) / 200)


def by_branches(step):
    if step < 100:
        return 1
    return 0.1 if step >= 300 else 10 ** (-(step - 100) / 200)


def by_the_multiplier(step):
    gamma = 0.1 ** (1 / 200)
    return np.clip(gamma ** (step - 100), 0.1, 1)


def by_a_loop(step):
    factor = 1.0
    for _ in range(100, min(step, 300)):
        factor *= 0.1 ** (1 / 200)
    return factor


def in_torch(step):
    clock = torch.clamp(torch.tensor(float(step) - 100), 0, 200)
    return torch.exp(clock / 200 * math.log(0.1))


def straight_line(step):
    return min(max(1 - 0.9 * (step - 100) / 200, 0.1), 1)


def without_a_hold(step):
    return 0.1 ** (min(step, 300) / 300)


def with_a_jump(step):
    return 1 if step < 100 else 0.1 ** (min(step, 300) / 300)


def without_an_end(step):
    return 0.1 ** (max(step - 100, 0) / 200)


def to_a_hundredth(step):
    return by_a_clock(step) ** 2


def stairs(step):
    return by_a_clock(step - step % 50)


def nothing_at_the_end(step):
    return by_a_clock(step) if step < 300 else None


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (by_a_clock, True),
        (by_branches, True),
        (by_the_multiplier, True),
        (by_a_loop, True),
        (in_torch, True),
        (
            schedules.Join([schedules.Fixed(), schedules.ExponentialDecay(200, 0.1)], [100]),
            True,
        ),
        (straight_line, False),
        (without_a_hold, False),
        (with_a_jump, False),
        (without_an_end, False),
        (to_a_hundredth, False),
        (stairs, False),
        (nothing_at_the_end, False),
    ],
)
def test_hold_then_decay(answer, right):
    assert say("exercise-hold", answer).startswith(word(right))


factors = 0.1 ** (np.arange(351) / 350)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (0.05 / factors.mean(), True),
        (351 * 0.05 / float(factors.sum()), True),
        (torch.tensor(0.05 / factors.mean()), True),
        (0.05 * math.log(10) / 0.9, True),  # the mean of the curve, by an integral
        (0.1277, True),
        (0.05, False),
        (0.5, False),
        (0.05 / 0.55, False),
        (0.05 / 0.1**0.5, False),
        (0.05 * factors.mean(), False),
        (0.12, False),
    ],
)
def test_the_same_mean_rate(answer, right):
    assert say("exercise-peak", answer).startswith(word(right))
