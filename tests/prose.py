"""The prose of notebooks and pages, for the tests that read it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(ROOT.glob("notebooks/*.ipynb"))
PAGES = [*CHAPTERS, *sorted(ROOT.glob("book/*.md")), ROOT / "README.md"]


def passages(page: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each passage, without code, formulas set apart and front matter.

    The list of a chapter's sources is left out: it is made of other people's titles.
    """
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        for cell in json.loads(text)["cells"]:
            if cell["cell_type"] == "markdown" and cell["id"] != "sources":
                yield f"{page.stem}, cell {cell['id']}", "".join(cell["source"])
    else:
        without = re.sub(r"\A---.*?^---|```.*?```", "", text, flags=re.DOTALL | re.MULTILINE)
        yield page.name, without


def every_passage() -> dict[str, str]:
    return dict(passage for page in PAGES for passage in passages(page))
