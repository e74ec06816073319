"""A widget leaves a copy of what it shows, for where no kernel runs."""

import re

import ipywidgets
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbconvert import HTMLExporter

from lrlib import _compare, explore, quiz
from lrlib.train import History

HTML = "text/html"
VIEW = "application/vnd.jupyter.widget-view+json"


def draw(ax, every):
    ax.plot([0, every])


def run(every, on_step):
    raise AssertionError


def guess():
    return quiz.Prediction("Which <rate> wins?", ["0.1", "1 & more"])


def recorded():
    return {"a": History("tiny", 100, 0, [0, 1], [0.1, 0.1], [2.0, 1.0], [2], [1.0], [0.5])}


CONTROLS = {
    "sliders": lambda: explore.sliders(draw, "A line.", every=(1, 9, 3)),
    "form": lambda: explore.retrain(run, "Runs.", steps=2, recorded=recorded(), every=[1, 2]),
    "boxes": lambda: _compare.compare(
        lambda axes, name: draw(axes[0], 2), ["a", "b"], "Lines.", chosen=["a"]
    ),
    "prediction": guess,
    "score": lambda: guess().score("0.1", "It ended at 60 %."),
}
ADVICE = "Run the cells from the top, and the controls appear here."
COPIES = {
    "sliders": ['aria-label="A line. every 3."', ADVICE],
    "form": ['aria-label="Runs."', "a (recorded): tiny", ADVICE],
    "boxes": ['aria-label="Lines. Shown: a."', ADVICE],
    "prediction": ["Which &lt;rate&gt; wins?", "<li>0.1</li><li>1 &amp; more</li>", ADVICE],
    "score": ["The result: 0.1. It ended at 60\u00a0%."],
}


@pytest.fixture(params=CONTROLS)
def shown(request, live):
    """Its kind, the widget, what is displayed of it, and its copy."""
    control = CONTROLS[request.param]()
    InteractiveShell.instance()
    with capture_output() as captured:
        control._ipython_display_()
    widget, copy = captured.outputs
    return request.param, getattr(control, "_box", control), widget.data, copy.data["text/html"]


def test_the_copy_shows_what_the_widget_shows_first(shown):
    kind, box, widget, copy = shown
    assert widget[VIEW]["model_id"] == box.model_id
    for text in COPIES[kind]:
        assert text in copy


def test_a_widget_that_lives_hides_its_copy(shown):
    _, box, _, copy = shown
    (key,) = re.findall(r'class="lrlib-kept" id="([^"]+)"', copy)
    assert box.children[-1].value == f"<style>#{key} {{ display: none; }}</style>"


def test_a_copy_has_no_id_of_its_widget_and_every_reference_has_its_id(shown):
    _, box, _, copy = shown
    of_widget = {
        id
        for child in box.children
        if isinstance(child, ipywidgets.HTML)
        for id in re.findall(r'id="([^"]+)"', child.value)
    }
    ids = re.findall(r'id="([^"]+)"', copy)
    assert len(set(ids)) == len(ids)
    assert not of_widget & set(ids)
    references = {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', copy)}
    assert references <= set(ids)
    assert references or "<svg" not in copy


def test_a_page_that_is_made_of_a_notebook_shows_the_copy(shown):
    kind, _, widget, copy = shown
    notebook = nbformat.v4.new_notebook()
    outputs = [nbformat.v4.new_output("display_data", data) for data in (widget, {HTML: copy})]
    notebook.cells = [nbformat.v4.new_code_cell("control", outputs=outputs)]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    for text in COPIES[kind]:
        assert text in page
    assert "VBox" not in page
