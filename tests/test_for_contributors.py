"""What those who come find: forms, a list of changes, and links that somebody keeps asking."""

import re
import shlex
import tomllib
from pathlib import Path

import references
import yaml
from checkout import ROOT, git, read, run
from sphinx.util.matching import get_matching_files

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


# Forms; `make lint` checks their schema.


def test_there_is_a_form_for_the_text_the_code_and_what_is_proposed():
    assert [path.stem for path in FORMS] == ["bug", "proposal", "text"]
    names = [yaml.safe_load(path.read_text(encoding="utf-8"))["name"] for path in FORMS]
    assert len(set(names)) == 3


def test_what_a_pull_request_is_asked_for_exists():
    asked = read(".github/pull_request_template.md")
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    commands = set(re.findall(r"`make ([a-z-]+)`", asked))
    assert commands
    assert commands <= targets
    files = set(re.findall(r"[A-Z]+\.md", asked))
    assert files
    assert all((ROOT / name).is_file() for name in files)


def test_nothing_that_contributors_read_becomes_a_page_of_the_book():
    excluded = yaml.safe_load(read("_config.yml"))["exclude_patterns"]
    pages = get_matching_files(ROOT, ["**.md"], [*excluded, "_build"])
    assert {Path(page).parent.as_posix() for page in pages} == {"book"}


# Changes


def test_the_list_of_changes_ends_with_the_version_of_the_package():
    headings = re.findall(r"^## (.*)$", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", h) for h in headings[1:]]
    assert all(released)
    assert released[0][1] == tomllib.loads(read("pyproject.toml"))["project"]["version"]
    dates = [match[2] for match in released]
    assert dates == sorted(dates, reverse=True)


def test_the_kinds_of_changes_are_those_of_keep_a_changelog():
    kinds = re.findall(r"^### (.*)$", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert kinds
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


# Links that lead out

LINKS = yaml.safe_load(read(".github/workflows/links.yml"))
STEPS = LINKS["jobs"]["links"]["steps"]


def test_no_push_waits_for_the_links_and_they_may_write_nothing():
    assert set(LINKS[True]) == {"schedule", "workflow_dispatch"}  # YAML reads `on` as true
    assert LINKS["permissions"] == {"contents": "read"}
    assert "permissions" not in LINKS["jobs"]["links"]


def asked():
    """The patterns of the files whose links are asked."""
    (arguments,) = [step["with"]["args"] for step in STEPS if "lychee" in step.get("uses", "")]
    return [word for word in shlex.split(arguments) if word.endswith((".md", ".ipynb", ".py"))]


def test_every_page_notebook_and_module_is_asked_for_its_links():
    holders = {
        name
        for name in git("ls-files", "*.md", "*.ipynb", "lrlib/*.py").splitlines()
        if re.search(r"https?://", read(name))
    }
    assert {"README.md", "book/setup.md", "notebooks/01-fixed.ipynb"} <= holders
    paths = [path for pattern in asked() for path in ROOT.glob(pattern)]
    assert not holders - {path.relative_to(ROOT).as_posix() for path in paths}


def test_every_paper_is_asked_too(tmp_path):
    (step,) = [step["run"] for step in STEPS if "papers" in step.get("run", "")]
    (tmp_path / "book").mkdir()
    bibliography = read("book/references.bib")
    Path(tmp_path, "book", "references.bib").write_text(bibliography, encoding="utf-8")
    assert run("bash", "-e", "-c", step, cwd=tmp_path).returncode == 0
    addresses = (tmp_path / "papers.txt").read_text(encoding="utf-8").split()
    assert len(addresses) == len(re.findall(r"^ *(?:doi|eprint|url)\s*=", bibliography, re.M))
    papers = {source.address for source in references.read()}
    assert papers <= {address.replace("(", "%28").replace(")", "%29") for address in addresses}
