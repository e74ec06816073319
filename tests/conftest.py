"""Small pieces that several test files use."""

import os
import random
import signal
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from checkout import BESIDE

from lrlib import data

# A shell lets its background jobs ignore Ctrl-C, and with them what they start. Tests that press it
# would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

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
    folder = Path(os.environ.get("LRLIB_DATA", BESIDE))
    if not (folder / "cifar-10-batches-py").is_dir():
        pytest.skip("CIFAR-10 is not here; set LRLIB_DATA to run this test")
    monkeypatch.setenv("LRLIB_DATA", str(folder))
    monkeypatch.setenv("LRLIB_DATASET", "cifar10")
    return folder


@pytest.fixture(scope="session")
def torchvision():
    from benchmarks import usual  # here: few tests need it

    return usual.import_torchvision()


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


@pytest.fixture
def freeze():
    """Turn anything into something that compares equal only to its bit-for-bit copy."""
    return frozen


def frozen(value):
    if isinstance(value, torch.Tensor):
        raw = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        return (id(value), value.dtype, value.device, tuple(value.shape), value.stride(), raw)
    if isinstance(value, torch.Generator):
        return frozen(value.get_state())[1:]
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, Mapping):
        return [id(value), *([frozen(part) for part in item] for item in value.items())]
    if isinstance(value, (list, tuple)):
        return [id(value) if isinstance(value, list) else "tuple", *map(frozen, value)]
    return value


@pytest.fixture
def unchanged():
    """With a model, an optimizer, a loader and others: a block after which they are what they were.

    So are the random generators of torch, CUDA, numpy and Python.
    """

    @contextmanager
    def block(*parts):
        before = everything(*parts)
        yield
        after = everything(*parts)
        assert after.keys() == before.keys()
        changed = [name for name in before if after[name] != before[name]]
        assert not changed

    return block


def everything(net, optimizer, loader=None, *others):
    state = {"optimizer": frozen(vars(optimizer))}
    for name, module in net.named_modules():
        state[f"parameters {name}"] = frozen(module._parameters)
        state[f"buffers {name}"] = frozen(module._buffers)
        # Also holds the mode, and whatever else a module keeps.
        plain = {key: value for key, value in vars(module).items() if not key.startswith("_")}
        state[f"attributes {name}"] = frozen(plain)[1:]
    for name, parameter in net.named_parameters(remove_duplicate=False):
        state[f"gradient {name}"] = frozen(parameter.grad)
    state["torch"] = frozen(torch.get_rng_state())[1:]
    if torch.cuda.is_available():
        state["cuda"] = [frozen(part)[1:] for part in torch.cuda.get_rng_state_all()]
    state["numpy"] = frozen(np.random.get_state())  # noqa: NPY002
    state["python"] = random.getstate()
    parts = [loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
    parts.append(getattr(parts[-1], "sampler", None))
    state["loader"] = [frozen(dict(getattr(part, "__dict__", {})))[1:] for part in parts]
    state["others"] = [frozen(dict(vars(other)))[1:] for other in others]
    return state
