"""Where the repository lives stands in one place, and the first cell of a notebook gets lrlib."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lrlib import data, model

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "https://github.com/someone/learning-rates"
HOLDERS = ("_config.yml", "README.md", "CITATION.cff", "Makefile", "book/home.py")


def first_code_cell(path):
    cells = nbformat.read(path, as_version=4).cells
    return next(cell for cell in cells if cell.cell_type == "code")


def published(cell):
    """What the cell gives to pip where LRLIB_SOURCE is not set."""
    (line,) = [line for line in cell.source.splitlines() if 'LRLIB_SOURCE") or' in line]
    return ast.literal_eval(line.split(" or ")[1])


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def copy(tmp_path):
    """A copy of all that holds the address; its name has spaces and letters beyond ASCII."""
    folder = tmp_path / "a b" / "ä ö"
    for name in HOLDERS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks", ignore=lambda *_: [".ipynb_checkpoints"]
    )
    return folder


def home(folder, *address):
    command = [sys.executable, folder / "book" / "home.py", *address]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# One place, and copies in step with it


def test_all_copies_are_in_step_with_the_configuration(copy):
    before = contents(copy)
    result = home(copy)
    assert result.returncode == 0, result.stderr
    assert contents(copy) == before, "run `make home`"


def test_the_address_reaches_every_place(copy):
    assert home(copy, ADDRESS).returncode == 0
    config = yaml.safe_load((copy / "_config.yml").read_text("utf-8"))
    assert config["repository"]["url"] == ADDRESS
    assert yaml.safe_load((copy / "CITATION.cff").read_text("utf-8"))["repository-code"] == ADDRESS
    readme = (copy / "README.md").read_text("utf-8")
    notebooks = sorted((copy / "notebooks").glob("*.ipynb"))
    assert len(notebooks) == 8
    for path in notebooks:
        assert published(first_code_cell(path)) == f"git+{ADDRESS}@main"
        file = f"notebooks/{path.name}"
        colab = "https://colab.research.google.com/github/someone/learning-rates"
        assert f"]({colab}/blob/main/{file})" in readme
        binder = "https://mybinder.org/v2/gh/someone/learning-rates"
        assert f"]({binder}/main?urlpath=lab/tree/{file})" in readme


def test_a_second_time_changes_nothing_and_an_empty_address_takes_all_back(copy):
    home(copy, "")
    without = contents(copy)
    home(copy, ADDRESS)
    once = contents(copy)
    home(copy, ADDRESS)
    assert contents(copy) == once != without
    home(copy, "")
    assert contents(copy) == without


@pytest.mark.parametrize("ending", ["/", ".git", ".git/", " "])
def test_endings_that_people_copy_along_are_dropped(copy, ending):
    home(copy, ADDRESS)
    expected = contents(copy)
    home(copy, ADDRESS + ending)
    assert contents(copy) == expected


@pytest.mark.parametrize(
    "address",
    [
        "github.com/someone/learning-rates",
        "git@github.com:someone/learning-rates.git",
        "https://github.com/someone",
        "https://github.com/someone/learning-rates/tree/main",
        "https://gitlab.com/someone/learning-rates",
        "https://github.com/some one/learning-rates",
        'https://github.com/someone/"; learning-rates',
    ],
)
def test_an_address_without_buttons_is_refused_in_a_sentence(copy, address):
    before = contents(copy)
    result = home(copy, address)
    assert result.returncode == 1
    assert f"such as {ADDRESS}, got {address!r}; correct it" in result.stderr
    assert contents(copy) == before


def test_a_new_branch_is_copied_too(copy):
    config = copy / "_config.yml"
    home(copy, ADDRESS)
    config.write_text(config.read_text("utf-8").replace("branch: main", "branch: next"), "utf-8")
    home(copy)
    for path in (copy / "notebooks").glob("*.ipynb"):
        assert published(first_code_cell(path)) == f"git+{ADDRESS}@next"
    assert "/blob/next/notebooks/" in (copy / "README.md").read_text("utf-8")


def test_a_lost_place_is_named_and_nothing_is_written(copy):
    readme = copy / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("<!-- end -->", ""), "utf-8")
    before = contents(copy)
    result = home(copy, ADDRESS)
    assert result.returncode == 1
    assert f"{readme} must have one place for the address" in result.stderr
    assert contents(copy) == before


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [([f"URL={ADDRESS}"], ADDRESS), (["URL="], ""), ([], "https://github.com/me/mine")],
)
def test_make_home_hands_the_address_on(copy, words, expected):
    home(copy, "https://github.com/me/mine")
    inherited = {k: v for k, v in os.environ.items() if k != "URL" and not k.startswith("MAKE")}
    command = ["make", "home", f"PYTHON={sys.executable}", *words]
    subprocess.run(command, cwd=copy, env=inherited, check=True, capture_output=True)
    assert (
        yaml.safe_load((copy / "_config.yml").read_text("utf-8"))["repository"]["url"] == expected
    )


# The first cell


def wheel(folder, name, version, *requires):
    """Write a package that holds one empty module."""
    info = f"{name}-{version}.dist-info"
    about = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", *about, ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path


class Bare:
    """A virtual environment where `present` 1.0 is installed and lrlib is missing."""

    def __init__(self, folder):
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        for number in (1, 2):
            wheel(self.shelf, "present", f"{number}.0")
            wheel(self.shelf, "new", f"{number}.0", f"present>={number}")
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        self.python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        self.run("-m", "pip", "install", "present==1.0").check_returncode()

    def run(self, *arguments, **environment):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LRLIB_", "PIP_"))}
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.shelf.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
        }
        return subprocess.run(
            [self.python, *arguments],
            env={**kept, **offline, **environment},
            cwd=self.shelf,
            capture_output=True,
            text=True,
            check=False,
        )

    def versions(self):
        listing = self.run("-m", "pip", "list", "--format=json").stdout
        return {package["name"]: package["version"] for package in json.loads(listing)}


@pytest.fixture
def bare(tmp_path_factory):
    return Bare(tmp_path_factory.mktemp("a b ä ö"))


BOOTSTRAP = first_code_cell(ROOT / "notebooks" / "01-fixed.ipynb").source


def test_the_first_cell_is_the_same_everywhere():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cell = first_code_cell(path)
        assert cell.source == BOOTSTRAP
        assert cell.metadata.tags == ["remove-cell"]


def test_where_lrlib_is_nothing_is_installed():
    nowhere = {**os.environ, "LRLIB_SOURCE": "git+file:///nowhere", "PIP_NO_INDEX": "1"}
    subprocess.run([sys.executable, "-c", BOOTSTRAP], env=nowhere, check=True)


def test_the_first_cell_installs_lrlib_and_changes_nothing_that_is_there(bare):
    """The newest of what lrlib needs wants a newer `present`: an older one is taken instead."""
    before = bare.versions()
    source = wheel(bare.shelf, "lrlib", "0.1.0", "new")
    result = bare.run("-c", f"{BOOTSTRAP}\nimport lrlib, new", LRLIB_SOURCE=str(source))
    assert result.returncode == 0, result.stderr
    assert bare.versions() == {**before, "lrlib": "0.1.0", "new": "1.0"}


def test_where_pip_cannot_do_it_the_reader_sees_why(bare):
    before = bare.versions()
    source = wheel(bare.shelf, "lrlib", "0.1.0", "present>=2")
    result = bare.run("-c", BOOTSTRAP, LRLIB_SOURCE=str(source))
    assert "RuntimeError" in result.stderr
    assert "lrlib 0.1.0 depends on present>=2" in result.stderr
    assert bare.versions() == before


def test_without_an_address_the_reader_is_told_what_to_do(bare):
    unpublished = re.sub(r'(LRLIB_SOURCE"\) or ).*', r'\1""', BOOTSTRAP)
    result = bare.run("-c", unpublished, LRLIB_SOURCE="")
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: lrlib is not installed here")
    assert "%env LRLIB_SOURCE=" in last


# What a notebook finds elsewhere


def modules(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_lrlib_brings_all_that_a_notebook_imports(path):
    cells = nbformat.read(path, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    lines = [re.sub(r"^(\s*)%", r"\1# %", line) for line in source.splitlines()]
    foreign = set(modules("\n".join(lines))) - sys.stdlib_module_names - {"lrlib"}
    required = [Requirement(line) for line in metadata.requires("lrlib")]
    brought = {canonicalize_name(r.name) for r in required if r.marker is None}
    owners = metadata.packages_distributions()
    missing = {m for m in foreign if not {canonicalize_name(n) for n in owners[m]} & brought}
    assert foreign
    assert not missing


def test_no_notebook_names_a_device():
    words = r"\bcuda\b|\bgpu\b|\bmps\b|\bdevice\b|\.to\("
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            found = re.findall(words, cell.source, flags=re.IGNORECASE)
            assert cell.cell_type == "markdown" or not found, (path.name, cell.id)


def test_the_network_and_the_images_go_to_the_gpu_where_there_is_one(monkeypatch):
    """Looks at where they are sent, so that it needs no GPU."""
    sent = []

    def send(thing, device, **_):
        sent.append(device)
        return thing

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", send)
    monkeypatch.setattr(torch.Tensor, "to", send)
    monkeypatch.setenv("LRLIB_DATASET", "shapes10")
    model.small_cnn(width=2)
    data.load(n_train=10)
    assert sent == ["cuda"] * 7  # the network, and x and y of three splits


# Binder


def test_binder_takes_the_cpu_build_and_the_pinned_versions():
    lines = (ROOT / ".binder" / "requirements.txt").read_text("utf-8").splitlines()
    options = [line for line in lines if not line.startswith("#")]
    assert options == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "--constraint ../constraints.txt",
        ".",
    ]
    version = (ROOT / ".binder" / "runtime.txt").read_text("utf-8").strip()
    assert re.fullmatch(r"python-3\.1[123]", version)


def test_pip_reads_the_binder_requirements_and_would_install_lrlib():
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index"]
    command += ["--no-build-isolation", "--requirement", ".binder/requirements.txt"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert re.search(r"^Would install lrlib-", result.stdout, flags=re.MULTILINE)
