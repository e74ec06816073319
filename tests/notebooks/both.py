"""For a tested copy of a notebook: each control is made twice, for a kernel and for a page.

An output then holds what a reader with a kernel sees and, under a media type of its own, what the
built page shows. One execution tests both, and `book/_ext/executions.py` keeps the second.
"""

import contextlib
import os

import torch
from IPython.display import display
from IPython.utils.capture import capture_output

from lrlib import exercises, explore, quiz

PAGE = "application/vnd.lrlib.page+json"


@contextlib.contextmanager
def for_a_page():
    os.environ["LRLIB_STATIC"] = "1"
    try:
        yield
    finally:
        del os.environ["LRLIB_STATIC"]


def bundle(control):
    """What displaying a control shows, by media type; the copy below a widget is left out."""
    with capture_output() as captured:
        display(control)
    return captured.outputs[0].data


class Both:
    """A control as it is with a kernel, and the same one as it is on a page."""

    def __init__(self, live, page):
        self.live, self.page = live, page

    def __getattr__(self, name):
        if name.startswith("_"):  # what IPython asks for, to see how to display this
            raise AttributeError(name)
        of_live, of_page = getattr(self.live, name), getattr(self.page, name)
        return twice(of_live, of_page) if callable(of_live) else of_live

    def _repr_mimebundle_(self, **_):
        live = bundle(self.live)
        with for_a_page():
            return {**live, PAGE: bundle(self.page)}


def twice(live, page):
    """One function for two: it returns both results."""

    def call_both(*arguments, **options):
        result = live(*arguments, **options)
        with for_a_page():
            return Both(result, page(*arguments, **options))

    return call_both


def make_controls_twice():
    for module, name in (
        (explore, "sliders"),
        (explore, "retrain"),
        (quiz, "Prediction"),
        (exercises, "check"),
    ):
        make = getattr(module, name)
        setattr(module, name, twice(make, make))


def share_the_cores():
    """With the notebooks that run side by side with this one."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
