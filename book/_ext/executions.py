"""Run a notebook once for everything that its outputs depend on, and use them again.

jupyter-cache knows a notebook by its code. Its folder here is named by the rest: the code and the
records that notebooks read, and the environment. `make notebooks` hands over what it ran by

    python book/_ext/executions.py FOLDER
"""

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config

from lrlib._styles import STYLE

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    ("lrlib", "*.py"),
    ("lrlib/evidence", "*.jsonl"),
    ("lrlib/evidence", "*.yml"),
]
PAGE = "application/vnd.lrlib.page+json"  # `tests/notebooks/both.py` puts what a page shows there


def sources() -> Iterator[Path]:
    for folder, pattern in SOURCES:
        yield from sorted((ROOT / folder).rglob(pattern))


def fingerprint() -> str:
    """Hash what a page's output depends on besides the page: code, records and environment."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.read_bytes())
    for name in ("LRLIB_DATA", "LRLIB_DATASET", "LRLIB_BUDGET"):
        digest.update(os.environ.get(name, "").encode() + b"\0")
    installed = sorted({f"{each.name} {each.version}" for each in distributions()})
    digest.update("\n".join([platform.python_version(), *installed]).encode())
    return digest.hexdigest()


def folder() -> Path:
    return ROOT / "_build" / "executed" / fingerprint()


def configure(app: Sphinx, config: Config) -> None:
    """Read every page again when what it depends on has changed: the folder is a new one then."""
    config.nb_execution_cache_path = str(folder())


def as_a_page(executed: NotebookNode) -> NotebookNode:
    """Keep of a tested copy what the book would have got if it had run the notebook itself."""
    added = {"both", "answer-wrongly", "use-every-control"}
    cells = [cell for cell in executed.cells if cell.id not in added]
    code = (cell for cell in cells if cell.cell_type == "code")
    for number, cell in enumerate(code, start=1):
        cell.metadata.pop("execution", None)  # when nbmake ran it
        cell.execution_count = number
        cell.outputs = without_bars(cell.outputs)
        for output in cell.outputs:
            if PAGE in output.get("data", {}):
                output.data = output.data[PAGE]
            if "text/html" in output.get("data", {}):  # a page has a style sheet of its own
                output.data["text/html"] = output.data["text/html"].removeprefix(STYLE)
            if "execution_count" in output:
                output.execution_count = number
    metadata = {name: value for name, value in executed.metadata.items() if name != "widgets"}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def without_bars(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Pages have no progress bars: `lrlib` draws none where it knows that it draws for a page.

    A bar is text that its next state overwrites, and blanks in the end.
    """
    kept: list[NotebookNode] = []
    for output in outputs:
        if kept and output.output_type == "stream" and output.name == kept[-1].get("name"):
            kept[-1].text += output.text
        else:
            kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            output.text = re.sub(r"[^\n]*\r", "", output.text)
    return [output for output in kept if output.get("text") != ""]


def started(executed: NotebookNode) -> float:
    first = next(cell for cell in executed.cells if cell.cell_type == "code")
    return datetime.fromisoformat(first.metadata.execution["iopub.execute_input"]).timestamp()


def is_stand_in(executed: NotebookNode) -> bool:
    """Whether CIFAR-10 was wanted and not to be had: the book tries again."""
    wanted = os.environ.get("LRLIB_DATASET") == "shapes10"
    return not wanted and bool(re.search(r"Shapes-10, [\d,]+ images", json.dumps(executed)))


def keep(executed: NotebookNode, name: str) -> str:
    """Hand an executed notebook over to the book; say what became of it."""
    if max(path.stat().st_mtime for path in sources()) > started(executed):
        return "not kept: lrlib has changed since it was run"
    if is_stand_in(executed):
        return "not kept: it was run on the stand-in"
    bundle = CacheBundleIn(as_a_page(executed), str(ROOT / "notebooks" / name))
    get_cache(folder()).cache_notebook_bundle(bundle, overwrite=True)
    return "kept for the book"


def setup(app: Sphinx) -> dict[str, bool]:
    # Notebooks run in kernels that inherit this: explorers become plain HTML, bars are off.
    os.environ["LRLIB_STATIC"] = "1"
    app.connect("config-inited", configure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.ipynb")):
        print(f"{path.name}: {keep(nbformat.read(path, as_version=4), path.name)}")
