"""Copy the notebooks to a folder for testing, each with three more cells.

Usage: python tests/notebooks/stage.py FOLDER

One makes each control twice: `both.py` says why. The two at the end do what readers do. They give
wrong answers to exercises, and the first of them wants a hint for each. They move sliders and press
buttons: the last one uses every control, and `check_executed.py` looks for what went wrong in the
widgets' own outputs, where an exception does not stop the notebook.
"""

import ast
import shutil
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
kinds = (ipywidgets.IntSlider, ipywidgets.SelectionSlider)
sliders = [thing for thing in controls if isinstance(thing, kinds)]
buttons = [thing for thing in controls if isinstance(thing, ipywidgets.Button)]
pages = [thing for thing in controls if isinstance(thing, ipywidgets.HTML)]
faults = []
def look():
    faults.extend(page.value for page in pages if 'class="lrlib-error"' in page.value)
for slider in sliders:
    first = slider.value
    whole = isinstance(slider, ipywidgets.IntSlider)
    ends = (slider.min, slider.max) if whole else (slider.options[0][1], slider.options[-1][1])
    for end in ends:
        slider.value = end
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


def make_controls_twice(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Behind the first code cell: until then lrlib is not loaded, and need not be there."""
    shutil.copy(Path(__file__).with_name("both.py"), folder)
    kinds = [cell.cell_type for cell in notebook.cells]
    source = "import both\nboth.make_controls_twice()\nboth.share_the_cores()"
    cell = nbformat.v4.new_code_cell(source, id="both")
    notebook.cells.insert(kinds.index("code") + 1, cell)


def use_every_control(notebook: nbformat.NotebookNode) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell(USE_EVERY_CONTROL, id="use-every-control"))


def stage(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        wrong_answers = answer_wrongly(notebook)
        make_controls_twice(notebook, folder)
        notebook.cells.append(nbformat.v4.new_code_cell(wrong_answers, id="answer-wrongly"))
        use_every_control(notebook)
        nbformat.write(notebook, folder / path.name)


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
