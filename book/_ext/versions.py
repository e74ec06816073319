"""The role {version}`timm`: a package with the version that the recipes are tested with."""

from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

FILE = Path(__file__).resolve().parents[2] / "tests" / "exports" / "requirements.txt"


@cache
def versions() -> dict[str, str]:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


class Version(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        self.env.note_dependency(str(FILE))  # the page is made again when a version changes
        return [nodes.Text(f"{self.text} {versions()[self.text]}")], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("version", Version())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
