"""The library alone is light, and a package that is missing is named with what brings it."""

import ast
import re
import shlex
import subprocess
import sys

import pytest
from environments import (
    OWNERS,
    PROJECT,
    ROOT,
    Environment,
    build_wheel,
    closure,
    requirements,
    without,
    write_wheel,
)
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lrlib

MODULES = [*lrlib.__all__, "exercises", "quiz"]
MESSAGE = re.compile(
    r'needs (\w+), which is not installed: (python -m pip install "lrlib\[(\w+)]")'
)
# Which modules need an extra as soon as they are imported.
NEED = {
    "data": {"fetch"},
    "evidence": {"evidence"},
    "plots": {"exercises", "explore", "plots", "quiz"},
    "widgets": set(),
}
# What a module that was imported without an extra cannot do.
USES = {
    "data": "from lrlib import data; data.load()",
    "widgets": "from lrlib import quiz; quiz.Prediction('Does it?', ['yes', 'no'])",
    "plots": "from lrlib import finder; finder.RangeTest([0.1, 1], [2, 1], '').plot(None)",
}


def report_on(uses):
    """The program that imports each module, does what `uses` says, and prints what is missing."""
    tries = {name: f"import lrlib.{name}" for name in [*MODULES, "fetch"]} | uses
    return f"""
for name, program in {tries}.items():
    try:
        exec(program)
    except ImportError as error:
        print(name, error, sep=": ")
"""


def names(needed):
    return {canonicalize_name(requirement.name) for requirement in needed}


CORE = {canonicalize_name(d.name) for d in closure(*(r.name for r in requirements()))}


def read(report):
    """Return for each that did not work the package that is missing and the extra it is in."""
    found = {}
    for line in report.splitlines():
        name, error = line.split(": ", 1)
        message = MESSAGE.search(error)
        assert message, error
        found[name] = (message[1], message[3])
    return found


# The library alone


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """An environment that holds lrlib, what it requires, and nothing else."""
    environment = Environment(
        tmp_path_factory.mktemp("a b ä ö"), *(requirement.name for requirement in requirements())
    )
    wheel = build_wheel(environment.shelf)
    environment.run("-m", "pip", "install", wheel).check_returncode()
    return environment


@pytest.mark.slow
def test_the_library_alone_is_torch_numpy_and_tqdm(alone):
    assert names(requirements()) == {"numpy", "torch", "tqdm"}
    assert {canonicalize_name(name) for name in alone.versions()} == {*CORE, "lrlib", "pip"}


@pytest.mark.slow
def test_the_range_test_of_the_readme_runs_as_it_stands(alone):
    """On a model and a DataLoader that lrlib knows nothing of, as a reader would have them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    lines, schedule = blocks
    assert "range_test" in lines
    assert len([line for line in lines.splitlines() if line]) <= 5
    own = """
import torch
torch.manual_seed(0)
y = torch.arange(512) % 4
x = torch.randn(512, 8) + 2 * torch.nn.functional.one_hot(y, 8)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
dataset = torch.utils.data.TensorDataset(x, y)
loader = torch.utils.data.DataLoader(dataset, batch_size=32, shuffle=True)
"""
    look = "print(abs(rates.max() / peak - 1) < 1e-9, scheduler.get_last_lr() == [0])"
    look += "\nprint((model(x).argmax(dim=1) == y).float().mean().item())"
    result = alone.run("-c", own + lines + schedule + look)
    assert result.returncode == 0, result.stderr
    said, seen, right = result.stdout.splitlines()
    suggestion, purpose = said.split(maxsplit=1)
    assert 1e-3 < float(suggestion) < 10
    assert purpose.startswith("is a fixed rate for 600 steps.")
    assert seen == "True True"
    assert float(right) > 0.7  # a guess is right in a quarter of cases


@pytest.mark.slow
def test_training_on_images_of_your_own_needs_no_extra(alone):
    program = """
import torch
from lrlib import data, train
images = data.Images(torch.zeros(256, 3, 32, 32, dtype=torch.uint8), torch.arange(256) % 10)
splits = data.Splits(images, images, images, "black images", tuple("abcdefghij"))
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
print(train.fit(net, torch.optim.SGD(net.parameters(), lr=1e-4), splits, epochs=1))
"""
    result = alone.run("-c", program)
    assert result.returncode == 0, result.stderr
    assert "black images, 256 images, 1 epoch" in result.stdout


DOCTESTS = """
import doctest, importlib, pkgutil
import lrlib

flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
passed = []
for module in pkgutil.walk_packages(lrlib.__path__, "lrlib.", onerror=lambda name: None):
    try:
        found = importlib.import_module(module.name)
    except ImportError:
        continue  # it needs an extra: a test below names all of them
    for test in doctest.DocTestFinder().find(found, module.name):
        report = []
        result = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
        if result.failed:
            print(test.name, "".join(report))
        elif result.attempted:
            passed.append(test.name)
print("passed:", *passed)
"""
# Their examples draw, or fetch.
NEED_AN_EXTRA = {"lrlib.finder.result.RangeTest.plot"}


@pytest.mark.slow
def test_the_examples_of_the_library_alone_run_there(alone):
    result = alone.run("-c", DOCTESTS)
    assert result.returncode == 0, result.stderr
    *failed, last = re.split(r"^(?=lrlib\.|passed:)", result.stdout, flags=re.MULTILINE)
    names = {report.split()[0] for report in failed if report}
    assert names == NEED_AN_EXTRA, result.stdout
    assert all(MESSAGE.search(report) for report in failed if report), result.stdout
    passed = set(last.split()[1:])
    assert {"lrlib.schedules", "lrlib.finder", "lrlib.train.fit", "lrlib.schedules.Join"} <= passed


@pytest.mark.slow
def test_all_that_is_missing_there_is_named_with_its_extra(alone):
    uses = {f"use {extra}": program for extra, program in USES.items()}
    result = alone.run("-c", report_on(uses))
    assert result.returncode == 0, result.stderr
    assert read(result.stdout).keys() == set.union(*NEED.values()) | uses.keys()


@pytest.mark.slow
def test_the_command_of_the_message_brings_what_is_missing(alone):
    """The shelf holds a package by the name of each that the extra needs."""
    missing = names(requirements("data")) - CORE
    for name in missing:
        write_wheel(alone.shelf, name, "99.0")
    error = alone.run("-c", USES["data"]).stderr
    command = shlex.split(MESSAGE.search(error)[2])
    assert command[0] == "python"
    before = alone.versions()
    alone.run(*command[1:]).check_returncode()
    brought = alone.versions().keys() - before
    alone.run("-m", "pip", "uninstall", "--yes", *brought).check_returncode()
    assert {canonicalize_name(name) for name in brought} == missing


# One extra is missing, and all others are there


@pytest.mark.slow
@pytest.mark.parametrize("extra", NEED)
def test_a_missing_extra_is_named(extra, tmp_path):
    own = map(Requirement, PROJECT["optional-dependencies"][extra])
    packages = names(own) - CORE - {"lrlib"}
    missing = [module for module, owners in OWNERS.items() if owners & packages]
    assert missing
    uses = {"use": USES[extra]} if extra in USES else {}
    program = f"import sys\nsys.modules |= dict.fromkeys({missing})\n{report_on(uses)}"
    environment = {**without("LRLIB_"), "LRLIB_DATA": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    found = read(result.stdout)
    assert found.keys() == NEED[extra] | uses.keys()
    for package, named in found.values():
        assert package in missing
        assert OWNERS[package] & names(requirements(named))


# What the sources import


def imports(tree, extra=None):
    """Each package that the code imports, with the extra that it names, or none."""
    for node in ast.iter_child_nodes(tree):
        named = extra
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                continue
            case ast.With(
                items=[ast.withitem(ast.Call(ast.Name("extra"), [ast.Constant(name), _]))]
            ):
                named = name
            case ast.Import():
                yield from ((alias.name.partition(".")[0], extra) for alias in node.names)
            case ast.ImportFrom():
                yield node.module.partition(".")[0], extra
        yield from imports(node, named)


def unexplained(source):
    """The packages that neither the library alone brings nor the extra that the code names."""
    for package, extra in imports(ast.parse(source)):
        if package not in {*sys.stdlib_module_names, "lrlib"}:
            brought = names(requirements(extra) if extra else requirements())
            if not OWNERS[package] & brought:
                yield package


def test_every_import_names_the_extra_that_brings_it():
    paths = set((ROOT / "lrlib").rglob("*.py"))
    missing = {str(path): [*unexplained(path.read_text("utf-8"))] for path in paths}
    assert not {name: packages for name, packages in missing.items() if packages}


@pytest.mark.parametrize(
    "source",
    [
        "import scipy",
        "from scipy import stats",
        "def f():\n    import scipy.stats",
        "with extra('data', 'reading'):\n    import scipy",
    ],
)
def test_an_import_that_names_no_extra_is_found(source):
    assert [*unexplained(f"import torch\n{source}")] == ["scipy"]
    assert not [*unexplained("with extra('evidence', 'counting'):\n    import scipy")]
