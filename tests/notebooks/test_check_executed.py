"""The check of the executed notebooks sees an error that a control shows and nbmake passes over."""

import check_executed
import nbclient
import nbformat
import pytest
import stage

SLIDERS = """\
from lrlib import explore
def draw(ax, every):
    if every == WRONG:
        raise RuntimeError("a fault in the drawing")
explore.sliders(draw, "Steps.", every=(5, 20, 10))
"""

RETRAIN = """\
from lrlib import explore
from lrlib.train import History
def run(every, on_step):
    history = History("CIFAR-10", 100, 0, [0, 1], [0.1] * 2, [2.0, 1.0], [2], [1.0], [0.5])
    on_step(history)
    if every == WRONG:
        raise RuntimeError("a fault in the run")
    return history
explore.retrain(run, "Runs.", steps=2, every=(5, 20, 10))
"""


def executed(source, monkeypatch):
    monkeypatch.delenv("LRLIB_STATIC", raising=False)
    cells = [nbformat.v4.new_code_cell(cell) for cell in (source, stage.USE_EVERY_CONTROL)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    options = {"kernel_name": "python3", "timeout": 120, "allow_errors": True}
    return nbclient.NotebookClient(notebook, **options).execute()


# A run fails at the first value, which stays in the widget. A drawing fails at the highest value,
# and the next move draws over it: the cell that moves the sliders must look at once.
@pytest.mark.parametrize(("source", "wrong"), [(RETRAIN, 10), (SLIDERS, 20)])
def test_an_error_in_a_callback_is_seen(source, wrong, monkeypatch):
    notebook = executed(source.replace("WRONG", str(wrong)), monkeypatch)
    assert "RuntimeError: a fault in the" in str(check_executed.errors(notebook))
    assert bool(check_executed.errors_in_widgets(notebook)) == (source == RETRAIN)


def test_what_widgets_show_is_searched_where_there_is_no_error(monkeypatch):
    notebook = executed((RETRAIN + SLIDERS).replace("WRONG", "None"), monkeypatch)
    assert check_executed.errors(notebook) == []
    assert "CIFAR-10, 100 images, 1 epoch" in check_executed.texts(notebook)
