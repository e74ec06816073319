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


def test_training_needs_neither_matplotlib_nor_torchvision():
    heavy = {"torchvision", "matplotlib", "ipywidgets"}
    assert not heavy & loaded_after("from lrlib import data, model, schedules, train")


NOT_FOR_TRAINING = {
    *("pooch", "requests", "urllib3", "platformdirs", "filelock"),  # fetch the data
    *("ipywidgets", "IPython", "matplotlib"),  # show something
    *("scipy", "torchvision"),
}


@pytest.mark.parametrize("module", ["finder", "train", "model", "schedules", "adaptive"])
def test_what_trains_loads_torch_and_numpy_and_nothing_that_fetches_or_draws(module):
    loaded = loaded_after(f"import lrlib.{module}")
    assert "torch" in loaded
    needless = sorted(NOT_FOR_TRAINING & loaded)
    assert not needless, f"import lrlib.{module} loaded {', '.join(needless)}"


def test_modules_are_reached_as_attributes():
    assert "lrlib.schedules" in loaded_after("import lrlib; lrlib.schedules.Fixed()")


def test_an_unknown_attribute_is_named():
    import lrlib

    with pytest.raises(AttributeError, match="no attribute 'schedulers'"):
        lrlib.schedulers  # noqa: B018
