"""What the executed copies of the notebooks hold: no hidden error, and figures that name data.

Run after `stage.py` and nbmake: `make notebooks` does all three.
"""

import re
from pathlib import Path

import nbformat
import pytest
from executed import errors, outputs, shown, texts, widget_states

EXECUTED = sorted((Path(__file__).parents[2] / "build" / "tested").glob("*.ipynb"))


def test_there_are_eight():
    assert len(EXECUTED) == 8, "run `make notebooks`, which stages and executes the eight"


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_every_control_was_used_without_an_error(path):
    notebook = nbformat.read(path, as_version=4)
    assert errors(notebook) == []
    used = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
    sliders, buttons = map(int, re.findall(r"moved (\d+) sliders, pressed (\d+) buttons", used)[0])
    assert sliders >= 1
    assert buttons >= 1


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_nothing_was_written_to_standard_error(path):
    notebook = nbformat.read(path, as_version=4)
    noise = [output["text"] for output in outputs(notebook) if output.get("name") == "stderr"]
    # A progress bar is the one thing that may be there.
    assert [text for text in noise if "step/s" not in text and "it/s" not in text] == []


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_results_name_one_data_set(path):
    """Each figure of a run says where it comes from, and the stand-in cannot pass for CIFAR-10."""
    shown = texts(nbformat.read(path, as_version=4))
    figures_of_runs = re.findall(r"(CIFAR-10|Shapes-10), [\d,]+ images, \d+ epoch", shown)
    assert figures_of_runs, "no figure or line names the data set of a run"
    assert len(set(figures_of_runs)) == 1
    stand_in = "Shapes-10, the stand-in for CIFAR-10, is in use" in shown
    assert stand_in == (figures_of_runs[0] == "Shapes-10")


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_each_exercise_says_not_yet_to_its_stub_and_right_to_its_solution(path):
    notebook = nbformat.read(path, as_version=4)
    verdicts = {"exercise-check": "lrlib-not-yet", "exercise-solution": "lrlib-right"}
    for tag, verdict in verdicts.items():
        found = [shown(cell) for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
        assert len(found) >= 2
        assert [text for text in found if f'class="{verdict}"' not in text] == []


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_each_exercise_has_a_hint_for_a_wrong_answer(path):
    notebook = nbformat.read(path, as_version=4)
    checks = [cell for cell in notebook.cells if "exercise-check" in cell.metadata.get("tags", [])]
    said = "".join(output.get("text", "") for output in notebook.cells[-2].outputs)
    assert said == f"answered {len(checks)} exercises wrongly\n"


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_each_prediction_is_scored(path):
    notebook = nbformat.read(path, as_version=4)
    values = [str(state["state"].get("value", "")) for state in widget_states(notebook).values()]
    assert sum("The result: " in value for value in values) >= 2
