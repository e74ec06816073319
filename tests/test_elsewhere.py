"""The book away from home: a notebook alone on Colab, a checkout in a folder of any name."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import nbclient
import nbformat
import pytest
from conftest import REAL
from environments import commit_all, without

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LRLIB_DATA", REAL)).resolve()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Colab's versions of June 2026, but for PyTorch, which is the one that all tests run with.
PREINSTALLED = [
    f"torch=={metadata.version('torch')}",
    f"torchvision=={metadata.version('torchvision')}",
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
# Any name does: a notebook depends on no other.
KERNEL = "somebody-s.kernel_1"

pytestmark = pytest.mark.slow


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def clone_of_the_working_tree(folder):
    """Make the repository that pip would fetch if all changes were committed."""
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in listing.split("\0")[:-1]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    commit_all(folder)


# A checkout in a folder of any name


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("some where") / "größe's" / "book"
    clone_of_the_working_tree(folder)
    return folder


@pytest.mark.parametrize("address", ["https://github.com/someone/learning-rates", ""])
def test_the_site_has_buttons_where_an_address_is_set(checkout, address):
    """The pages are built without running the notebooks: the buttons are the same."""
    run(sys.executable, "book/home.py", address, cwd=checkout)
    config = checkout / "_config.yml"
    quick = config.read_text("utf-8").replace(
        "execute_notebooks: force", 'execute_notebooks: "off"'
    )
    config.write_text(quick, encoding="utf-8")
    shutil.rmtree(checkout / "_build", ignore_errors=True)
    here = {**without("LRLIB_", "PYTHON"), "PYTHONPATH": str(checkout)}
    program = Path(sys.executable).with_name("jupyter-book")
    run(program, "build", ".", "-W", "-n", "--keep-going", cwd=checkout, env=here)
    names = "buttons or links or asks_no_other_host or ids_are_unique or where_it_lives"
    run(
        sys.executable,
        "-m",
        "pytest",
        "tests/site/check_build.py",
        "-k",
        names,
        cwd=checkout,
        env=here,
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_installs_and_works_there(checkout):
    """All programs that make calls start in a folder with spaces, quotes and other letters."""
    here = without("LRLIB_", "PYTHON", "MAKE", "VIRTUAL_ENV")
    run("make", "lint", f"PYTHON={sys.executable}", cwd=checkout, env=here)
    program = "import lrlib; print(lrlib.__file__)"
    found = run(checkout / ".venv" / "bin" / "python", "-c", program, cwd=checkout.parent, env=here)
    assert Path(found.strip()).parent == checkout / "lrlib"
    shutil.rmtree(checkout / ".venv")


# A notebook alone, where only what Colab preinstalls is there


class Colab:
    """A virtual environment like Colab's, and a kernel of its own in it."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        run(sys.executable, "-m", "venv", folder / "venv")
        self.pip("install", *PREINSTALLED)
        self.preinstalled = self.versions()
        self.clone = folder / "clone"
        clone_of_the_working_tree(self.clone)
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
    shutil.rmtree(folder)  # over a gigabyte


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
    colab.pip("uninstall", "--yes", "lrlib")
    shutil.copy(path, reader)
    notebook = nbformat.read(reader / path.name, as_version=4)
    place = {"metadata": {"path": str(reader)}}
    nbclient.NotebookClient(notebook, kernel_name=KERNEL, timeout=600, resources=place).execute()
    # An error in a widget stops no cell: it is in what the widget shows.
    assert '"output_type": "error"' not in json.dumps(notebook)
    shown = json.dumps([cell.get("outputs") for cell in notebook.cells])
    assert not re.search(r"\b(cuda|gpu)\b", shown, flags=re.IGNORECASE)
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
