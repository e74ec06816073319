"""Copy the notebooks to a folder for testing, each with two more cells that do what readers do.

Usage: python tests/notebooks/stage.py FOLDER

Readers give wrong answers to exercises: the first of the cells does, and wants a hint for each. And
they move sliders and press buttons: the last cell uses every control, and `check_executed.py` looks
for what went wrong in the widgets' own outputs, where an exception does not stop the notebook.
"""

import ast
import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

ANSWER_WRONGLY = """\
def wrong(answer):
    if callable(answer):
        return lambda *arguments, **options: 0.123
    if isinstance(answer, list):
        return [wrong(value) for value in answer]
    return 2 * answer + 1
for check, *answers in [{exercises}]:
    told = exercises.check(check, *map(wrong, answers)).data
    assert 'class="lrlib-not-yet"' in told and "It stopped with" not in told, (check, told)
print("answered {count} exercises wrongly")
"""

USE_EVERY_CONTROL = """\
import gc
import threading
import ipywidgets
controls = [thing for thing in gc.get_objects() if issubclass(type(thing), ipywidgets.Widget)]
sliders = [thing for thing in controls if hasattr(thing, "min") and hasattr(thing, "readout")]
buttons = [thing for thing in controls if isinstance(thing, ipywidgets.Button)]
pages = [thing for thing in controls if isinstance(thing, ipywidgets.HTML)]
faults = []
def look():
    faults.extend(page.value for page in pages if 'class="lrlib-error"' in page.value)
for slider in sliders:
    first = slider.value
    logarithmic = isinstance(slider, ipywidgets.FloatLogSlider)
    for end in (slider.min, slider.max):
        slider.value = slider.base**end if logarithmic else end
        look()
    slider.value = first
for button in sorted(buttons, key=lambda button: button.description):  # Train comes last
    button.click()
    for thread in threading.enumerate():
        if thread.name == "lrlib retrain":
            thread.join()
    look()
print(f"moved {len(sliders)} sliders, pressed {len(buttons)} buttons")
assert not faults, faults
"""


def answer_wrongly(notebook: nbformat.NotebookNode) -> str:
    """Write the cell that puts wrong answers to every check, in place of the solutions."""
    exercises = []
    for cell in notebook.cells:
        if "exercise-solution" in cell.metadata.get("tags", []):
            call = ast.parse(cell.source).body[-1].value  # exercises.check(check, *solutions)
            exercises.append("(" + ", ".join(ast.unparse(each) for each in call.args) + ")")
    return ANSWER_WRONGLY.format(exercises=", ".join(exercises), count=len(exercises))


def stage(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        wrong_answers = answer_wrongly(notebook)
        notebook.cells += [
            nbformat.v4.new_code_cell(wrong_answers, id="answer-wrongly"),
            nbformat.v4.new_code_cell(USE_EVERY_CONTROL, id="use-every-control"),
        ]
        nbformat.write(notebook, folder / path.name)


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
