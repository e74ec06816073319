"""The checkout that is tested, and programs that run in it or in a copy."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ROOT.parent / "shared" / "cifar10"  # where the data may lie
# The tests may run below make, which tells its children that they do, or in a hook of git, which
# sets these for its own repository.
OF_A_HOOK = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"}


def read(name: str) -> str:
    """Return the text of a file of the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def program(name: str) -> str:
    """Return the path of a program that was installed beside Python."""
    return str(Path(sys.executable).with_name(name))


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed, whether it succeeds or fails."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key not in OF_A_HOOK and not key.startswith("MAKE")
    }
    return subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def git(*arguments: str, cwd: Path = ROOT) -> str:
    """Run a git command that must succeed, and return what it printed."""
    result = run("git", *arguments, cwd=cwd)
    assert result.returncode == 0, f"git {arguments}\n{result.stdout}{result.stderr}"
    return result.stdout
