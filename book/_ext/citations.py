"""Cite on the book's pages as the chapters do, where `book/references.py` says how.

The whole name is the link, and brackets are round: Smith and Topin (2019), or (Smith et al., 2019).
"""

from dataclasses import dataclass, field

from pybtex.style.template import Node, join
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle
from sphinxcontrib.bibtex.style.referencing.basic_author_year import (
    BasicAuthorYearTextualReferenceStyle,
)
from sphinxcontrib.bibtex.style.template import reference, year


def round_brackets() -> BracketStyle:
    return BracketStyle(left="(", right=")", sep="; ")


def plain_names() -> PersonStyle:
    return PersonStyle(other=" et al.")


@dataclass
class InASentence(BasicAuthorYearTextualReferenceStyle):
    """Link the authors too: sphinxcontrib-bibtex links the year alone."""

    bracket: BracketStyle = field(default_factory=round_brackets)
    person: PersonStyle = field(default_factory=plain_names)

    def inner(self, role_name: str) -> Node:
        authors = self.person.author_or_editor_or_title(full="s" in role_name)
        return reference[authors, " ", join[self.bracket.left, year, self.bracket.right]]


@dataclass
class AsInChapters(AuthorYearReferenceStyle):
    bracket_parenthetical: BracketStyle = field(default_factory=round_brackets)
    person: PersonStyle = field(default_factory=plain_names)

    def __post_init__(self) -> None:
        super().__post_init__()
        textual = InASentence()
        self.role_style.update(dict.fromkeys(textual.role_names(), textual))


def setup(app: Sphinx) -> dict[str, bool]:
    register_plugin("sphinxcontrib.bibtex.style.referencing", "as_in_chapters", AsInChapters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
