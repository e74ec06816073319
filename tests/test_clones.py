"""The repository as other systems check it out: no links, other line ends, names without case."""

import os
import re
import shutil
import sys
import unicodedata
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from checkout import ROOT, git, run


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
from lrlib.evidence import claims, read
print(lrlib.__file__, len(claims.read()), len(read().rows), sep="\\n")
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


# Notebooks that can be reviewed

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def write(path, *sources):
    """Write a notebook of markdown cells as the book stores its notebooks."""
    cells = [
        nbformat.v4.new_markdown_cell(source, id=re.sub(r"\W+", "-", source)[:20])
        for source in sources
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")


@pytest.fixture
def draft(tracked, tmp_path):
    """A fresh clone, and a notebook in it with two commits to come."""
    folder = tmp_path / "some where"
    git("clone", "--quiet", str(ROOT), str(folder))
    write(folder / "notebooks" / "draft.ipynb", *CELLS)
    commit(folder)
    return folder


CELLS = ["# A title\n\nA first sentence.", "The second cell.", "The third cell."]


def commit(folder):
    author = ["-c", "user.name=test", "-c", "user.email=test"]
    git("add", "--all", cwd=folder)
    git(*author, "commit", "--quiet", "--no-verify", "--message=a change", cwd=folder)


def switch_on(folder):
    """Run `make hooks` where a link stands for the environment, which would take minutes."""
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / "installed").write_text(f"{folder}\n", encoding="utf-8")
    result = run("make", "hooks", cwd=folder, GIT_CONFIG_GLOBAL=os.devnull)
    assert result.returncode == 0, result.stderr


def merged(folder, ours, theirs):
    """Merge two changes of the notebook; return git's status and the notebook's text."""
    path = folder / "notebooks" / "draft.ipynb"
    git("switch", "--quiet", "--create", "theirs", cwd=folder)
    write(path, *theirs)
    commit(folder)
    git("switch", "--quiet", "-", cwd=folder)
    write(path, *ours)
    commit(folder)
    author = ["-c", "user.name=test", "-c", "user.email=test"]
    result = run("git", *author, "merge", "--quiet", "--no-verify", "theirs", cwd=folder)
    assert result.returncode in (0, 1), result.stderr
    return result.returncode, path.read_text(encoding="utf-8")


first, second, third = CELLS
CHANGED = first.replace("first", "better"), third.replace("third", "last")


def test_a_clone_that_does_not_know_nbdime_compares_and_merges_text(draft):
    write(draft / "notebooks" / "draft.ipynb", CHANGED[0], second, third)
    assert '+    "A better sentence."' in git("diff", cwd=draft).splitlines()
    git("checkout", "--quiet", ".", cwd=draft)
    status, text = merged(draft, [CHANGED[0], second, third], [first, second, CHANGED[1]])
    assert status == 0
    assert [cell.source for cell in nbformat.reads(text, 4).cells] == [
        CHANGED[0],
        second,
        CHANGED[1],
    ]


@pytest.mark.slow
@needs_make
def test_make_hooks_compares_notebooks_cell_by_cell(draft):
    switch_on(draft)
    write(draft / "notebooks" / "draft.ipynb", CHANGED[0], second, third)
    shown = re.sub(r"\x1b\[\d*m", "", git("diff", cwd=draft / "book")).splitlines()
    assert "## modified /cells/0/source:" in shown
    assert "-A first sentence." in shown
    assert "+A better sentence." in shown


@pytest.mark.slow
@needs_make
def test_make_hooks_marks_a_conflict_inside_a_notebook_that_still_opens(draft):
    switch_on(draft)
    status, text = merged(draft, [f"{first} Ours.", second], [f"{first} Theirs.", second])
    assert status == 1
    source = nbformat.reads(text, 4).cells[0].source
    assert re.search(r"<<<<<<< .*\n.* Ours\.\n=======\n.* Theirs\.\n>>>>>>> ", source)


@pytest.mark.slow
@needs_make
def test_make_hooks_loses_no_cell_where_both_sides_add_one(draft):
    """nbdime 4.0.4 fails here on the two ids, and says nothing in the file."""
    switch_on(draft)
    ours = [first, "A new cell from us.\nTwo lines.", second, third]
    theirs = [first, "Another cell from them.\n\nTwo lines, too.", second, third]
    status, text = merged(draft, ours, theirs)
    assert status == 1
    assert "A new cell from us." in text
    assert "Another cell from them." in text
    assert "<<<<<<<" in text
