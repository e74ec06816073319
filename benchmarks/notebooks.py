"""How long a notebook takes, and how much of it is not training: imports, data, figures.

`LRLIB_BUDGET=full python -m benchmarks.notebooks 04-cosine-annealing` runs chapters from top to
bottom, and writes down how long each took and what its first run reached.
"""

import json
import sys
import tempfile
from pathlib import Path

import cpuinfo
import nbformat
from nbclient import NotebookClient

from benchmarks import machine
from lrlib.budget import budget

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
_reached = history.val_accuracy[-1] if "history" in globals() else None
print(json.dumps([_clock["training"], time.perf_counter() - _clock["started"], _reached]))
"""
_SMOKE = """\
from benchmarks import loops
loops.train_seed(0, smoke=True)
"""


def seconds(notebook: nbformat.NotebookNode, folder: Path) -> tuple[float, float, float | None]:
    """Execute a notebook in a folder.

    Returns:
        The seconds of training and of everything, and the last validation accuracy of its
        `history`, if it has one.
    """
    start, end = nbformat.v4.new_code_cell(_START), nbformat.v4.new_code_cell(_END)
    notebook.cells = [start, *notebook.cells, end]
    NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": str(folder)}}).execute()
    training, total, reached = json.loads(notebook.cells[-1].outputs[0].text)
    return training, total, reached


def chapters(smoke: bool) -> dict[str, nbformat.NotebookNode]:
    """Read the eight notebooks of the book; for a smoke test, make one that trains a moment."""
    if smoke:
        return {"smoke": nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_SMOKE)])}
    files = sorted((ROOT / "notebooks").glob("*.ipynb"))
    return {file.stem: nbformat.read(file, as_version=4) for file in files}


def main(names: list[str]) -> None:
    """Run some chapters in the budget of `LRLIB_BUDGET`; append a row for each."""
    known = chapters(smoke=False)
    if not names or not set(names) <= set(known):
        raise SystemExit(f"name chapters out of {', '.join(known)}; got {names}")
    chosen, n_train, epochs = budget()
    about = machine.describe(cpuinfo.get_cpu_info()["brand_raw"])
    for name in names:
        title = known[name].cells[0].source.splitlines()[0].removeprefix("# ")
        label = f"chapter {int(name[:2])}, {title.lower()}"
        with tempfile.TemporaryDirectory() as folder:
            training, total, reached = seconds(known[name], Path(folder))
        row = {"name": label, "budget": chosen, "n_train": n_train, "epochs": epochs}
        row |= {"minutes": round(total / 60, 1), "training_minutes": round(training / 60, 1)}
        row |= {"val_accuracy": reached, **about}
        with (ROOT / "benchmarks/rows/chapters.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
