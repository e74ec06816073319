"""Where the repository lives stands in one place, and the first cell of a notebook gets lrlib."""

import ast
import functools
import http.server
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from environments import OWNERS, Environment, closure, commit_all, link, requirements, write_wheel
from packaging.utils import canonicalize_name

from lrlib import data, model

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "https://github.com/someone/learning-rates"
SITE = "https://someone.github.io/learning-rates/"
HOLDERS = ("_config.yml", "README.md", "CITATION.cff", "Makefile")
CLAIMS = "lrlib/evidence/claims.yml"
COMPARISONS = "lrlib/evidence/comparisons.yml"


def first_code_cell(path):
    cells = nbformat.read(path, as_version=4).cells
    return next(cell for cell in cells if cell.cell_type == "code")


def published(cell):
    """What the cell gives to pip where LRLIB_SOURCE is not set."""
    (line,) = [line for line in cell.source.splitlines() if line.startswith("book = ")]
    return ast.literal_eval(line.removeprefix("book = "))


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def copy(tmp_path):
    """A copy of all that holds the address; its name has spaces and letters beyond ASCII."""
    folder = tmp_path / "a b" / "ä ö"
    pages = [path.relative_to(ROOT) for path in (ROOT / "book").iterdir() if path.is_file()]
    for name in (*HOLDERS, CLAIMS, COMPARISONS, *pages):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks", ignore=lambda *_: [".ipynb_checkpoints"]
    )
    return folder


def home(folder, *address):
    command = [sys.executable, folder / "book" / "home.py", *address]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(folder, *address):
    """What is said to an address that is not taken; nothing was written."""
    before = contents(folder)
    result = home(folder, *address)
    assert result.returncode == 1
    assert contents(folder) == before
    return result.stderr


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
    assert config["sphinx"]["config"]["ogp_site_url"] == SITE
    assert yaml.safe_load((copy / "CITATION.cff").read_text("utf-8"))["repository-code"] == ADDRESS
    assert f"  url = {{{SITE}}}\n}}" in (copy / "book" / "intro.md").read_text("utf-8")
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


@pytest.mark.parametrize("owner", ["me", "someone", "a-group-with-a-name-of-the-longest-kind"])
def test_an_address_of_any_length_leaves_the_notebooks_in_form(copy, owner):
    """Who sets an address runs `make lint` next."""
    home(copy, f"https://github.com/{owner}/learning-rates")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for task in (["format", "--check"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *task, copy / "notebooks"]
        found = subprocess.run(ruff, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout


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
    assert f"such as {ADDRESS}, got {address!r}; correct it" in refused(copy, address)


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
    assert f"{readme} must have one place for the address" in refused(copy, ADDRESS)


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


# Pages of the book, which a notebook cannot reach where it is read


def text_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def pages_linked(text):
    return re.findall(rf"\]\({re.escape(SITE)}([^)]*)\)", text)


PAGES_NAMED = {
    "How the evidence was made": "evidence",
    "The schedule lab": "lab",
    "The race": "race",
}
NAMED_BY_ONE = {"In practice": "practice"}


def test_where_the_site_is_known_a_chapter_leads_to_its_pages(copy):
    home(copy, "")
    before = {path: text_of(path) for path in (copy / "notebooks").glob("*.ipynb")}
    home(copy, ADDRESS)
    for path, plain in before.items():
        linked = text_of(path)
        assert all(f"*{title}*" in plain for title in PAGES_NAMED)
        for title, page in (PAGES_NAMED | NAMED_BY_ONE).items():
            plain = plain.replace(f"*{title}*", f"[{title}]({SITE}book/{page}.html)")
        assert linked == plain
        assert all((ROOT / page).with_suffix(".md").is_file() for page in pages_linked(linked))


def test_the_host_of_the_site_has_no_capitals(copy):
    home(copy, "https://github.com/Some-One/Rates")
    text = text_of(copy / "notebooks" / "01-fixed.ipynb")
    assert "](https://some-one.github.io/Rates/book/evidence.html)" in text


def test_a_page_is_named_by_its_whole_title_in_italics(copy):
    path = copy / "notebooks" / "04-cosine-annealing.ipynb"
    notebook = nbformat.read(path, as_version=4)
    others = "**Set up**, *Set up twice*, Set up, [Set up first](04-cosine-annealing.ipynb)"
    notebook.cells[0].source += f"\n\n{others}, *Set up*"
    nbformat.write(notebook, path)
    home(copy, ADDRESS)
    assert f"{others}, [Set up]({SITE}book/setup.html)" in text_of(path)
    home(copy, "")
    assert f"{others}, *Set up*" in text_of(path)


# What a chapter cites, listed at its end


def listed(path):
    return re.findall(r"^- (.*?): ", nbformat.read(path, as_version=4).cells[-1].source, re.M)


def test_a_new_citation_and_a_new_claim_come_into_the_list(copy):
    path, claims = copy / "notebooks" / "08-lr-finder.ipynb", copy / CLAIMS
    before = listed(path)
    notebook = nbformat.read(path, as_version=4)
    citation = "[Polyak (1964)](https://doi.org/10.1016/0041-5553%2864%2990137-5)"
    notebook.cells[0].source += f"\n\n{citation}"
    nbformat.write(notebook, path)
    others, chapter, own = claims.read_text("utf-8").partition("chapter: 08-lr-finder")
    own = re.sub("source: .*", "source: Ioffe and Szegedy (2015), section 4", own, count=1)
    claims.write_text(others + chapter + own, "utf-8")
    home(copy)
    assert set(listed(path)) - set(before) == {"Ioffe and Szegedy (2015)", "Polyak (1964)"}


# The first cell


class Bare(Environment):
    """An environment where `present` 1.0 is installed and lrlib is missing."""

    def __init__(self, folder):
        super().__init__(folder)
        for number in (1, 2):
            write_wheel(self.shelf, "present", f"{number}.0")
            write_wheel(self.shelf, "new", f"{number}.0", f"present>={number}")
        self.run("-m", "pip", "install", "present==1.0").check_returncode()
        self.before = self.versions()
        # IPython runs the cell. Its packages lie where pip does not see them.
        self.ipython = folder / "ipython"
        link(closure("ipython"), self.ipython, seen_by_pip=False)

    def run_cell(self, source, **environment):
        """Run a cell where lrlib is missing; return the exit status and all that it shows."""
        self.run("-m", "pip", "uninstall", "--yes", "lrlib", "new").check_returncode()
        cell = self.shelf / "cell.ipy"
        cell.write_text(source, encoding="utf-8")
        home = {"PYTHONPATH": str(self.ipython), "IPYTHONDIR": str(self.shelf / "profile")}
        result = self.run("-m", "IPython", "--colors=nocolor", cell, **home, **environment)
        return result.returncode, result.stdout + result.stderr


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return Bare(tmp_path_factory.mktemp("a b ä ö"))


BOOTSTRAP = first_code_cell(ROOT / "notebooks" / "01-fixed.ipynb").source


def test_the_first_cell_is_the_same_everywhere():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cell = first_code_cell(path)
        assert cell.source == BOOTSTRAP
        assert cell.metadata.tags == ["remove-cell"]


def test_the_first_cell_is_short():
    lines = BOOTSTRAP.splitlines()
    assert len(lines) <= 16
    assert max(map(len, lines)) < 80


def test_a_first_cell_that_was_changed_by_hand_is_written_anew(copy):
    before = contents(copy)
    path = copy / "notebooks" / "04-cosine-annealing.ipynb"
    path.write_text(path.read_text("utf-8").replace("lrlib[notebooks]", "lrlib"), "utf-8")
    assert contents(copy) != before
    assert home(copy).returncode == 0
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["bootstrap", "sources"])
def test_a_lost_cell_is_named_and_nothing_is_written(copy, name):
    path = copy / "notebooks" / "04-cosine-annealing.ipynb"
    path.write_text(path.read_text("utf-8").replace(f'"id": "{name}"', '"id": "other"'), "utf-8")
    assert f"{path} must have one cell with the id {name!r}, and has 0" in refused(copy, ADDRESS)


def test_where_lrlib_is_nothing_is_installed(tmp_path):
    cell = tmp_path / "cell.ipy"
    cell.write_text(BOOTSTRAP, encoding="utf-8")
    nowhere = {"LRLIB_SOURCE": "git+file:///nowhere", "PIP_NO_INDEX": "1"}
    command = [sys.executable, "-m", "IPython", cell]
    env = {**os.environ, **nowhere, "IPYTHONDIR": str(tmp_path)}
    subprocess.run(command, env=env, cwd=tmp_path, check=True)
    assert not (tmp_path / "present.txt").exists()


@pytest.mark.slow
def test_the_first_cell_installs_lrlib_and_changes_nothing_that_is_there(bare):
    """The newest of what lrlib needs wants a newer `present`: an older one is taken instead."""
    source = write_wheel(bare.shelf, "lrlib", "0.1.0", 'new; extra == "notebooks"')
    status, shown = bare.run_cell(f"{BOOTSTRAP}\nimport lrlib, new", LRLIB_SOURCE=str(source))
    assert status == 0, shown
    assert bare.versions() == {**bare.before, "lrlib": "0.1.0", "new": "1.0"}


BACKEND = """\
import shutil

def build_wheel(folder, *_):
    return shutil.copy("lrlib-0.1.0-py3-none-any.whl", folder).rpartition("/")[2]
"""


@pytest.fixture
def forms(bare, tmp_path):
    """The same package in each form that pip takes: a wheel, a folder, archives, a repository."""
    folder = tmp_path / "a b"
    folder.mkdir()
    wheel = write_wheel(folder, "lrlib", "0.1.0", 'new; extra == "notebooks"')
    (folder / "backend.py").write_text(BACKEND, encoding="utf-8")
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(build, encoding="utf-8")
    archive = shutil.make_archive(str(tmp_path / "lrlib"), "zip", folder)
    commit_all(folder)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield {
            "folder": str(folder),
            "relative folder": os.path.relpath(folder, bare.shelf),
            "wheel": str(wheel),
            "archive": archive,
            "repository": f"git+{folder.as_uri()}",
            "address of an archive": f"{address}/lrlib.zip",
            "address of a wheel": f"{address}/a%20b/{wheel.name}",
        }
        server.shutdown()


@pytest.mark.slow
def test_the_first_cell_takes_whatever_pip_takes(bare, forms):
    for form, source in forms.items():
        status, shown = bare.run_cell(f"{BOOTSTRAP}\nimport lrlib, new", LRLIB_SOURCE=source)
        assert status == 0, f"{form} {source}: {shown}"
        assert bare.versions() == {**bare.before, "lrlib": "0.1.0", "new": "1.0"}


@pytest.mark.slow
def test_where_pip_cannot_do_it_the_reader_sees_why(bare):
    source = write_wheel(bare.shelf, "lrlib", "0.1.0", "present>=2")
    status, shown = bare.run_cell(BOOTSTRAP, LRLIB_SOURCE=str(source))
    assert status != 0
    assert "lrlib 0.1.0 depends on present>=2" in shown
    assert "ModuleNotFoundError: No module named 'lrlib'" in shown
    assert bare.versions() == bare.before


@pytest.mark.parametrize("typed", ["", "..."])
def test_dots_that_were_typed_as_they_stand_are_no_source(monkeypatch, typed):
    """The cell's own lines, without pip: they would be handed to it."""
    python = "\n".join(line for line in BOOTSTRAP.splitlines() if not line.startswith("    %"))
    monkeypatch.setenv("LRLIB_SOURCE", typed)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"notebook. Run %env LRLIB_SOURCE=book\.zip"):
        exec(re.sub(r"(?m)^book = .*", 'book = ""', python), {})


@pytest.mark.slow
def test_without_an_address_the_reader_is_told_what_to_do(bare):
    unpublished = re.sub(r"(?m)^book = .*", 'book = ""', BOOTSTRAP)
    status, shown = bare.run_cell(unpublished, LRLIB_SOURCE="")
    assert status != 0
    last = shown.strip().splitlines()[-1]
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
    brought = {canonicalize_name(r.name) for r in requirements("notebooks")}
    missing = {module for module in foreign if not OWNERS[module] & brought}
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
        ".[notebooks]",
    ]
    version = (ROOT / ".binder" / "runtime.txt").read_text("utf-8").strip()
    assert re.fullmatch(r"python-3\.1[123]", version)


@pytest.mark.slow
def test_pip_reads_the_binder_requirements_and_would_install_lrlib():
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index"]
    command += ["--no-build-isolation", "--requirement", ".binder/requirements.txt"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert re.search(r"^Would install lrlib-", result.stdout, flags=re.MULTILINE)
