"""Write where the repository lives into the files that must know it.

Usage: python book/home.py [ADDRESS]

The address stands in `_config.yml`, as `repository.url`. A notebook that is opened alone, the
README and the citation cannot look there: they hold copies, which this program writes, and with the
address the whole first cell of each notebook. Without ADDRESS it copies what `_config.yml` says; an
empty ADDRESS takes the address away.

It also folds cells where JupyterLab and Colab look, as their tags fold them on the site.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "_config.yml"
README = ROOT / "README.md"
CITATION = ROOT / "CITATION.cff"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FOLDED = {"hide-input", "hide-cell", "remove-cell"}  # tags of cells whose code the site folds

# A source and a name with extras, side by side, are what pip understands for a folder, an archive
# and an address alike.
FIRST_CELL = """\
# Install lrlib where it is missing; what is there already stays as it is.
import importlib.util
import os

if importlib.util.find_spec("lrlib") is None:
    source = os.environ.get("LRLIB_SOURCE") or "ADDRESS"
    if not source.strip("."):
        raise ModuleNotFoundError(
            "lrlib is not installed here. Where this notebook was, get the "
            "whole book as a zip. Then run %env LRLIB_SOURCE=book.zip with "
            "the zip's name, or its folder's, and this cell again (see Set up)"
        )
    %pip list --format=freeze > present.txt
    %pip install --constraint present.txt "{source}" "lrlib[notebooks]"
    importlib.import_module("lrlib")  # fails here if pip did
"""


def configured(key: str) -> str:
    """Return what `_config.yml` says for a key below one of its headings."""
    line = rf"""^  {key}: *["']?([^"'\s]*)"""
    found = re.search(line, CONFIG.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        sys.exit(f"{CONFIG} must have a line for {key!r}, indented by two spaces; it has none")
    return found[1]


def checked(address: str) -> str:
    """Return the address in its plain form; stop where no button could be made from it."""
    plain = address.strip().rstrip("/").removesuffix(".git")
    if plain and not re.fullmatch(r"https://github\.com/[A-Za-z0-9-]+/[A-Za-z0-9._-]+", plain):
        sys.exit(
            f"URL must be the address of a repository on GitHub, such as "
            f"https://github.com/someone/learning-rates, got {address!r}; correct it, or leave it "
            f"empty to take the address away"
        )
    return plain


def table(address: str, branch: str) -> str:
    """Return the README's table of the places that run a notebook."""
    if not address:
        return ""
    name = address.removeprefix("https://github.com/")
    colab = f"{configured('colab_url')}/github/{name}/blob/{branch}/notebooks"
    binder = f"{configured('binderhub_url')}/v2/gh/{name}/{branch}?urlpath=lab/tree/notebooks"
    rows = [
        f"| [{path.stem}](notebooks/{path.name}) "
        f"| [Colab]({colab}/{path.name}) | [Binder]({binder}/{path.name}) |\n"
        for path in NOTEBOOKS
    ]
    head = "Run a chapter in your browser:\n\n| chapter | | |\n| --- | --- | --- |\n"
    return "\n" + head + "".join(rows) + "\n"


def replace(path: Path, pattern: str, text: str) -> str:
    """Return the file's content with `text` after the pattern's first group, up to its end."""
    content = path.read_text(encoding="utf-8")
    new, count = re.subn(pattern, lambda found: found[1] + text, content, flags=re.MULTILINE)
    if count != 1:
        sys.exit(f"{path} must have one place for the address, and has {count}: {pattern}")
    return new


def fold(cell: dict[str, Any]) -> None:
    """Fold a cell in JupyterLab and in Colab where its tags fold it on the site."""
    tags, metadata = set(cell["metadata"].get("tags", [])), cell["metadata"]
    folds = {"source_hidden": True} if tags & FOLDED else {}
    folds |= {"outputs_hidden": True} if "hide-cell" in tags else {}
    metadata.pop("jupyter", None)
    metadata.pop("cellView", None)
    if folds:
        metadata |= {"cellView": "form", "jupyter": folds}
    cell["metadata"] = dict(sorted(metadata.items()))


def with_first_cell(path: Path, source: str) -> str:
    """Return the notebook's content, its first cell installing lrlib from `source`, folded."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["id"] == "bootstrap"]
    if len(cells) != 1:
        sys.exit(f"{path} must have one cell with the id 'bootstrap', and has {len(cells)}")
    text = FIRST_CELL.replace("ADDRESS", source).rstrip()
    cells[0]["source"] = text.splitlines(keepends=True)
    for cell in notebook["cells"]:
        fold(cell)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main(address: str) -> None:
    """Write the address, and what follows from it, to its places."""
    address, branch = checked(address), configured("branch")
    source = f"git+{address}@{branch}" if address else ""
    code = f'repository-code: "{address}"\n' if address else ""
    places = [
        (CONFIG, r"^(  url: *).*$", json.dumps(address)),
        (CITATION, r"^(type: .*\n)(?:repository-code: .*\n)?", code),
        (README, r"^(<!-- make home -->\n)(?s:.*)(?=^<!-- end -->$)", table(address, branch)),
    ]
    contents = {path: replace(path, pattern, text) for path, pattern, text in places}
    contents |= {path: with_first_cell(path, source) for path in NOTEBOOKS}
    for path, content in contents.items():
        path.write_text(content, encoding="utf-8", newline="\n")
    print(f"The repository is at {address}." if address else "The repository has no address.")


if __name__ == "__main__":
    main(*sys.argv[1:] or [configured("url")])
