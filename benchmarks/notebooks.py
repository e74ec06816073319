"""How much of a notebook's time is not training: imports, data, figures."""

import json
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]

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
_SMOKE = """\
from benchmarks import loops
loops.train_seed(0, smoke=True)
"""


def seconds(notebook: nbformat.NotebookNode, folder: Path) -> tuple[float, float]:
    """Execute a notebook in a folder; return the seconds of training and of everything."""
    start, end = nbformat.v4.new_code_cell(_START), nbformat.v4.new_code_cell(_END)
    notebook.cells = [start, *notebook.cells, end]
    NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(folder)}}).execute()
    training, total = json.loads(notebook.cells[-1].outputs[0].text)
    return training, total


def chapters(smoke: bool) -> dict[str, nbformat.NotebookNode]:
    """Read the eight notebooks of the book; for a smoke test, make one that trains a moment."""
    if smoke:
        return {"smoke": nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_SMOKE)])}
    files = sorted((ROOT / "notebooks").glob("*.ipynb"))
    return {file.stem: nbformat.read(file, as_version=4) for file in files}
