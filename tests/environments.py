"""Virtual environments in which lrlib is to run, made without a network."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Which distributions bring a module.
OWNERS = {
    module: {canonicalize_name(name) for name in distributions}
    for module, distributions in metadata.packages_distributions().items()
}


def without(*prefixes):
    """The environment of this process, less the variables that begin so."""
    return {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}


def commit_all(folder):
    """Make a folder a git repository that holds all that is in it."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=all"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def clone_of_the_working_tree(folder):
    """Make the repository that pip would fetch if all changes were committed."""
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in listing.split("\0")[:-1]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    commit_all(folder)


class Environment:
    """A virtual environment that holds `packages`, linked; its pip knows a shelf and no index."""

    def __init__(self, folder, *packages):
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        venv.create(folder / "venv", symlinks=os.name != "nt")
        place = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
        self.python = Path(sysconfig.get_path("scripts", "venv", place)) / "python"
        link(closure("pip", *packages), Path(sysconfig.get_path("purelib", "venv", place)))

    def run(self, *arguments, **environment):
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.shelf.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        return subprocess.run(
            [self.python, *arguments],
            env={**without("LRLIB_", "PIP_", "PYTHON"), **offline, **environment},
            cwd=self.shelf,
            capture_output=True,
            text=True,
            check=False,
        )

    def versions(self):
        listing = self.run("-m", "pip", "list", "--format=json").stdout
        return {package["name"]: package["version"] for package in json.loads(listing)}


def write_wheel(folder, name, version, *requires):
    """Write a package that holds one empty module."""
    info = f"{name}-{version}.dist-info"
    extras = {part.split('"')[1] for part in requires if "extra ==" in part}
    about = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    about += [f"Provides-Extra: {extra}" for extra in sorted(extras)]
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


def build_wheel(folder):
    """Build lrlib by way of its source archive, from a copy: setuptools leaves its traces."""
    copy = folder / "copy"
    copy.mkdir()
    shutil.copytree(ROOT / "lrlib", copy / "lrlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    # Without isolation: that would fetch setuptools.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, copy)
    (wheel,) = folder.glob("*.whl")
    return wheel


def closure(*names):
    """What these distributions require here, and what that requires, and so on."""
    found, waiting = {}, [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found[name] = metadata.distribution(name)
        waiting += map(Requirement, found[name].requires or [])
    return found.values()


def link(distributions, folder, seen_by_pip=True):
    """Let what is installed here be imported from `folder` too."""
    folder.mkdir(exist_ok=True)
    for distribution in distributions:
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            if (seen_by_pip or not top.endswith(".dist-info")) and not (folder / top).exists():
                (folder / top).symlink_to(distribution.locate_file(top))


def requirements(*extras):
    """What pyproject.toml requires of others, for lrlib with these extras."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    for requirement in map(Requirement, lines):
        if requirement.name == PROJECT["name"]:
            yield from requirements(*requirement.extras)
        else:
            yield requirement
