"""Small pieces that several test files use."""

import os
from pathlib import Path

import pytest
import torch

from lrlib import data

REAL = Path(__file__).parents[2] / "shared" / "cifar10"

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests that run side by side share the cores, and so do the processes that they start. A pytest
    # among those is no part of this run.
    del os.environ["PYTEST_XDIST_WORKER"]
    share = max(1, torch.get_num_threads() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    torch.set_num_threads(share)
    os.environ["OMP_NUM_THREADS"] = str(share)


@pytest.fixture
def tiny_splits():
    """Images whose class is their colour: a network learns it in a few steps."""
    generator = torch.Generator().manual_seed(0)

    def part(count):
        y = torch.arange(count) % 10
        levels = torch.stack([25 * y, 255 - 25 * y, (y % 2) * 255], dim=1)
        noise = torch.randint(-10, 11, (count, 3, 32, 32), generator=generator)
        x = (levels[:, :, None, None] + noise).clamp(0, 255).to(torch.uint8)
        return data.Images(x, y)

    return data.Splits(part(640), part(100), part(100), "tiny", tuple("abcdefghij"))


@pytest.fixture
def real_data(monkeypatch):
    """The folder of CIFAR-10: LRLIB_DATA, or a copy beside the checkout; else a test is skipped."""
    folder = Path(os.environ.get("LRLIB_DATA", REAL))
    if not (folder / "cifar-10-batches-py").is_dir():
        pytest.skip("CIFAR-10 is not here; set LRLIB_DATA to run this test")
    monkeypatch.setenv("LRLIB_DATA", str(folder))
    monkeypatch.setenv("LRLIB_DATASET", "cifar10")
    return folder


@pytest.fixture
def undo_what_a_recorder_sets(monkeypatch):
    """What recording sets in processes of its own must not outlive a test that sets it in this."""
    # To set them here means that monkeypatch puts them back, whoever changes them meanwhile.
    monkeypatch.setenv("LRLIB_STATIC", "")
    monkeypatch.setenv("LRLIB_DATASET", "auto")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def live(monkeypatch):
    """Controls as they are with a kernel."""
    monkeypatch.delenv("LRLIB_STATIC", raising=False)


@pytest.fixture
def static(monkeypatch):
    """Controls as they are on a page without one."""
    monkeypatch.setenv("LRLIB_STATIC", "1")
