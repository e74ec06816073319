"""Copy the notebooks to a folder for testing, each with a last cell that uses every control.

Usage: python tests/notebooks/stage.py FOLDER

A reader moves sliders and presses buttons; a notebook that is only executed never does. The last
cell does it, and `check_executed.py` looks for what went wrong in the widgets' own outputs, where
an exception does not stop the notebook.
"""

import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

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


def stage(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        cell = nbformat.v4.new_code_cell(USE_EVERY_CONTROL, id="use-every-control")
        notebook.cells.append(cell)
        nbformat.write(notebook, folder / path.name)


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
