"""A notebook alone, where only what Colab preinstalls is there."""

import json
import os
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import nbclient
import nbformat
import pytest
from checkout import BESIDE
from environments import ROOT, clone_of_the_working_tree, commit_all, link, run, without

DATA = Path(os.environ.get("LRLIB_DATA", BESIDE)).resolve()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Colab's versions of June 2026, but for PyTorch, which is the one that all tests run with.
PYTORCH = [metadata.distribution(name) for name in ("torch", "torchvision")]
PREINSTALLED = [
    *(f"{each.name}=={each.version}" for each in PYTORCH),
    "filelock==3.29.0",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "ipywidgets==7.7.1",
    "jupyter_client==7.4.9",
    "matplotlib==3.10.0",
    "notebook==6.5.7",
    "numpy==2.0.2",
    "packaging==26.2",
    "pillow==11.3.0",
    "platformdirs==4.10.0",
    "pooch==1.9.0",
    "pyyaml==6.0.3",
    "pyzmq==26.2.1",
    "requests==2.32.4",
    "scipy==1.16.3",
    "tornado==6.5.1",
    "tqdm==4.67.3",
    "traitlets==5.7.1",
    "urllib3==2.5.0",
]
VIEW = "application/vnd.jupyter.widget-view+json"
# Any name does: a notebook depends on no other.
KERNEL = "somebody-s.kernel_1"

pytestmark = pytest.mark.slow


def train_for_one_epoch(budget):
    """What is tried here is whether a notebook runs; `make notebooks` runs it at full length."""
    text, places = re.subn(r'("quick".*), epochs=\d+', r"\1, epochs=1", budget.read_text())
    assert places == 1
    budget.write_text(text)


def narrow(notebook):
    """As `train_for_one_epoch`: a network of a quarter of the width trains in less time.

    The finder's chapter shows how a network blows up, which only the wide one is sure to do.
    """
    for cell in notebook.cells:
        cell.source = cell.source.replace("small_cnn(width=16)", "small_cnn(width=4)")


class Colab:
    """A virtual environment like Colab's, and a kernel of its own in it."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        run(sys.executable, "-m", "venv", folder / "venv")
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        link(PYTORCH, Path(run(self.python, "-c", where).strip()))
        self.pip("install", "--no-compile", *PREINSTALLED)
        self.preinstalled = self.versions()
        self.clone = folder / "clone"
        clone_of_the_working_tree(self.clone)
        train_for_one_epoch(self.clone / "lrlib" / "budget.py")
        commit_all(self.clone)
        kernel = folder / "jupyter" / "kernels" / KERNEL
        kernel.mkdir(parents=True)
        command = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        about = {"argv": command, "display_name": "Somebody's", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(about), encoding="utf-8")

    def pip(self, *arguments):
        return run(self.python, "-m", "pip", *arguments)

    def versions(self):
        listing = json.loads(self.pip("list", "--format=json"))
        return {package["name"].lower(): package["version"] for package in listing}


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a b ä ö")
    yield Colab(folder)
    shutil.rmtree(folder)  # hundreds of megabytes


@pytest.fixture
def reader(colab, tmp_path, monkeypatch):
    """The environment of somebody who has nothing but the notebook, and perhaps the data."""
    for name in os.environ.keys() - without("LRLIB_", "PYTHON", "VIRTUAL_ENV"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("JUPYTER_PATH", str(colab.folder / "jupyter"))
    monkeypatch.setenv("LRLIB_SOURCE", f"git+{colab.clone.as_uri()}")
    if (DATA / "cifar-10-batches-py").is_dir():
        monkeypatch.setenv("LRLIB_DATA", str(DATA))
    else:
        monkeypatch.setenv("LRLIB_DATASET", "shapes10")
    return tmp_path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_file_alone_installs_lrlib_and_runs(colab, reader, path):
    """The first one installs it. The others begin with the same cell, and find it there."""
    shutil.copy(path, reader)
    notebook = nbformat.read(reader / path.name, as_version=4)
    if path.stem != "08-lr-finder":
        narrow(notebook)
    place = {"metadata": {"path": str(reader)}}
    nbclient.NotebookClient(notebook, kernel_name=KERNEL, timeout=600, resources=place).execute()
    # An error in a widget stops no cell: it is in what the widget shows.
    assert '"output_type": "error"' not in json.dumps(notebook)
    shown = [json.dumps(cell.get("outputs")) for cell in notebook.cells]
    assert not re.search(r"\b(cuda|gpu)\b", " ".join(shown), flags=re.IGNORECASE)
    # Saved now and opened where nothing runs, it shows a picture in place of each control.
    controls = [each for each in shown if VIEW in each]
    assert len(controls) >= 5
    assert [each for each in controls if "lrlib-kept" not in each] == []
    versions = colab.versions()
    assert "lrlib" in versions
    assert {name: versions.get(name) for name in colab.preinstalled} == colab.preinstalled


def test_the_controls_pass_their_tests_with_the_widgets_of_colab(colab):
    """The other tests use ipywidgets 8."""
    assert colab.versions()["ipywidgets"].startswith("7.7.")
    assert metadata.version("ipywidgets").startswith("8.")
    colab.pip("install", "--constraint", ROOT / "constraints.txt", "pytest", "nbclient")
    # What Colab's older packages find deprecated in one another is not ours to repair.
    lenient = ["-W", "ignore::DeprecationWarning"]
    run(colab.python, "-m", "pytest", *lenient, "tests/test_explore.py", cwd=colab.clone)
