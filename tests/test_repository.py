"""The repository itself: its licence, its pins, its commands, and what must not be in it."""

import functools
import os
import re
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from checkout import ROOT, run
from click.testing import CliRunner
from environments import requirements
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import lrlib

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, BUILD = PYPROJECT["project"], PYPROJECT["build-system"]["requires"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def schema_errors(schema: str, path: Path) -> str:
    result = CliRunner().invoke(check_jsonschema.main, ["--builtin-schema", schema, str(path)])
    return "" if result.exit_code == 0 else result.output or str(result.exception)


# Workflow, citation and pre-commit files


def test_a_misspelt_workflow_is_noticed(tmp_path):
    text = (ROOT / ".github/workflows/book.yml").read_text(encoding="utf-8")
    wrong = tmp_path / "book.yml"
    wrong.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert "run-on" in schema_errors("vendor.github-workflows", wrong)


def test_the_workflow_grants_write_access_to_the_publishing_job_alone():
    workflow = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    granting = {name for name, job in workflow["jobs"].items() if "permissions" in job}
    assert granting == {"publish"}
    assert "refs/heads/main" in workflow["jobs"]["publish"]["if"]


def test_citation_package_and_project_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == lrlib.__version__ == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert citation["title"] == config["title"]
    assert [author["name"] for author in citation["authors"]] == [config["author"]]


def test_pre_commit_hooks_are_valid_and_fetch_nothing():
    program = Path(sys.executable).with_name("pre-commit")
    result = run(str(program), "validate-config", str(ROOT / ".pre-commit-config.yaml"))
    assert result.returncode == 0, result.stdout + result.stderr
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {source["repo"] for source in config["repos"]} == {"local"}
    assert {hook["language"] for source in config["repos"] for hook in source["hooks"]} == {
        "system"
    }


# Pins


def read_pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def test_pins_are_sorted_and_unique():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split("==")[0].lower() for line in lines if line and not line.startswith("#")]
    assert names == sorted(names)
    assert len(read_pins()) == len(names)


@functools.cache
def installed(name: str) -> tuple[str, SpecifierSet, list[Requirement]]:
    """Version of a distribution, the Pythons that it supports, and what it requires."""
    found = metadata.distribution(name)
    pythons = SpecifierSet(found.metadata.get("Requires-Python") or "")
    return found.version.split("+")[0], pythons, [Requirement(r) for r in found.requires or []]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize(("platform", "system"), [("linux", "Linux"), ("darwin", "Darwin")])
def test_pins_cover_every_requirement(python, platform, system):
    """Follow what each installed distribution says that it requires, starting from lrlib."""
    pins = read_pins()
    wanted = [*requirements("book", "test"), *map(Requirement, BUILD)]
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_system": system,
    }
    # Where torch is a CUDA build, it names the exact CUDA libraries itself.
    cuda = re.compile(r"nvidia-|cuda-|triton")
    # Only macOS installs it, so what it requires (nothing) cannot be read elsewhere.
    elsewhere = {"appnope"}
    problems, seen = set(), set()
    waiting = [("pyproject.toml", "", requirement) for requirement in wanted]
    while waiting:
        parent, extra, requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        needed = requirement.marker is None or requirement.marker.evaluate(
            {**environment, "extra": extra}
        )
        if not needed or cuda.match(name):
            continue
        if name not in pins:
            problems.add(f"{name}, which {parent} requires, is not pinned")
            continue
        if not requirement.specifier.contains(pins[name], prereleases=True):
            problems.add(f"{parent} requires {requirement}, pinned is {pins[name]}")
        new = {(name, extra) for extra in ("", *requirement.extras)} - seen
        if name in elsewhere or not new:
            continue
        seen |= new
        version, supported, required = installed(name)
        if version != pins[name]:
            problems.add(f"{name} is pinned to {pins[name]}, but {version} is installed")
        if not supported.contains(f"{python}.0"):
            problems.add(f"{name}=={version} needs Python {supported}")
        waiting += [(name, extra, each) for each in required for _, extra in new]
    assert not problems


def test_the_extensions_of_the_book_are_installed_by_its_extra():
    """An extension that is there by accident would be missing on a fresh machine."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    owners = metadata.packages_distributions()
    modules = {name.split(".")[0] for name in config["sphinx"]["config"]["extensions"]}
    modules -= set(config["sphinx"]["local_extensions"])
    unknown = {module for module in modules if module not in owners}
    unpinned = {
        module
        for module in modules - unknown
        if not {canonicalize_name(name) for name in owners[module]} & read_pins().keys()
    }
    assert not unknown | unpinned


def test_the_citation_on_the_first_page_is_that_of_the_repository():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    page = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    entry = re.search(r"```bibtex\n(.*?)```", page, flags=re.DOTALL)[1]
    (author,) = citation["authors"]
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    for field, value in (
        ("year", config["copyright"]),
        ("title", citation["title"]),
        ("author", f"{{{author['name']}}}"),
        ("version", citation["version"]),
    ):
        assert f"{field} = {{{value}}}" in entry


# Commands

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


def test_the_readme_lists_every_target():
    assert set(re.findall(r"^\| `make ([a-z-]+)` \|", README, flags=re.MULTILINE)) == targets()


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_make_command_exists(text):
    commands = re.findall(r"^\s*(?:[A-Z_]+=\S+ )*make ([a-z-]+)\b", text, flags=re.MULTILINE)
    commands += re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)`", text)
    assert commands
    assert set(commands) <= targets()


def test_the_commands_without_make_are_those_of_the_makefile():
    """Each command line of the README's section stands in the Makefile as well."""
    section = README.split("## Without make\n")[1].split("\n## ")[0]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    makefile = makefile.replace('"$(PYTHON)"', "python3").replace("$(python)", ".venv/bin/python")
    recipes = " ".join(makefile.replace("\\\n", " ").split())
    blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    missing = [line for line in lines if line and " ".join(line.split()) not in recipes]
    assert lines
    assert not missing


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_local_link_leads_somewhere(text):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


@needs_make
def test_make_alone_explains_itself():
    result = run("make")
    assert result.returncode == 0
    assert set(re.findall(r"^make ([a-z-]+) ", result.stdout, flags=re.MULTILINE)) == targets()


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile; its name has a space, a quote and letters beyond ASCII."""
    folder = tmp_path / "Ünter suchung's größe"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@needs_make
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("../data set", "{folder}/../data set"),
        ("data", "{folder}/data"),
        ("{folder}/data", "{folder}/data"),
        ("", ""),
    ],
)
def test_make_hands_down_an_absolute_data_folder(checkout, given, expected):
    show = r'--eval=show: ; @printf "%s" "$$LRLIB_DATA"'
    result = run("make", show, "show", cwd=checkout, LRLIB_DATA=given.format(folder=checkout))
    assert result.stdout == expected.format(folder=checkout)


@needs_make
def test_an_environment_is_installed_once_for_each_place(checkout):
    (checkout / ".venv").mkdir()
    stamp = checkout / ".venv" / "installed"
    stamp.write_text(f"{checkout}\n", encoding="utf-8")
    assert "pip install" not in run("make", "-n", "unit", cwd=checkout).stdout
    stamp.write_text("where it was made\n", encoding="utf-8")
    assert "pip install" in run("make", "-n", "unit", cwd=checkout).stdout
    stamp.write_text(f"{checkout}\n", encoding="utf-8")
    later = stamp.stat().st_mtime + 1
    os.utime(checkout / "constraints.txt", (later, later))
    assert "pip install" in run("make", "-n", "unit", cwd=checkout).stdout


@needs_make
def test_an_old_python_is_refused_in_a_sentence(checkout):
    old = checkout.parent / "python3.10"
    pretence = "import sys; sys.version_info = (3, 10, 4); exec(sys.argv[1])"
    old.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{pretence}' \"$2\"\n")
    old.chmod(0o755)
    result = run("make", "test", f"PYTHON={old}", cwd=checkout)
    assert result.returncode != 0
    assert f"needs Python 3.11 or newer, and {old} is 3.10" in result.stderr
    assert not (checkout / ".venv").exists()


@needs_make
def test_a_missing_python_is_named(checkout):
    result = run("make", "test", "PYTHON=no-such-python", cwd=checkout)
    assert result.returncode != 0
    assert "no-such-python is not found" in result.stderr


# What must not be in the repository


def repository_files() -> list[Path]:
    """All files that a commit would hold."""
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_is_larger_than_two_mebibytes():
    assert not [path for path in repository_files() if path.stat().st_size > 2 * 1024**2]


# Folders of somebody's own machine, and hosts that a package client knows by itself.
FORBIDDEN = re.compile(
    r"(?<![\w.:/~-])/(?:home|root|Users|work|tmp|mnt|opt)/\w"
    r"|\b[A-Z]:\\\\?\w"
    r"|pypi\.(?:org|io)|pythonhosted\.org|debian\.org|registry\.npmjs|registry\.yarnpkg"
)


@pytest.mark.parametrize(
    "text",
    [
        "/".join(["open('", "home", "me", "data')"]),
        r"C:\Users\me",
        ".".join(["https://pypi", "org/simple"]),
    ],
)
def test_forbidden_words_are_found(text):
    assert FORBIDDEN.search(text)


def test_no_machine_path_and_no_registry_host():
    found = []
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" in content or path == Path(__file__):
            continue
        for match in FORBIDDEN.finditer(content.decode("utf-8")):
            found.append(f"{path.relative_to(ROOT)}: {match[0]}")
    assert not found
