"""A page that shows the mistakes of all chapters: `{mistakes}` copies them from where they are.

Each was run in its chapter, so what the page shows is what came out there.
"""

import re
from copy import deepcopy

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

HEADING = "mistakes-people-make"


class Placeholder(nodes.General, nodes.Element):
    """Stands where the mistakes will be."""


class Mistakes(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [Placeholder()]


class Collect(SphinxPostTransform):
    default_priority = 1  # the copies still have references to resolve and outputs to choose

    def run(self, **options: object) -> None:
        for place in list(self.document.findall(Placeholder)):
            found = [chapter(self.env, page) for page in chapters(self.env)]
            place.replace_self([contents(found), *found])


def chapters(env: BuildEnvironment) -> list[str]:
    return sorted(page for page in env.found_docs if page.startswith("notebooks/"))


def chapter(env: BuildEnvironment, page: str) -> nodes.section:
    """Copy a chapter's mistakes, under the chapter's title."""
    doctree = env.get_doctree(page)
    (source,) = (s for s in doctree.findall(nodes.section) if HEADING in s["ids"])
    number = page.split("/")[1][:2]
    section = nodes.section(ids=[f"chapter-{number}"])
    section += nodes.title(text=env.titles[page].astext())
    section += [deepcopy(child) for child in source.children if isinstance(child, nodes.section)]
    for reference in section.findall(nodes.Element):
        if "refdoc" in reference:
            reference["refdoc"] = env.docname  # links are relative to the page that has them
    for raw in list(section.findall(nodes.raw)):
        # Every chapter counts its figures from 1.
        text = re.sub(r"\bfigure(?=\d+-)", f"chapter{number}-figure", raw.astext())
        raw.replace_self(nodes.raw(text, text, **raw.attributes))
    return section


def contents(sections: list[nodes.section]) -> nodes.bullet_list:
    """List the mistakes, each with a link to its place below."""
    items = nodes.bullet_list()
    for section in sections:
        for mistake in section.children[1:]:
            title = mistake.next_node(nodes.title).astext()
            link = nodes.reference("", title, internal=True, refid=mistake["ids"][0])
            items += nodes.list_item("", nodes.paragraph("", "", link))
    return items


def refresh(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Make the page again when a chapter changed: it has no way to see that."""
    moved = added | changed | removed
    return ["book/mistakes"] if any(page.startswith("notebooks/") for page in moved) else []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(Placeholder)
    app.add_directive("mistakes", Mistakes)
    app.add_post_transform(Collect)
    app.connect("env-get-outdated", refresh)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
