"""Beside PyPI's torch-lr-finder on the same seeds: the same grid and the same losses."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_lr_finder import LRFinder

from lrlib import finder

START, END, STEPS = 1e-4, 0.5, 40


def make():
    torch.manual_seed(0)
    x, y = torch.randn(128, 6), torch.randint(3, (128,))
    generator = torch.Generator().manual_seed(1)
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True, generator=generator)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    return model, torch.optim.SGD(model.parameters(), lr=START, momentum=0.9), loader


@pytest.mark.parametrize(("mode", "their_mode"), [("exponential", "exp"), ("linear", "linear")])
@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*:UserWarning")  # theirs, at its first step
def test_grid_and_losses_are_those_of_torch_lr_finder(mode, their_mode):
    model, optimizer, loader = make()
    theirs = LRFinder(model, optimizer, nn.CrossEntropyLoss(), device="cpu", memory_cache=True)
    theirs.range_test(
        loader, end_lr=END, num_iter=STEPS, step_mode=their_mode, smooth_f=0, diverge_th=1e9
    )
    model, optimizer, loader = make()
    ours = finder.range_test(
        model,
        optimizer,
        nn.functional.cross_entropy,
        loader,
        start_lr=START,
        end_lr=END,
        steps=STEPS,
        mode=mode,
    )
    np.testing.assert_allclose(ours.losses, theirs.history["loss"][:STEPS], rtol=1e-6)
    np.testing.assert_allclose(ours.lrs, theirs.history["lr"][:STEPS], rtol=1e-9)
