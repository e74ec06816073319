"""Run a recipe as a reader would: run_recipe.py SCRIPT, with the script's own arguments behind it.

Only torchvision needs help, where it was built for another torch than the one beside it.
"""

import re
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "exports"))
from run_exports import repair_torchvision

if __name__ == "__main__":
    script = Path(sys.argv[1])
    if re.search("accelerate|fastai|huggingface|lightning|skip_a_step|timm", script.name):
        repair_torchvision()
    sys.path[0] = str(script.parent)
    sys.path.append(str(Path(__file__).resolve().parents[2] / "recipes"))  # its data and network
    sys.argv = sys.argv[1:]
    runpy.run_path(str(script), run_name="__main__")
