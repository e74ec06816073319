"""The floors that the modules of lrlib stand on: the contract holds, and the tool keeps it."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]


@pytest.fixture
def house(tmp_path):
    """A copy of the sources, to build in."""
    shutil.copytree(ROOT / "lrlib", tmp_path / "lrlib")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder):
    program = Path(sys.executable).with_name("lint-imports")
    command = [program, "--no-cache", "--no-logo"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def test_each_module_imports_from_lower_floors_alone(house):
    status, shown = lint_imports(house)
    assert status == 0, shown


ARROWS = {
    "data": "train",
    "train": "plots",
    "plots": "explore",
    "schedules": "model",
    "finder.rules": "finder.sweep",
    "explore._static": "explore._live",
    "evidence.queries": "evidence.figures",
    "evidence.settings": "evidence.study",
}


def test_arrows_that_are_turned_round_are_noticed(house):
    """Also inside a function, where no import at the start of the program would fail."""
    for lower, upper in ARROWS.items():
        module = house / "lrlib" / f"{lower.replace('.', '/')}.py"
        package, _, name = f"lrlib.{upper}".rpartition(".")
        text = module.read_text(encoding="utf-8")
        turned = f"{text}\n\ndef f():\n    from {package} import {name}\n"
        module.write_text(turned, encoding="utf-8")
    status, shown = lint_imports(house)
    assert status == 1
    for lower, upper in ARROWS.items():
        assert f"lrlib.{lower} is not allowed to import lrlib.{upper}" in shown


def test_a_module_without_a_floor_is_noticed(house):
    (house / "lrlib" / "attic.py").touch()
    (house / "lrlib" / "evidence" / "cellar.py").touch()
    status, shown = lint_imports(house)
    assert status == 1
    assert "lrlib.attic" in shown
    assert "lrlib.evidence.cellar" in shown


def test_contributing_draws_the_floors_as_they_are_checked():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = re.findall(
        r"^  In `([\w.]+)`:\n\n  ```text\n(.*?)^  ```", text, re.DOTALL | re.MULTILINE
    )
    checked = [
        (contract["containers"][0], "".join(f"  {floor}\n" for floor in contract["layers"]))
        for contract in CONTRACTS
    ]
    assert drawn == checked


def test_no_module_is_longer_than_300_lines_but_the_schedules():
    parts = ("lrlib", "book", "benchmarks", "recipes")
    modules = [file for part in parts for file in (ROOT / part).rglob("*.py")]
    assert len(modules) > 50
    lines = {
        file.relative_to(ROOT).as_posix(): file.read_text("utf-8").count("\n") for file in modules
    }
    assert [name for name, count in lines.items() if count > 300] == ["lrlib/schedules.py"]
