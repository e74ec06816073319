"""The bibliography as the chapters use it: how a source is named, and where it is found.

A notebook is read in many places, and in most of them a role such as `{cite:t}` is raw text. So a
chapter cites by an ordinary link, whose text and address are those that stand here.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

BIBLIOGRAPHY = Path(__file__).with_name("references.bib")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")  # a link of Markdown: its text and its address
# Where a source is found: the first field that an entry has.
ADDRESSES = {"eprint": "https://arxiv.org/abs/{}", "doi": "https://doi.org/{}", "url": "{}"}


@dataclass(frozen=True)
class Source:
    """An entry of the bibliography."""

    key: str
    authors: str
    year: str
    title: str
    address: str

    @property
    def in_a_sentence(self) -> str:
        return f"{self.authors} ({self.year})"

    @property
    def in_parentheses(self) -> str:
        return f"{self.authors}, {self.year}"


def read(file: Path = BIBLIOGRAPHY) -> list[Source]:
    """Read a bibliography, which has each field on a line of its own; sort by authors and year."""
    entries = re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", file.read_text("utf-8"), re.DOTALL | re.M)
    found = [source(key, fields) for key, fields in entries]
    # With its dots beside it, an ä comes where an a does.
    return sorted(found, key=lambda each: unicodedata.normalize("NFKD", each.in_a_sentence))


def source(key: str, lines: str) -> Source:
    """Return what a chapter needs of an entry."""
    fields = dict(re.findall(r"^  (\w+) *= \{(.*)\},$", lines, re.M))
    surnames = [name.split(",")[0] for name in fields["author"].split(" and ")]
    authors = f"{surnames[0]} et al." if len(surnames) > 2 else " and ".join(surnames)
    found = [form.format(fields[name]) for name, form in ADDRESSES.items() if name in fields]
    if not found:
        raise ValueError(f"{key} has no address; give it an eprint, a doi or a url")
    address = found[0].replace("(", "%28").replace(")", "%29")  # else they would end a link
    return Source(key, authors, fields["year"], re.sub("[{}]", "", fields["title"]), address)


def cited(text: str) -> list[Source]:
    """Return the sources that a text has links to."""
    addresses = {address for _, address in LINK.findall(text)}
    return [each for each in read() if each.address in addresses]
