"""The notebooks as they are stored. What they do when they run: `tests/notebooks`."""

import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = (
    "01-fixed",
    "02-step-decay",
    "03-exponential-decay",
    "04-cosine-annealing",
    "05-cyclical",
    "06-adaptive",
    "07-warm-up",
    "08-lr-finder",
)
# The torch class that each chapter trains with; the finder is lrlib's own.
TORCH_CLASSES = {
    "01-fixed": "torch.optim.SGD(",
    "02-step-decay": "StepLR(",
    "03-exponential-decay": "ExponentialLR(",
    "04-cosine-annealing": "CosineAnnealingLR(",
    "05-cyclical": "CyclicLR(",
    "06-adaptive": "torch.optim.Adam(",
    "07-warm-up": "LambdaLR(",
    "08-lr-finder": "finder.range_test(",
}


@pytest.fixture(params=NAMES)
def notebook(request):
    return nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)


def code(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def test_there_are_exactly_eight():
    assert tuple(sorted(path.stem for path in FOLDER.glob("*.ipynb"))) == NAMES


def test_format_is_valid_and_the_kernel_is_python3(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}


def test_every_cell_has_an_id_of_its_own(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_nothing_is_stored_but_the_source(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_no_path_of_a_machine(notebook):
    source = "\n".join(cell.source for cell in notebook.cells)
    assert re.findall(r"(?:^|[\s\"'(=])(?:/[a-z]+/[\w.]+|[A-Z]:\\\w+)", source) == []


def test_links_lead_to_other_chapters_or_to_addresses(notebook):
    """Nothing else is there in Colab, or in JupyterLab, which has this folder alone."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)]*)\)|\b(?:href|src)=[\"']?([^\"'>\s]*)", text)
    targets = {first or second for first, second in targets}
    chapters = {f"{name}.ipynb" for name in NAMES}
    assert chapters & targets
    assert {t for t in targets - chapters if not t.startswith("https://")} == set()


def test_it_imports_lrlib(notebook):
    assert re.search(r"^from lrlib import ", code(notebook), flags=re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_with_torchs_own_class(name):
    source = code(nbformat.read(FOLDER / f"{name}.ipynb", as_version=4))
    assert TORCH_CLASSES[name] in source
    assert "train.fit(" in source


def test_the_applied_rate_is_asserted(notebook):
    compared = r"np\.testing\.assert_allclose\(\s*\w+\.lr\b"
    assert re.search(compared, code(notebook)), "compare the rates of a history with the formula"


def test_it_has_controls(notebook):
    source = code(notebook)
    assert "explore.sliders(" in source
    assert "explore.retrain(" in source


def test_no_cell_is_long(notebook):
    for cell in notebook.cells:
        hidden = {"hide-input", "remove-input"} & {*cell.metadata.get("tags", [])}
        if cell.cell_type == "code" and not hidden:
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 25, f"cell {cell.id} has {len(lines)} lines"


def test_cells_are_folded_in_jupyterlab_and_colab_as_on_the_site(notebook):
    """`make home` writes the fields; the site looks at `tags`. A fold says what it holds."""
    for cell in notebook.cells:
        tags, fields = set(cell.metadata.get("tags", [])), cell.metadata.get("jupyter", {})
        folded = bool(tags & {"hide-input", "hide-cell", "remove-input", "remove-cell"})
        assert fields.get("source_hidden", False) == folded, cell.id
        assert fields.get("outputs_hidden", False) == ("hide-cell" in tags), cell.id
        assert cell.metadata.get("cellView") == ("form" if folded else None), cell.id
        label = cell.metadata.get("mystnb", {}).get("code_prompt_show")
        assert (label is not None) == bool(tags & {"hide-input", "hide-cell"}), cell.id


def test_no_quiz_or_solution_shows_its_answer_before_it_is_opened(notebook):
    """A quiz's code and a solution hold the answer: the site, JupyterLab and Colab fold them.

    JupyterLab shows the first line of what it folds.
    """
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "exercise-solution" in tags or (cell.cell_type == "code" and "right=" in cell.source):
            assert cell.metadata.jupyter.source_hidden, cell.id
            first_line = "# Solution\n" if "exercise-solution" in tags else "quiz.ask(\n"
            assert cell.source.startswith(first_line), cell.id
