"""A page that shows the mistakes of all chapters: `{mistakes}` copies them from where they are.

Each was run in its chapter, so what the page shows is what came out there. A mistake is listed by
its symptom, which the tag of its first cell names, and by its chapter.
"""

import html
import json
import re
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
HEADING = "mistakes-people-make"
# What a reader sees go wrong, by the tag that a mistake's first cell has.
SYMPTOMS = {
    "symptom-zero": "The rate is 0, or far too small",
    "symptom-explodes": "The loss explodes, or stays high",
    "symptom-no-effect": "Nothing changes, whatever I set",
    "symptom-other-rate": "The rate isn’t the one that I meant",
    "symptom-error": "The run stops with an error",
    "symptom-resume": "Something goes wrong when I resume",
    "symptom-too-good": "The result looks better than it is",
    "symptom-finder": "The finder’s answer looks wrong",
}
BY_CHAPTER = "by-chapter"
HEADS = SYMPTOMS | {BY_CHAPTER: "By chapter"}  # of the lists at the top, by their ids
PAGE = "book/mistakes"


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
            place.replace_self([*contents(found, symptom_of_each()), *found])


def chapters(env: BuildEnvironment) -> list[str]:
    return sorted(page for page in env.found_docs if page.startswith("notebooks/"))


def chapter(env: BuildEnvironment, page: str) -> nodes.section:
    """Copy a chapter's mistakes, under the chapter's title."""
    doctree = env.get_doctree(page)
    (source,) = (s for s in doctree.findall(nodes.section) if HEADING in s["ids"])
    section = nodes.section(ids=[place(page)])
    section += nodes.title(text=env.titles[page].astext())
    for child in source.children:
        if isinstance(child, nodes.section):
            title = html.escape(child.next_node(nodes.title).astext())
            begin = f'<details class="lrlib-mistake"><summary>{title}</summary>'
            section += [raw(begin), deepcopy(child), raw("</details>")]
    for reference in section.findall(nodes.Element):
        if "refdoc" in reference:
            reference["refdoc"] = env.docname  # links are relative to the page that has them
    for output in list(section.findall(nodes.raw)):
        # Every chapter counts its figures from 1.
        text = re.sub(r"\bfigure-(?=\d+-)", f"{place(page)}-figure-", output.astext())
        output.replace_self(nodes.raw(text, text, **output.attributes))
    return section


def place(page: str) -> str:
    """Return the id that a chapter's mistakes have: its number says which."""
    return f"chapter-{page.split('/')[1][:2]}"


def raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def contents(sections: list[nodes.section], symptoms: dict[str, str]) -> list[nodes.Node]:
    """List the mistakes by symptom, then the chapters, each with a link to its place below."""
    lists: dict[str, nodes.bullet_list] = {tag: nodes.bullet_list() for tag in SYMPTOMS}
    by_chapter = nodes.bullet_list()
    for section in sections:
        by_chapter += link(section.next_node(nodes.title).astext(), section["ids"][0])
        for mistake in section.findall(nodes.section):
            if mistake is not section:
                title = mistake.next_node(nodes.title).astext()
                typed = title.replace("’", "'")  # a page has curly quotes
                lists[symptoms[typed]] += link(title, mistake["ids"][0])
    shown: list[nodes.Node] = []
    for name, items in {**lists, BY_CHAPTER: by_chapter}.items():
        shown += [nodes.paragraph("", "", nodes.strong(text=HEADS[name]), ids=[name]), items]
    return shown


def link(title: str, target: str) -> nodes.list_item:
    reference = nodes.reference("", title, internal=True, refid=target)
    return nodes.list_item("", nodes.paragraph("", "", reference))


def symptom_of_each() -> dict[str, str]:
    """Read from the notebooks which symptom a mistake has, by its title."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for tag in set(cell["metadata"].get("tags", [])) & set(SYMPTOMS):
                found["".join(cell["source"]).splitlines()[0].lstrip("# ")] = tag
    return found


class TellApart(SphinxPostTransform):
    """Mark the code of a mistake: it is faulty up to the figure, and repaired after the text."""

    default_priority = 2

    def run(self, **options: object) -> None:
        for section in self.document.findall(nodes.section):
            cells = [child for child in section.children if "cell" in child.get("classes", ())]
            if not cells or section.parent is None or not is_mistake(section):
                continue
            kind = "lrlib-faulty"
            for before, child in pairwise(section.children):
                if "cell" in before.get("classes", ()) and isinstance(child, nodes.paragraph):
                    kind = "lrlib-repaired"
                if child in cells and "tag_hide-input" not in child["classes"]:
                    child["classes"].append(kind)


def is_mistake(section: nodes.section) -> bool:
    return HEADING in section.parent.get("ids", ()) or any(
        each.startswith("chapter-") for each in section.parent.get("ids", ())
    )


def refresh(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Make the page again when a chapter changed: it has no way to see that."""
    moved = added | changed | removed
    return [PAGE] if any(page.startswith("notebooks/") for page in moved) else []


def list_beside(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Name the lists in the contents beside the page, which Sphinx makes of sections alone."""
    if PAGE in env.tocs:
        (whole,) = env.tocs[PAGE].children
        entries = nodes.bullet_list("", *(entry(name, HEADS[name]) for name in HEADS))
        titles = (entry(place(page), env.titles[page].astext()) for page in chapters(env))
        entries[-1] += nodes.bullet_list("", *titles)
        whole[:] = [whole[0], entries]
        env.toc_num_entries[PAGE] = 1 + len(HEADS)
    return []


def entry(name: str, title: str) -> nodes.list_item:
    reference = nodes.reference("", title, internal=True, refuri=PAGE, anchorname=f"#{name}")
    return nodes.list_item("", addnodes.compact_paragraph("", "", reference))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(Placeholder)
    app.add_directive("mistakes", Mistakes)
    app.add_post_transform(Collect)
    app.add_post_transform(TellApart)
    app.connect("env-get-outdated", refresh)
    app.connect("env-updated", list_beside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
