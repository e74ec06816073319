"""For a tested copy of a notebook: each control is made twice, for a kernel and for a page.

An output then holds what a reader with a kernel sees and, under a media type of its own, what the
built page shows. One execution tests both, and `book/_ext/executions.py` keeps the second.
"""

import contextlib
import os

import torch
from IPython.display import display
from IPython.utils.capture import capture_output

from lrlib import explore, quiz

PAGE = "application/vnd.lrlib.page+json"


@contextlib.contextmanager
def for_a_page():
    os.environ["LRLIB_STATIC"] = "1"
    try:
        yield
    finally:
        del os.environ["LRLIB_STATIC"]


def bundle(control):
    """What displaying a control shows, by media type."""
    with capture_output() as captured:
        display(control)
    (output,) = captured.outputs
    return output.data


class Both:
    """A control as it is with a kernel, and the same one as it is on a page."""

    def __init__(self, live, page):
        self.live, self.page = live, page

    def score(self, right, because):
        """For predictions alone."""
        live = self.live.score(right, because)
        with for_a_page():
            return Both(live, self.page.score(right, because))

    def _repr_mimebundle_(self, **_):
        live = bundle(self.live)
        with for_a_page():
            return {**live, PAGE: bundle(self.page)}


def twice(make):
    def make_both(*arguments, **options):
        live = make(*arguments, **options)
        with for_a_page():
            return Both(live, make(*arguments, **options))

    return make_both


def make_controls_twice():
    explore.sliders, explore.retrain = twice(explore.sliders), twice(explore.retrain)
    quiz.Prediction = twice(quiz.Prediction)


def share_the_cores():
    """With the notebooks that run side by side with this one."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
