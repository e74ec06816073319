"""The public face of lrlib is small, and each name explains itself."""

import importlib
import inspect
from pathlib import Path

import pytest

import lrlib

MODULES = lrlib.__all__


def public_names():
    for name in MODULES:
        module = importlib.import_module(f"lrlib.{name}")
        # A module whose names are made elsewhere lists them.
        listed = getattr(module, "__all__", ())
        for attribute, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__ or attribute in listed
            named = inspect.isclass(thing) or inspect.isfunction(thing)
            if own and named and not attribute.startswith("_"):
                yield f"{name}.{attribute}", thing


NAMES = dict(public_names())


def test_a_name_that_is_made_elsewhere_is_public_all_the_same():
    assert {"finder.range_test", "finder.RangeTest", "train.train_step", "train.History"} <= set(
        NAMES
    )


def test_there_are_at_most_thirty_public_names():
    assert len(NAMES) <= 30, sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_says_it_in_a_sentence_and_shows_it(name):
    text = inspect.getdoc(NAMES[name])
    assert text.split("\n\n")[0].endswith((".", ")"))
    assert "Example:" in text
    assert ">>>" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_explains_every_argument(name):
    text = inspect.getdoc(NAMES[name])
    parameters = [
        parameter.name
        for parameter in inspect.signature(NAMES[name]).parameters.values()
        if parameter.name not in ("self", "args", "kwargs")
    ]
    assert [p for p in parameters if f"{p}:" not in text] == []


@pytest.mark.parametrize("module", MODULES)
def test_no_example_is_cut_at_the_edge_of_its_page(module):
    """It is shown with its prompts; a page on paper has room for 80 columns."""
    source = Path(importlib.import_module(f"lrlib.{module}").__file__)
    files = source.parent.glob("*.py") if source.name == "__init__.py" else [source]
    lines = [line.strip() for file in files for line in file.read_text("utf-8").splitlines()]
    assert [s for s in lines if s.startswith((">>> ", "... ")) and len(s) > 80] == []
