"""The repository as other systems check it out: no links, other line ends, names without case."""

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path, PurePosixPath

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
# A hook of git sets these for its own repository, and the tests may run below one.
OF_A_HOOK = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"}


def run(*command, cwd=ROOT, **environment):
    inherited = {key: value for key, value in os.environ.items() if key not in OF_A_HOOK}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def git(*arguments, cwd=ROOT):
    result = run("git", *arguments, cwd=cwd)
    assert result.returncode == 0, f"git {arguments}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def tracked():
    """The paths of the files that git knows, and the mode of each."""
    if run("git", "rev-parse", "HEAD").returncode != 0:
        pytest.skip("not a git checkout")
    lines = git("ls-files", "--stage", "-z").split("\0")[:-1]
    return {line.split("\t", 1)[1]: line.split(" ", 1)[0] for line in lines}


@pytest.fixture(scope="module")
def clone(tracked, tmp_path_factory):
    """The last commit as Git for Windows writes it, in a folder whose name has a space."""
    folder = tmp_path_factory.mktemp("some where") / "größe's clone"
    windows = ["-c", "core.symlinks=false", "-c", "core.autocrlf=true"]
    git(*windows, "clone", "--quiet", str(ROOT), str(folder))
    return folder


# Links, line ends and bytes


def test_no_file_is_a_link_or_another_repository(tracked):
    assert set(tracked.values()) <= {"100644", "100755"}


def test_text_has_no_carriage_return_in_a_clone(clone):
    files = [clone / name for name in git("ls-files", "-z", cwd=clone).split("\0")[:-1]]
    assert files
    texts = [path for path in files if b"\0" not in path.read_bytes()]
    assert not [path for path in texts if b"\r" in path.read_bytes()]


@pytest.mark.parametrize(("name", "kept"), [("figure.png", True), ("page.md", False)])
def test_git_changes_no_byte_of_a_binary_kind(tracked, name, kept):
    attributes = git("check-attr", "text", "--", name)
    assert attributes.endswith("text: unset\n" if kept else "text: auto\n")


def test_the_claims_and_the_record_are_read_from_a_clone(clone):
    program = """
import lrlib
from lrlib.evidence import claims, rows
print(lrlib.__file__, len(claims.read()), len(rows.read()), sep="\\n")
"""
    result = run(sys.executable, "-c", program, cwd=clone, PYTHONPATH=str(clone))
    assert result.returncode == 0, result.stderr
    where, count_of_claims, count_of_rows = result.stdout.splitlines()
    assert Path(where).parent == clone / "lrlib"
    assert int(count_of_claims) > 0
    assert int(count_of_rows) > 0


def test_the_notebooks_are_read_from_a_clone(clone):
    notebooks = sorted((clone / "notebooks").glob("*.ipynb"))
    assert len(notebooks) == 8
    for path in notebooks:
        nbformat.validate(nbformat.read(path, as_version=4))


# Names

FORBIDDEN_BY_WINDOWS = re.compile(
    r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)', flags=re.IGNORECASE
)


def folded(path):
    """The path as a file system without case sees it, macOS's and Windows' alike."""
    return unicodedata.normalize("NFC", path).casefold()


def clashes(paths):
    """The files and folders that would be one where case makes no difference."""
    every = {str(part) for path in paths for part in (path, *PurePosixPath(path).parents)}
    known = {}
    for path in sorted(every):
        known.setdefault(folded(path), []).append(path)
    return [same for same in known.values() if len(same) > 1]


def forbidden(paths):
    """The paths that Windows cannot write."""
    parts = ((path, part) for path in paths for part in PurePosixPath(path).parts)
    return [path for path, part in parts if FORBIDDEN_BY_WINDOWS.search(part)]


def test_no_two_paths_differ_in_case_alone(tracked):
    assert not clashes(tracked)


def test_no_path_is_forbidden_on_windows(tracked):
    assert not forbidden(tracked)


@pytest.mark.parametrize(
    "paths", [("README.md", "readme.md"), ("Book/a.md", "book/b.md"), ("größe", "gro\u0308ße")]
)
def test_a_clash_is_found(paths):
    assert clashes(paths)


@pytest.mark.parametrize(
    "path", ["book/aux.md", "NUL", "a:b", "what?.md", "notes.", "com1.tar.gz", "folder /a"]
)
def test_a_forbidden_name_is_found(path):
    assert forbidden([path, "auxiliary.md", "console.py", ".gitignore"]) == [path]
