"""Words that people search by and pages don't say: the search shows such a page first."""

from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

FILE = Path(__file__).parents[1] / "search_words.yml"


@cache
def words_of_pages() -> dict[str, list[str]]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


class AddWords(SphinxTransform):
    default_priority = 700  # before Sphinx collects the entries of its index

    def apply(self, **options: object) -> None:
        self.env.note_dependency(str(FILE))
        words = words_of_pages().get(self.env.docname, [])
        page = next(self.document.findall(nodes.section), None)
        if words and page is not None:
            entries = [("single", each, page["ids"][0], "main", None) for each in words]
            page.insert(1, addnodes.index(entries=entries))


def leave_out_of_the_index(
    app: Sphinx, pagename: str, template: str, context: dict, doctree: object
) -> None:
    """The index has what the pages say: questions and other spellings are for the search alone."""
    if pagename == "genindex":
        typed = {each for words in words_of_pages().values() for each in words}
        kept = [
            (letter, [entry for entry in entries if entry[0] not in typed])
            for letter, entries in context["genindexentries"]
        ]
        context["genindexentries"] = [(letter, entries) for letter, entries in kept if entries]


def every_page(app: Sphinx, env: BuildEnvironment) -> set[str]:
    """Have all pages written: Sphinx forgets the entries of those that it doesn't write again."""
    return env.found_docs


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(AddWords)
    app.connect("env-updated", every_page)
    app.connect("html-page-context", leave_out_of_the_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
