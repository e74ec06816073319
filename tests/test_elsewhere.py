"""The book away from home: a checkout in a folder of any name."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from environments import clone_of_the_working_tree, run, without

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("some where") / "größe's" / "book"
    clone_of_the_working_tree(folder)
    return folder


def test_the_site_has_buttons_where_an_address_is_set_and_else_none(checkout):
    """What the book's own site is not: `make book` looks at that one.

    The pages are built without running the notebooks: the buttons are the same.
    """
    config = checkout / "_config.yml"
    has_address = yaml.safe_load(config.read_text("utf-8"))["repository"]["url"]
    address = "" if has_address else "https://github.com/someone/learning-rates"
    run(sys.executable, "book/home.py", address, cwd=checkout)
    text = config.read_text("utf-8")
    quick, places = re.subn(r"execute_notebooks: \S+", 'execute_notebooks: "off"', text)
    assert places == 1
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
def test_make_installs_and_works_there(checkout, tmp_path):
    """All programs that make calls start in a folder with spaces, quotes and other letters.

    Once they are installed, they need nothing of a home: it is empty.
    """
    here = without("LRLIB_", "PYTHON", "MAKE", "VIRTUAL_ENV")
    run("make", ".venv/installed", f"PYTHON={sys.executable}", cwd=checkout, env=here)
    here["HOME"] = str(tmp_path)
    run("make", "lint", f"PYTHON={sys.executable}", cwd=checkout, env=here)
    program = "import lrlib; print(lrlib.__file__)"
    found = run(checkout / ".venv" / "bin" / "python", "-c", program, cwd=checkout.parent, env=here)
    assert Path(found.strip()).parent == checkout / "lrlib"
    shutil.rmtree(checkout / ".venv")
