"""The checks of chapter 2: right answers pass, however they are written; wrong ones do not."""

from bisect import bisect
from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

say = partial(said, "02-step-decay")


def is_judged(right, exercise, answer):
    assert say(exercise, answer).startswith(word(right))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (0.001 ** (1 / 5), True),
        (0.251, True),
        (np.exp(np.log(0.001) / 5), True),
        (torch.tensor(0.001) ** 0.2, True),
        (np.float32(0.2512), True),
        (0.001, False),
        (0.001 ** (1 / 6), False),
        (0.0002, False),
        (0.24, False),
        (0.5, False),
        (3.98, False),
        (0, False),
    ],
)
def test_the_factor(answer, right):
    is_judged(right, "exercise-factor", answer)


def by_branches(step):
    if step < 32_000:
        return 1
    if step < 48_000:
        return 0.1
    return 0.01


def by_bisection(step):
    return (1.0, 0.1, 0.01)[bisect([32_000, 48_000], step)]


def the_second_test_never_comes(step):
    if step >= 32_000:
        return 0.1
    if step >= 48_000:
        return 0.01
    return 1


def without_an_end(step):
    if step < 32_000:
        return 1
    if step < 48_000:
        return 0.1
    return None


class Counting:
    """Right for the steps in turn, whatever it is asked."""

    def __init__(self):
        self.calls = [1, 1, 0.1, 0.1, 0.01, 0.01]

    def __call__(self, step):
        return self.calls.pop(0) if self.calls else 0.01


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (by_branches, True),
        (by_bisection, True),
        (lambda step: 0.1 ** sum(each <= step for each in (32_000, 48_000)), True),
        (lambda step: np.where(step < 32_000, 1, np.where(step < 48_000, 0.1, 0.01)), True),
        (lambda step: 10.0 ** -max(0, step // 16_000 - 1), True),
        (lambda step: torch.tensor(0.1) ** int(step >= 32_000) * 0.1 ** (step >= 48_000), True),
        (the_second_test_never_comes, False),
        (without_an_end, False),
        (lambda step: 0.1 * by_branches(step), False),
        (lambda step: by_branches(step - 1), False),
        (lambda step: by_branches(step + 1), False),
        (lambda step: 0.1 ** (step // 32_000), False),
        (lambda step: 0.5 if step == 16_000 else by_branches(step), False),
        (Counting(), False),
    ],
)
def test_the_schedule(answer, right):
    is_judged(right, "exercise-schedule", answer)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ([585, 877], True),
        ([585, 878], True),
        ((585, 878), True),
        (np.array([585, 877]), True),
        ([585.0, 877.0], True),
        ([1170 // 2, round(0.75 * 1170)], True),
        ([0.5 * 1170, 0.75 * 1170], False),
        ([0.5, 0.75], False),
        ([585], False),
        ([585, 900], False),
        ([500, 877], False),
        ([585, 877.5], False),
        (torch.tensor([585, 877]), False),  # torch compares their identities: no drop comes
        (877, False),
    ],
)
def test_the_milestones(answer, right):
    is_judged(right, "exercise-bug", answer)
