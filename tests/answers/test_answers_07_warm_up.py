"""The checks of chapter 7: right answers pass, however they are written; wrong ones do not."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

from lrlib.schedules import Fixed, Join, Linear, Warmup

say = partial(said, "07-warm-up")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (29, True),
        (29.0, True),
        (np.int64(29), True),
        (torch.tensor(29), True),
        (round(0.3 / 0.01) - 1, True),
        (next(w for w in range(1, 100) if 0.3 * Warmup(w)(0) < 0.01 + 1e-12), True),
        (30, False),
        (28, False),
        (31, False),
        (29.5, False),
        (0, False),
        ([29], False),
    ],
)
def test_low_enough_for_the_first_step(answer, right):
    assert say("exercise-1", answer).startswith(word(right))


def with_branches(step):
    if step < 20:
        return (step + 1) / 20
    return 1


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (lambda step: min((step + 1) / 20, 1), True),
        (with_branches, True),
        (lambda step: np.clip(0.05 * (step + 1), 0, 1), True),
        (lambda step: torch.tensor((step + 1) / 20).clamp(max=1), True),
        (lambda step: np.interp(step, [0, 19], [0.05, 1]), True),
        (Warmup(19, start=1 / 20), True),
        (lambda step: min((step + 1) // 20, 1), False),
        (lambda step: min(step / 20, 1), False),
        (lambda step: (step + 1) / 20, False),
        (lambda step: min((step + 1) / 21, 1), False),
        (lambda step: min(step % 200 + 1, 20) / 20, False),  # begins anew at step 200
        (Warmup(20), False),
        (lambda step: None, False),
    ],
)
def test_the_warm_up_that_does_not_rise(answer, right):
    assert say("exercise-2", answer).startswith(word(right))


def in_three_parts(step):
    if step < 100:
        return (step + 1) / 100
    if step < 800:
        return 1
    return (1000 - step) / 200 if step < 1000 else 0


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (lambda step: min((step + 1) / 100, 1, max((1000 - step) / 200, 0)), True),
        (in_three_parts, True),
        (lambda step: np.interp(step, [0, 99, 800, 1000], [0.01, 1, 1, 0]), True),
        (lambda step: torch.tensor(min((step + 1) / 100, 5 - step / 200)).clamp(0, 1), True),
        (Warmup(99, Join((Fixed(), Linear(200)), (701,)), start=0.01), True),
        (lambda step: min(step / 100, 1, max((1000 - step) / 200, 0)), False),
        (lambda step: min((step + 1) / 100, 1, (1000 - step) / 200), False),  # goes on below 0
        (lambda step: min((step + 1) / 100, 1, max(1 - step / 1000, 0)), False),
        (lambda step: min((step + 1) / 100, 1), False),
        (lambda step: min((step + 1) / 100, 1, max((1000 - step) / 300, 0)), False),
        (lambda step: min((step + 1) / 100, 1, abs(1000 - step) / 200), False),  # rises again
        (lambda step: 0.5 * (1 + math.cos(math.pi * min(step, 1000) / 1000)), False),
    ],
)
def test_hold_then_decay(answer, right):
    assert say("exercise-3", answer).startswith(word(right))
