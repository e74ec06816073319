"""`import lrlib` is cheap: what is heavy loads when it is first used."""

import subprocess
import sys

import pytest


def loaded_after(statement):
    program = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_import_lrlib_loads_nothing_heavy():
    heavy = {"torch", "torchvision", "matplotlib", "ipywidgets", "lrlib.plots"}
    assert not heavy & loaded_after("import lrlib")


NOT_FOR_TRAINING = {
    *("pooch", "requests", "urllib3", "platformdirs", "filelock"),  # fetch the data
    *("ipywidgets", "IPython", "matplotlib"),  # show something
    *("scipy", "torchvision"),
}
LIGHT = ["finder", "schedules", "adaptive", "model", "data", "train"]


def test_what_trains_loads_torch_and_numpy_and_nothing_that_fetches_or_draws():
    """In one process, one after the other: the first that loads more is named."""
    program = f"""
import importlib, sys
for name in {LIGHT}:
    importlib.import_module(f"lrlib.{{name}}")
    print(name, *sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    for name, *loaded in map(str.split, result.stdout.splitlines()):
        assert "torch" in loaded
        needless = sorted(NOT_FOR_TRAINING.intersection(loaded))
        assert not needless, f"import lrlib.{name} loaded {', '.join(needless)}"


def test_modules_are_reached_as_attributes():
    assert "lrlib.schedules" in loaded_after("import lrlib; lrlib.schedules.Fixed()")


def test_an_unknown_attribute_is_named():
    import lrlib

    with pytest.raises(AttributeError, match="no attribute 'schedulers'"):
        lrlib.schedulers  # noqa: B018
