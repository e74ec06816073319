"""The checks of chapter 6: right answers pass, however they are written; wrong ones do not."""

from functools import partial

import numpy as np
import pytest
import torch
from asked import said, word

from lrlib import adaptive

say = partial(said, "06-adaptive")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (0.01, True),
        (1 / 100 + 1e-12, True),
        (0.01 * 250 / (250 + 1e-8), True),
        (np.float64(0.01), True),
        (torch.tensor(0.01), True),
        (2.5, False),
        (-0.01, False),
        (0.001, False),
        (0.01 * 0.1 / 0.001**0.5, False),
        (250, False),
        ("0.01", False),
    ],
)
def test_the_first_step_of_adam(answer, right):
    assert say("exercise-1", answer).startswith(word(right))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (0.5**0.01, True),
        (2 ** (-1 / 100), True),
        (np.exp(np.log(0.5) / 100), True),
        (0.9931, True),
        (torch.tensor(0.5) ** 0.01, True),
        (0.99, False),
        (0.995, False),
        (0.5, False),
        (0.9935, False),
        (100, False),
    ],
)
def test_a_memory_with_a_half_life(answer, right):
    assert say("exercise-2", answer).startswith(word(right))


def averages(gradients, beta2, corrected=True):
    average, found = 0.0, []
    for step, gradient in enumerate(gradients, start=1):
        average = beta2 * average + (1 - beta2) * gradient**2
        found.append(average / (1 - beta2**step) if corrected else average)
    return found


def a_list(gradients, lr, beta2):
    return [lr / average**0.5 for average in averages(gradients, beta2)]


def an_array(gradients, lr, beta2):
    return lr / np.sqrt(averages(gradients, beta2))


def a_tensor(gradients, lr, beta2):
    return lr / torch.tensor(averages(gradients, beta2)).sqrt()


def a_list_of_tensors(gradients, lr, beta2):
    return [lr / average.sqrt() for average in averages(map(torch.tensor, gradients), beta2)]


def of_torch(gradients, lr, beta2):
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=lr, betas=(0.9, beta2), eps=0)
    rates = []
    for gradient in gradients:
        weight.grad = torch.tensor([gradient])
        optimizer.step()
        rates.append(adaptive.effective_lr(optimizer)[0])
    return rates


def by_weights(gradients, lr, beta2):
    """Each average as a sum over all gradients so far."""
    squares = np.square(gradients)
    rates = []
    for count in range(1, len(squares) + 1):
        weights = beta2 ** np.arange(count)[::-1]
        rates.append(lr / np.sqrt(np.average(squares[:count], weights=weights)))
    return tuple(rates)


def of_rmsprop(gradients, lr, beta2):
    return [lr / average**0.5 for average in averages(gradients, beta2, corrected=False)]


def of_adagrad(gradients, lr, beta2):
    return lr / np.sqrt(np.cumsum(np.square(gradients)))


def without_a_root(gradients, lr, beta2):
    return [lr / average for average in averages(gradients, beta2)]


def steps(gradients, lr, beta2):
    return np.array(gradients) * an_array(gradients, lr, beta2)


def the_last_one(gradients, lr, beta2):
    return a_list(gradients, lr, beta2)[-1]


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (a_list, True),
        (an_array, True),
        (a_tensor, True),
        (a_list_of_tensors, True),
        (of_torch, True),
        (by_weights, True),
        (lambda gradients, lr, beta2: None, False),
        (of_rmsprop, False),
        (of_adagrad, False),
        (without_a_root, False),
        (steps, False),
        (the_last_one, False),
        (lambda gradients, lr, beta2: a_list(gradients, lr, beta2)[1:], False),
    ],
)
def test_the_rates_that_adam_hides(answer, right):
    assert say("exercise-3", answer).startswith(word(right))
