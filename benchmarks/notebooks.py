"""How much of a notebook's time is not training: imports, data, figures."""

import json
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"

# The first cell starts the clock and wraps what trains. What a notebook's own loops do in between
# does not count as training.
_START = """\
import functools, time
_clock = {"started": time.perf_counter(), "training": 0.0, "depth": 0}

def _timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        _clock["depth"] += 1
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _clock["depth"] -= 1
            if _clock["depth"] == 0:
                _clock["training"] += time.perf_counter() - started
    return wrapper

from lrlib import finder as _finder, train as _train
_train.fit, _train.train_step = _timed(_train.fit), _timed(_train.train_step)
_finder.range_test = _timed(_finder.range_test)
"""
_END = """\
import json
print(json.dumps([_clock["training"], time.perf_counter() - _clock["started"]]))
"""


def seconds(notebook: nbformat.NotebookNode, folder: Path) -> tuple[float, float]:
    """Execute a notebook in a folder; return the seconds of training and of everything."""
    start, end = nbformat.v4.new_code_cell(_START), nbformat.v4.new_code_cell(_END)
    notebook.cells = [start, *notebook.cells, end]
    NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(folder)}}).execute()
    training, total = json.loads(notebook.cells[-1].outputs[0].text)
    return training, total


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook as it is stored."""
    return nbformat.read(path, as_version=4)


def chapters() -> list[Path]:
    """Return the eight notebooks of the book."""
    return sorted(FOLDER.glob("*.ipynb"))


def smoke_notebook() -> nbformat.NotebookNode:
    """Return a notebook that trains for a moment."""
    source = """\
import torch
from benchmarks.seeds import tiny
from lrlib import model, train
net = model.small_cnn()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
train.fit(net, optimizer, tiny(), epochs=1)
"""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
