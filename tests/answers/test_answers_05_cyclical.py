"""The checks of chapter 5: right answers pass, however they are written; wrong ones do not."""

from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

from lrlib import schedules

say = partial(said, "05-cyclical")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (360, True),
        (360.0, True),
        (30 * 120 / 10, True),
        (np.int64(360), True),
        (torch.tensor(360), True),
        (3, False),
        (359, False),
        (720, False),
        (3600, False),
        ("360", False),
        (-360, False),
    ],
)
def test_five_cycles(answer, right):
    assert say("exercise-cycles", answer).startswith(word(right))


@pytest.mark.parametrize(
    ("div_factor", "final_div_factor", "right"),
    [
        (10, 100, True),
        (10.0, 100.0, True),
        (0.5 / 0.05, 0.05 / 0.0005, True),
        (np.float64(10), np.int64(100), True),
        (torch.tensor(10.0), torch.tensor(100.0), True),
        (0.1, 0.01, False),
        (10, 1000, False),
        (100, 10, False),
        (25, 100, False),
        ("10", "100", False),
    ],
)
def test_the_two_ends(div_factor, final_div_factor, right):
    assert say("exercise-ends", div_factor, final_div_factor).startswith(word(right))


def by_cases(step):
    if step <= 45:
        return 0.1 + 0.9 * step / 45
    if step <= 90:
        return 1 - 0.9 * (step - 45) / 45
    return max(0.1 - 0.099 * (step - 90) / 10, 0.001)


def of_torch(step):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1,
        total_steps=101,
        pct_start=46 / 101,
        anneal_strategy="linear",
        div_factor=10,
        final_div_factor=100,
        three_phase=True,
    )
    return schedules.lr_curve(scheduler, 101)[min(step, 100)]


def interpolated(step):
    return np.interp(step, [0, 45, 90, 100], [0.1, 1, 0.1, 0.001])


def by_distance(step):
    if step <= 90:
        return 1 - 0.02 * abs(step - 45)
    return 0.1 - 0.0099 * min(step - 90, 10)


def ending_at_90(step):
    return max(1 - 0.02 * abs(step - 45), 0.1)


def going_on_for_ever(step):
    return by_cases(step) if step <= 100 else 0.001 - 0.0099 * (step - 100)


def one_step_late(step):
    return interpolated(step - 1)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (by_cases, True),
        (of_torch, True),
        (interpolated, True),
        (by_distance, True),
        (lambda step: torch.tensor(by_cases(step)), True),
        (lambda step: None, False),
        (schedules.OneCycle(101, rise=46 / 101, start=0.1, floor=0.001), False),
        (ending_at_90, False),
        (going_on_for_ever, False),
        (one_step_late, False),
        (lambda step: 0.5 * by_cases(step), False),
    ],
)
def test_one_cycle_of_straight_lines(answer, right):
    assert say("exercise-lines", answer).startswith(word(right))
