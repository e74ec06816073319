"""The recipes of the page "In practice", run with the real packages: `make test-recipes`.

Each script asserts that the rates which its framework applied are those of its schedule. Here it is
seen that it ran, how many steps it made, and that it trained; and that its assertion can fail.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build" / "exports" / "bin" / "python"
RECIPES = ROOT / "recipes"
SHARED = "small_task"

# Steps of the optimizer: 4,096 examples, five times, in batches of 32 or 64; four batches a step or
# one.
STEPS = {
    "accelerate_loop": 160,
    "fastai_learner": 640,
    "huggingface_trainer": 160,
    "lightning_module": 160,
    "muon": 640,
    "parameter_groups": 640,
    "plain_pytorch": 160,
    "prodigy": 640,
    "resume_and_extend": 200,
    "schedule_free": 640,
    "timm_scheduler": 320,
}


def run(script: Path, *launcher: str, arguments: Sequence[str] = ()) -> subprocess.CompletedProcess:
    program = Path(__file__).with_name("run_recipe.py")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",  # the networks are small, and the scripts run side by side
    }
    return subprocess.run(
        [PYTHON, *launcher, program, script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def printed(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def losses(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"loss (\d\.\d+)", text)]


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in RECIPES.glob("*.py") if path.stem != SHARED)
)
def test_a_recipe_trains_at_the_rates_that_it_means(name):
    text = printed(run(RECIPES / f"{name}.py"))
    assert re.search(rf"^{STEPS[name]} steps at the (rates|shares) that were meant", text, re.M)
    assert losses(text), text
    assert max(losses(text)) < 1, text  # guessing has 1.61


def test_with_two_processes_accelerate_makes_half_the_steps():
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node", "2")
    text = printed(run(RECIPES / "accelerate_loop.py", *launcher))
    assert re.search("^80 steps at the rates that were meant", text, re.M)
    assert "2 process(es): the schedule has 160 steps" in text
    assert max(losses(text)) < 1, text


@pytest.mark.parametrize("framework", ["accelerate", "huggingface"])
def test_a_schedule_waits_where_a_step_is_skipped(framework):
    """The fifth of ten steps overflows: its rate comes once more, and the last one never."""
    script = Path(__file__).with_name("skip_a_step.py")
    text = printed(run(script, arguments=[framework]))
    (rates,) = re.findall(r"^rates: (.*)$", text, re.M)
    wanted = [1, 0.9, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2]
    assert [float(rate) for rate in rates.split()] == wanted


# A mistake in each, as people make it.
MISTAKES = {
    "accelerate_loop": ("scheduler.step()  #", "scheduler.step(); scheduler.step()  #"),
    "fastai_learner": ("schedule(round(share * steps))", "schedule(share)"),
    "huggingface_trainer": ("LambdaLR(optimizer, schedule))", "None)"),
    "lightning_module": ('interval="step"):', 'interval="epoch"):'),
    "muon": ("        scheduler.step()", "        pass"),
    "parameter_groups": ("        scheduler.step()", "    scheduler.step()"),
    "plain_pytorch": ("skipped += 1", "skipped += 1; scheduler.step()"),
    "prodigy": ("        scheduler.step()", "    scheduler.step()"),
    "resume_and_extend": (", last_epoch=done - 1)", ")"),
    "schedule_free": ("warmup_steps=steps // 10", "warmup_steps=0"),
    "timm_scheduler": ("scheduler.step_update(", "scheduler.step("),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_recipe_that_steps_wrongly_fails(name, tmp_path):
    right, wrong = MISTAKES[name]
    shutil.copy(RECIPES / f"{SHARED}.py", tmp_path)
    text = (RECIPES / f"{name}.py").read_text(encoding="utf-8")
    assert text.count(right) == 1
    (tmp_path / f"{name}.py").write_text(text.replace(right, wrong), encoding="utf-8")
    done = run(tmp_path / f"{name}.py")
    assert done.returncode != 0
    assert "Not equal to tolerance" in done.stderr
