"""Write where the repository lives into the files that must know it.

Usage: python book/home.py [ADDRESS]

The address stands in `_config.yml`, as `repository.url`. A notebook that is opened alone, the
README and the citations cannot look there: they hold copies, which this program writes, and with
the address the whole first cell of each notebook. Without ADDRESS it copies what `_config.yml`
says; an empty ADDRESS takes the address away.

Whatever else a notebook must hold itself is written too. Where a text names a page of the book by
its title, in italics, this becomes a link to the published site once there is one. The last cell
lists the sources that the chapter cites. And cells are folded where JupyterLab and Colab look, as
their tags fold them on the site.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import references

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "_config.yml"
README = ROOT / "README.md"
CITATION = ROOT / "CITATION.cff"
FIRST_PAGE = ROOT / "book" / "intro.md"
CLAIMS = [ROOT / "lrlib" / "evidence" / name for name in ("claims.yml", "comparisons.yml")]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Tags of cells whose code the site folds or leaves out.
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
# What the site calls the code that it folds, by tag.
LABELS = {
    "exercise-check": "How the check works",
    "exercise-solution": "A solution",
    "part-tweak": "The code of these runs",
    "hide-input": "The code of this figure",
}

# A source and a name with extras, side by side, are what pip understands for a folder, an archive
# and an address alike. The address stands on a line of its own, which `make lint`
# finds in form however long it is.
FIRST_CELL = """\
# Install lrlib where it is missing; what is there already stays as it is.
import importlib.util
import os

book = "ADDRESS"
if importlib.util.find_spec("lrlib") is None:
    source = os.environ.get("LRLIB_SOURCE") or book
    if not source.strip("."):
        raise ModuleNotFoundError(
            "lrlib is not installed here. Get the whole book as a zip, from "
            "where you got this notebook. Run %env LRLIB_SOURCE=book.zip with "
            "the name of the zip or its folder, then this cell (see Set up)"
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


def published(address: str) -> str:
    """Return where GitHub Pages shows the site of a repository."""
    owner, name = address.removeprefix("https://github.com/").split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


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


def replace(path: Path, content: str, pattern: str, text: str) -> str:
    """Return the file's content with `text` after the pattern's first group, up to its end."""
    new, count = re.subn(pattern, lambda found: found[1] + text, content, flags=re.MULTILINE)
    if count != 1:
        sys.exit(f"{path} must have one place for the address, and has {count}: {pattern}")
    return new


def fold(cell: dict[str, Any]) -> None:
    """Fold a cell in JupyterLab and in Colab where its tags fold it on the site; name the fold."""
    tags, metadata = set(cell["metadata"].get("tags", [])), cell["metadata"]
    folds = {"source_hidden": True} if tags & FOLDED else {}
    folds |= {"outputs_hidden": True} if "hide-cell" in tags else {}
    metadata.pop("jupyter", None)
    metadata.pop("cellView", None)
    if folds:
        metadata |= {"cellView": "form", "jupyter": folds}
    label = next((words for tag, words in LABELS.items() if tag in tags), None)
    label = "Set-up" if cell["id"] == "imports" else label
    metadata.pop("mystnb", None)
    if label and tags & {"hide-input", "hide-cell"}:
        metadata["mystnb"] = {"code_prompt_hide": label, "code_prompt_show": label}
    cell["metadata"] = dict(sorted(metadata.items()))


def names_of_pages(site: str) -> dict[str, str]:
    """Return how notebooks name each page of the book: by a link, or in italics without a site."""
    names = {}
    for path in (ROOT / "book").glob("*.md"):
        title = re.search(r"^# (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)[1]
        names[title] = f"[{title}]({site}book/{path.stem}.html)" if site else f"*{title}*"
    return names


def with_pages(text: str, pages: dict[str, str]) -> str:
    """Return the text with each page of the book named as it should be."""
    for title, name in pages.items():
        title = re.escape(title)
        text = re.sub(rf"(?<!\*)\*{title}\*(?!\*)|\[{title}\]\([^)]*\)", name, text)
    return text


def sources(chapter: str, text: str) -> str:
    """List what the text of a chapter cites, and where its claims come from."""
    claim = rf"^  chapter: {chapter}$.*?^  source: (.*?)$"
    claims = "\n".join(file.read_text(encoding="utf-8") for file in CLAIMS)
    claimed = re.findall(claim, claims, re.DOTALL | re.MULTILINE)
    cited = references.cited(text)
    listed = [
        f"- {each.in_a_sentence}: [{each.title}]({each.address})"
        for each in references.read()
        if each in cited or any(source.startswith(each.in_a_sentence) for source in claimed)
    ]
    return "\n".join(["## Sources", "", *listed])


def cell_named(name: str, cells: list[dict[str, Any]], path: Path) -> dict[str, Any]:
    """Return the one cell with this id."""
    found = [cell for cell in cells if cell["id"] == name]
    if len(found) != 1:
        sys.exit(f"{path} must have one cell with the id {name!r}, and has {len(found)}")
    return found[0]


def with_copies(path: Path, source: str, pages: dict[str, str]) -> str:
    """Return the notebook's content with all that is written into it, its cells folded."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = notebook["cells"]
    first, last = (cell_named(name, cells, path) for name in ("bootstrap", "sources"))
    texts = {
        cell["id"]: with_pages("".join(cell["source"]), pages)
        for cell in cells
        if cell["cell_type"] == "markdown" and cell is not last
    }
    texts[last["id"]] = sources(path.stem, "\n".join(texts.values()))
    texts[first["id"]] = FIRST_CELL.replace("ADDRESS", source).rstrip()
    for cell in cells:
        if cell["id"] in texts:
            cell["source"] = texts[cell["id"]].splitlines(keepends=True)
        fold(cell)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main(address: str) -> None:
    """Write the address, and what follows from it, to its places."""
    address, branch = checked(address), configured("branch")
    source, site = (f"git+{address}@{branch}", published(address)) if address else ("", "")
    code = f'repository-code: "{address}"\n' if address else ""
    cited = f",\n  url = {{{site}}}" if address else ""
    places = [
        (CONFIG, r"^(  url: *).*$", json.dumps(address)),
        (CONFIG, r"^(    ogp_site_url: *).*$", json.dumps(site)),
        (CITATION, r"^(type: .*\n)(?:repository-code: .*\n)?", code),
        (FIRST_PAGE, r"^(  version = \{.*\})(?:,\n  url = \{.*\})?$", cited),
        (README, r"^(<!-- make home -->\n)(?s:.*)(?=^<!-- end -->$)", table(address, branch)),
    ]
    contents = {path: path.read_text(encoding="utf-8") for path, *_ in places}
    for path, pattern, text in places:
        contents[path] = replace(path, contents[path], pattern, text)
    contents |= {path: with_copies(path, source, names_of_pages(site)) for path in NOTEBOOKS}
    for path, content in contents.items():
        path.write_text(content, encoding="utf-8", newline="\n")
    print(f"The repository is at {address}." if address else "The repository has no address.")


if __name__ == "__main__":
    main(*sys.argv[1:] or [configured("url")])
