"""A program that the environment of the frameworks runs for a test, with JSON in and out."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build" / "exports" / "bin" / "python"


def ask(
    program: str, library: str, question: Any, folder: Path, *more: str, **settings: str
) -> Any:
    """Return what the program answers; `settings` are variables of its environment."""
    source, target = folder / "question.json", folder / "answer.json"
    source.write_text(json.dumps(question), encoding="utf-8")
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name(program), library, source, target, *more],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(target.read_text(encoding="utf-8"))
