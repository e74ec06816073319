"""One execution of a notebook serves two: its own checks, and the page of the book."""

import copy
import json
import logging
import os
import re
from datetime import UTC, datetime

import executions
import nbclient
import nbformat
import pytest
import stage
from executed import errors, errors_in_widgets, texts
from myst_nb.core.config import NbParserConfig
from myst_nb.core.execute import create_client

WIDGET = "application/vnd.jupyter.widget-view+json"

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

PREDICTION = """\
from lrlib import quiz
guess = quiz.Prediction("Does it rise?", ["yes", "no"])
guess
"""

SCORE = 'guess.score(guess.answers[1], "It fell.")'

# As `train.fit` draws one.
BAR = """\
from lrlib._progress import Bar
for text in ("", "It fell.\\n", ""):
    with Bar(3, "step") as bar:
        for _ in range(3):
            bar.update()
    print(text, end="")
"""
BAR_ALONE = BAR.replace(r"It fell.\n", "")


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Runs cells as `make notebooks` does, or as the book does where it runs them itself."""

    def execute(*sources, as_a_page=False):
        cells = [nbformat.v4.new_code_cell(source) for source in ("'set up'", *sources)]
        notebook = nbformat.v4.new_notebook(cells=cells)
        if as_a_page:
            monkeypatch.setenv("LRLIB_STATIC", "1")
        else:
            monkeypatch.delenv("LRLIB_STATIC", raising=False)
            stage.make_controls_twice(notebook, tmp_path)
            stage.use_every_control(notebook)
        options = {"kernel_name": "python3", "timeout": 120, "allow_errors": True}
        place = {"metadata": {"path": str(tmp_path)}}
        return nbclient.NotebookClient(notebook, resources=place, **options).execute()

    return execute


@pytest.mark.slow
def test_an_error_in_a_callback_is_seen(execute):
    """A run fails at the first value, and its error stays in the widget.

    A drawing fails at the highest value, and the next move draws over it: the cell that moves the
    sliders must look at once.
    """
    notebook = execute(SLIDERS.replace("WRONG", "20"), RETRAIN.replace("WRONG", "10"))
    assert "RuntimeError: a fault in the drawing" in str(errors(notebook))
    assert "RuntimeError: a fault in the run" in str(errors_in_widgets(notebook))
    assert "a fault in the drawing" not in str(errors_in_widgets(notebook))


STYLED = """
from IPython.display import HTML
from lrlib._styles import styled
HTML(styled("<p>An answer.</p>"))
"""


def shown(notebook):
    """What each cell shows; what a kernel counts up is the same in all."""
    outputs = [[o.get("data") or o.text for o in cell.outputs] for cell in notebook.cells]
    return json.loads(re.sub(r"((?:lrlib-\w+|figure)-)\d+", r"\1N", json.dumps(outputs)))


@pytest.mark.slow
def test_a_page_is_what_the_book_gets_where_it_runs_a_notebook_itself(execute):
    cells = (BAR, BAR_ALONE, SLIDERS, RETRAIN, PREDICTION, SCORE, STYLED)
    sources = [each.replace("WRONG", "None") for each in cells]
    tested = execute(*sources)
    assert errors(tested) == []
    assert "CIFAR-10, 100 images, 1 epoch" in texts(tested)
    live = [output.get("data", {}) for cell in tested.cells for output in cell.outputs]
    assert sum(executions.PAGE in data and WIDGET in data for data in live) == 4
    assert json.dumps(tested.cells).count("| 0/3 ") == 6
    page = executions.as_a_page(tested)
    run_for_a_page = execute(*sources, as_a_page=True)
    assert shown(page) == shown(run_for_a_page)
    assert [cell.source for cell in page.cells] == [cell.source for cell in run_for_a_page.cells]


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A notebook on disk, and a folder of its own for what is kept."""
    monkeypatch.setattr(executions, "ROOT", tmp_path)
    (tmp_path / "lrlib").mkdir()
    (tmp_path / "lrlib" / "schedules.py").write_text("peak = 1\n")
    os.utime(tmp_path / "lrlib" / "schedules.py", (0, 0))
    code = nbformat.v4.new_code_cell("print('run by the book')")
    path = tmp_path / "notebooks" / "chapter.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[code]), path)
    return path


def as_tested(chapter, text="run before"):
    """The chapter as nbmake leaves it."""
    notebook = nbformat.read(chapter, as_version=4)
    cell = notebook.cells[0]
    cell.execution_count = 1
    cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    cell.metadata.execution = {"iopub.execute_input": datetime.now(UTC).isoformat()}
    return notebook


def output_in_the_book(chapter):
    config = NbParserConfig(execution_mode="cache", execution_cache_path=str(executions.folder()))
    arguments = nbformat.read(chapter, as_version=4), str(chapter), config, logging.getLogger()
    with create_client(*arguments) as client:
        return client.notebook.cells[0].outputs[0].text


def test_the_book_takes_what_was_kept_and_runs_nothing(chapter):
    assert executions.keep(as_tested(chapter), chapter.name) == "kept for the book"
    assert output_in_the_book(chapter) == "run before"


@pytest.mark.slow
def test_the_book_runs_a_notebook_whose_code_is_another(chapter):
    executions.keep(as_tested(chapter), chapter.name)
    text = chapter.read_text("utf-8")
    chapter.write_text(text.replace("by the book", "as it is now"), encoding="utf-8")
    assert output_in_the_book(chapter) == "run as it is now\n"


@pytest.mark.parametrize("what", ["code", "environment", "packages"])
def test_nothing_is_taken_where_what_it_was_made_with_has_changed(chapter, what, monkeypatch):
    executions.keep(as_tested(chapter), chapter.name)
    kept_in = executions.folder()
    if what == "code":
        (executions.ROOT / "lrlib" / "schedules.py").write_text("peak = 2\n")
    elif what == "environment":
        monkeypatch.setenv("LRLIB_BUDGET", "full")
    else:
        monkeypatch.setattr(executions, "distributions", list)
    assert executions.folder() != kept_in
    assert not executions.folder().exists()


def test_nothing_is_kept_that_older_code_has_run(chapter):
    notebook = as_tested(chapter)
    later = datetime.now(UTC).timestamp() + 1
    os.utime(executions.ROOT / "lrlib" / "schedules.py", (later, later))
    assert "lrlib has changed" in executions.keep(notebook, chapter.name)
    assert not executions.folder().exists()


def test_the_stand_in_is_kept_only_where_it_was_wanted(chapter, monkeypatch):
    monkeypatch.delenv("LRLIB_DATASET", raising=False)
    notebook = as_tested(chapter, "Shapes-10, 15,000 images, 3 epochs")
    assert "stand-in" in executions.keep(copy.deepcopy(notebook), chapter.name)
    assert not executions.folder().exists()
    monkeypatch.setenv("LRLIB_DATASET", "shapes10")
    assert executions.keep(notebook, chapter.name) == "kept for the book"
