"""Commands and facts that stand in several files are the same in all of them."""

import re
import shutil
import tomllib

import pytest
import yaml
from checkout import ROOT, program, read, run

README, CONTRIBUTING, SET_UP = (
    read(name) for name in ("README.md", "CONTRIBUTING.md", "book/setup.md")
)
MAKEFILE = read("Makefile")
PYPROJECT = tomllib.loads(read("pyproject.toml"))
WORKFLOW = yaml.safe_load(read(".github/workflows/book.yml"))


def commands(text, language="sh|bash"):
    """The command lines in a page's code blocks, continued lines joined."""
    blocks = re.findall(rf"^```(?:{language})\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = re.sub(r" [\\`]\n", " ", "".join(blocks)).splitlines()
    return [" ".join(line.split()) for line in lines if line]


def recipe(target):
    """The command lines of a target of the Makefile, written as one types them."""
    (lines,) = re.findall(rf"^{target}:.*\n((?:\t.*\n|[ \t].*\n)+)", MAKEFILE, flags=re.MULTILINE)
    lines = lines.replace("$(python)", ".venv/bin/python").replace(" $(OPTIONS)", "")
    lines = re.sub(r" \\\n", " ", lines).splitlines()
    return [" ".join(line.split()).split(" || ")[0] for line in lines]


def section(text, heading):
    return re.split(r"^## ", text.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]


# Set-up text


def parts_of_the_readme():
    """What the set-up page takes from the README: the lines between two of its headings."""
    parts = re.findall(
        r'^```{include} ../README.md\n:start-after: "(.*)"\n:end-before: "(.*)"\n```$',
        SET_UP,
        flags=re.MULTILINE,
    )
    assert parts
    return parts


def test_the_set_up_page_takes_whole_sections_of_the_readme():
    assert SET_UP.count("{include}") == len(parts_of_the_readme())
    headings = re.findall(r"^## .*$", README, flags=re.MULTILINE)
    for start, end in parts_of_the_readme():
        # The first place where these words stand must be the heading, and its section the one.
        assert README.index(start) == README.index(f"\n{start}\n") + 1
        first, following = (
            next(number for number, line in enumerate(headings) if line.startswith(words))
            for words in (start, end)
        )
        assert following == first + 1


def test_what_the_set_up_page_takes_has_no_link_within_the_repository():
    """On the page it would lead elsewhere."""
    for start, end in parts_of_the_readme():
        taken = README.split(start)[1].split(end)[0]
        assert re.findall(r"\]\((?!https:)[^)]*\)", taken) == []


def test_no_command_of_the_readme_is_written_once_more():
    known = set(commands(README))
    assert known
    assert not known & {*commands(SET_UP), *commands(CONTRIBUTING)}


def test_windows_has_the_commands_of_the_other_systems():
    linux = commands(section(README, "Without make"))
    for line in commands(README, "powershell"):
        same = line.replace("py -m venv", "python3 -m venv").replace("\\", "/")
        assert same.replace(".venv/Scripts/", ".venv/bin/") in linux


def test_a_missing_command_would_be_found():
    text = "```sh\na b \\\n    c\n\nd\n```\n\n```python\ne\n```\n"
    assert commands(text) == ["a b c", "d"]
    assert recipe("lab") == [".venv/bin/python -m jupyterlab notebooks"]


# The Makefile


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_readme_describes_the_targets_in_the_words_of_make_help():
    shown = re.findall(r"^(make [a-z-]+) +(.*)$", run("make").stdout, flags=re.MULTILINE)
    listed = re.findall(r"^\| `(make [a-z-]+)` \| (.*) \|$", README, flags=re.MULTILINE)
    assert shown
    assert [(name, text.replace("`", "")) for name, text in listed] == [
        (name, text.replace("`", "")) for name, text in shown
    ]


@pytest.mark.parametrize("target", ["lint", "unit", "notebooks", "lab"])
def test_the_readme_has_every_command_that_make_runs(target):
    """The other direction, that make has those of the README: tests/test_repository.py."""
    assert set(recipe(target)) <= set(commands(section(README, "Without make")))


def checkers(lines):
    """What the lines run: ruff's two checks apart, options aside."""
    plain = [re.sub(r"\.venv/bin/(?:python -m )?", "", line).split() for line in lines]
    return {" ".join(words[: 2 if words[0] == "ruff" else 1]) for words in plain}


def test_the_hooks_run_what_make_lint_runs():
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    entries = [hook["entry"] for hook in hooks if hook["id"] != "repository"]
    assert checkers(entries) == checkers(recipe("lint"))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [step.get("run", "") for job in WORKFLOW["jobs"].values() for step in job["steps"]],
            id="workflow",
        ),
        pytest.param(read(".ci/run").splitlines(), id=".ci/run"),
    ],
)
def test_continuous_integration_calls_targets_that_there_are(steps):
    lines = "\n".join(step for step in steps if not step.startswith("#"))
    targets = set(re.findall(r"\bmake ([a-z-]+)(?![\w./])", lines))
    assert targets
    assert targets <= set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_program_and_file_of_a_command_is_there(text):
    inline = re.findall(r"`(\.venv/bin/[^`\n]+(?:\n[^`\n]+)?)`", text)
    words = [line.split() for line in [*commands(text), *inline]]
    ours = [line for line in words if line[0].startswith(".venv/bin/")]
    assert ours
    for first, *rest in ours:
        assert shutil.which(program(first.removeprefix(".venv/bin/"))), first
        files = [word for word in rest if re.match(r"(?:tests|notebooks|\.github)/", word)]
        assert not [word for word in files if not [*ROOT.glob(word)]]


# Versions and sums


OLDEST_PYTHON = [
    ("README.md", r"Python (3\.\d+) or newer"),
    ("README.md", r"older than (3\.\d+)"),
    ("Makefile", r"Python (3\.\d+)\W+or newer"),
    ("Makefile", r"version_info >= \((3, \d+)\)"),
    ("constraints.txt", r"for\W+Python (3\.\d+) to 3\.\d+"),
    (".binder/runtime.txt", r"^python-(3\.\d+)$"),
    ("pyproject.toml", r'^python_version = "(3\.\d+)"'),
    ("pyproject.toml", r'^target-version = "py(3\d+)"'),
    (".github/workflows/book.yml", r'python-version: "(3\.\d+)"'),
]


@pytest.mark.parametrize(("name", "pattern"), OLDEST_PYTHON)
def test_every_place_names_the_same_oldest_python(name, pattern):
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    found = re.findall(pattern, read(name), flags=re.MULTILINE)
    assert {re.sub(r"\D", "", version) for version in found} == {oldest.replace(".", "")}


def test_the_readme_names_the_oldest_pytorch():
    (oldest,) = re.findall(r'"torch>=([\d.]+)"', read("pyproject.toml"))
    assert f"PyTorch {oldest} and newer" in " ".join(README.split())


def test_the_sum_of_the_archive_is_the_one_that_is_checked():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "lrlib").glob("*.py"))
    for text in (SET_UP, read(".github/workflows/book.yml")):
        (known,) = set(re.findall(r"\b[0-9a-f]{32}\b", text))
        assert f'"{known}"' in code
