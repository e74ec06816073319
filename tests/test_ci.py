"""`.ci/run` runs every target that checks, shows what each printed, and says how all ended."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What stands in for make: it prints what it is asked for, and one target fails.
MAKE = """\
#!/bin/sh
echo "output of $1"
[ "$1" != "$FAILING" ]
"""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture
def run_ci(tmp_path):
    shutil.copytree(ROOT / ".ci", tmp_path / "checkout" / ".ci")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(MAKE)
    make.chmod(0o755)

    def run_ci(failing=""):
        env = {**os.environ, "PATH": f"{make.parent}:{os.environ['PATH']}", "FAILING": failing}
        command = ["bash", tmp_path / "checkout" / ".ci" / "run"]
        result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout

    return run_ci


def test_every_target_is_run_and_shown(run_ci):
    status, shown = run_ci()
    book = {"notebooks", "book", "test-site"}
    library = {"lint", "unit", "test-slow", "test-live", "bench"}
    targets = book | library | {"test-recipes", "test-exports"}
    assert status == 0
    assert set(re.findall(r"^== make (\S+) ended with status 0", shown, re.M)) == targets
    assert set(re.findall(r"^output of (\S+)", shown, re.M)) == {*targets, ".venv/installed"}
    assert re.match(r"== \d+ minutes\. Failed: none\. Passed: ", shown.splitlines()[-1])


@pytest.mark.parametrize(("failing", "passed"), [("unit", 9), ("notebooks", 7)])
def test_a_target_that_fails_is_named_at_the_end(run_ci, failing, passed):
    """Without the notebooks no book is built, and none is looked at."""
    status, shown = run_ci(failing)
    assert status == 1
    assert f"output of {failing}\n== make {failing} ended with status 1" in shown
    names = re.match(r"== \d+ minutes\. Failed: (.*)\. Passed: (.*)\.", shown.splitlines()[-1])
    assert names[1] == failing
    assert len(names[2].split()) == passed


def test_nothing_goes_on_where_nothing_is_installed(run_ci):
    status, shown = run_ci(".venv/installed")
    assert status == 1
    assert "ended" not in shown
