"""A notebook that was run and kept has something to see in every cell that shows a control."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.slow
def test_every_control_of_a_released_notebook_has_left_a_picture(tmp_path):
    subprocess.run(
        [
            *(sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook"),
            *("--output-dir", tmp_path, ROOT / "notebooks" / "05-cyclical.ipynb"),
        ],
        env={**os.environ, "LRLIB_DATASET": "shapes10"},
        check=True,
    )
    cells = nbformat.read(tmp_path / "05-cyclical.ipynb", as_version=4).cells
    shown = [json.dumps(cell.get("outputs", [])) for cell in cells]
    controls = [each for each in shown if VIEW in each]
    assert len(controls) >= 5
    assert [each for each in controls if "lrlib-kept" not in each] == []
