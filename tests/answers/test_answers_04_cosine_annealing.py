"""The checks of chapter 4: right answers pass, however they are written; wrong ones do not."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

from lrlib import schedules

say = partial(said, "04-cosine-annealing")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (1465, True),
        (1465.0, True),
        (313 * 5 - 100, True),
        (np.int64(1465), True),
        (torch.tensor(1465), True),
        (5 * -(-20_000 // 64) - 100, True),
        (1464, True),  # the last step itself at zero
        (5, False),
        (1565, False),
        (1564, False),
        (1460, False),
        (1462.5, False),
        (1415, False),
        ("1465", False),
    ],
)
def test_the_period_in_steps(answer, right):
    assert say("exercise-period", answer).startswith(word(right))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (0.2325, True),
        (0.03 + 0.27 * 0.75, True),
        (np.float32(0.2325), True),
        (torch.tensor(0.2325), True),
        (0.03 + (0.3 - 0.03) * (1 + math.cos(math.pi / 3)) / 2, True),
        (0.3 * schedules.CosineAnnealing(600, floor=0.1)(200), True),
        (0.225, False),
        (0.255, False),
        (0.21, False),
        (0.0975, False),
        (0.775, False),
        (0.23, False),
    ],
)
def test_a_rate_on_the_way_down(answer, right):
    assert say("exercise-rate", answer).startswith(word(right))


def by_division(step):
    period, since = divmod(step, 100)
    return 0.5**period * (1 + math.cos(math.pi * since / 100)) / 2


def by_recursion(step):
    if step >= 100:
        return by_recursion(step - 100) / 2
    return np.cos(np.pi * step / 200) ** 2  # the half angle: the same curve


def by_a_loop(step):
    height = 1.0
    while step >= 100:
        step, height = step - 100, height / 2
    return height * schedules.CosineAnnealing(100)(step)


def in_torch(step):
    height = torch.tensor(0.5) ** (step // 100)
    return height * (1 + torch.cos(torch.tensor(math.pi * (step % 100) / 100))) / 2


def with_an_if(step):
    height = 1 if step < 100 else 2.0 ** -(step // 100)
    return height - height * math.sin(math.pi * (step % 100) / 200) ** 2


def without_halving(step):
    return schedules.CosineAnnealing(100)(step % 100)


def without_restart(step):
    return schedules.CosineAnnealing(100)(step)


def one_restart(step):
    return by_division(step) if step < 200 else 0.0


def half_for_ever(step):
    return without_halving(step) * (1 if step < 100 else 0.5)


def straight_lines(step):
    return 0.5 ** (step // 100) * (1 - step % 100 / 100)


def heights_of_a_harmonic_row(step):
    return without_halving(step) / (1 + step // 100)


def stops_at_an_eighth(step):
    return without_halving(step) * max(0.5 ** (step // 100), 1 / 8)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (by_division, True),
        (by_recursion, True),
        (by_a_loop, True),
        (in_torch, True),
        (with_an_if, True),
        (lambda step: np.array([by_division(step)]), True),
        (without_halving, False),
        (without_restart, False),
        (one_restart, False),
        (half_for_ever, False),
        (straight_lines, False),
        (heights_of_a_harmonic_row, False),
        (stops_at_an_eighth, False),
        (lambda step: None, False),
    ],
)
def test_restarts_that_lose_height(answer, right):
    assert say("exercise-restarts", answer).startswith(word(right))
