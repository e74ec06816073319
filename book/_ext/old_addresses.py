"""Keep the addresses of sections whose headings were renamed: old links go on working."""

from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx

FILE = Path(__file__).parents[1] / "old_addresses.yml"


@cache
def addresses() -> dict[str, dict[str, str]]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def keep(app: Sphinx, document: nodes.document) -> None:
    """Give each section the ids that it had under former headings."""
    app.env.note_dependency(str(FILE))  # the page is made again when an address is added
    former = addresses().get(app.env.docname, {})
    sections = {section[0].astext(): section for section in document.findall(nodes.section)}
    for old, heading in former.items():
        if heading not in sections:
            raise ValueError(
                f"{FILE.name}: {app.env.docname} has no heading {heading!r}; correct where "
                f"{old!r} leads"
            )
        if old not in sections[heading]["ids"]:
            sections[heading]["ids"].append(old)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", keep)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
