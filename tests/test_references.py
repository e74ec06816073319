"""The chapters cite by links, which agree with the bibliography and read well everywhere."""

import json
import re
from urllib.parse import urlsplit

import pytest
import references
from prose import CHAPTERS, ROOT
from pybtex.database import parse_file
from pybtex.richtext import Text

from lrlib.evidence import claims, comparisons

SOURCES = references.read()
BY_ADDRESS = {source.address: source for source in SOURCES}
HOSTS = {urlsplit(address).netloc for address in BY_ADDRESS}

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def texts(path):
    """The chapter's text without the list of its sources, and that list."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    *prose, last = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert cells[-1]["id"] == "sources"
    return "\n\n".join(prose), last


# The bibliography


def test_the_bibliography_is_read_as_bibtex_reads_it():
    entries = parse_file(references.BIBLIOGRAPHY).entries
    assert {source.key for source in SOURCES} == set(entries)
    for source in SOURCES:
        entry = entries[source.key]
        first, *rest = [" ".join(person.last_names) for person in entry.persons["author"]]
        authors = {0: first, 1: " and ".join([first, *rest])}.get(len(rest), f"{first} et al.")
        assert source.authors == authors
        assert source.year == entry.fields["year"]
        assert source.title == str(Text.from_latex(entry.fields["title"]))


def test_sources_are_sorted_by_letters_and_not_by_their_codes():
    names = [source.authors for source in SOURCES]
    assert names[0][0] < names[-1][0]
    assert names.index("Goyal et al.") < names.index("Hägele et al.") < names.index("He et al.")


def test_no_two_sources_have_one_name_or_one_address():
    assert len(BY_ADDRESS) == len({source.in_a_sentence for source in SOURCES}) == len(SOURCES)


def test_every_address_can_stand_in_a_link():
    for address in BY_ADDRESS:
        assert references.LINK.findall(f"([a]({address}))") == [("a", address)]
        assert re.fullmatch(r"https://[\w.]+\.\w+/\S+", address)


def test_a_source_without_an_address_is_named(tmp_path):
    file = tmp_path / "references.bib"
    file.write_text("@misc{nobody1999,\n  author = {Nobody, N.},\n  year = {1999},\n}\n")
    with pytest.raises(ValueError, match="nobody1999 has no address; give it an eprint"):
        references.read(file)


def test_every_source_is_cited_and_there_are_at_least_thirty():
    assert len(SOURCES) >= 30
    pages = "".join(page.read_text(encoding="utf-8") for page in ROOT.glob("book/*.md"))
    roles = re.findall(r"\{cite:[tp]\}`([^`]+)`", pages)
    cited = {key for keys in roles for key in keys.split(",")}
    cited |= {s.key for path in CHAPTERS for s in references.cited(texts(path)[0])}
    assert {source.key for source in SOURCES} - cited == set()


# The chapters


def misfits(text):
    """Links that cite what the bibliography does not have, or has in other words."""
    for label, address in references.LINK.findall(text):
        source = BY_ADDRESS.get(address)
        cites = urlsplit(address).netloc in HOSTS or re.search(r"(, \d{4}|\(\d{4}\))$", label)
        if source and label not in (source.in_a_sentence, source.in_parentheses):
            yield f"[{label}]({address}) is {source.in_a_sentence} or {source.in_parentheses}"
        elif cites and not source:
            yield f"[{label}]({address}) is not in the bibliography"


@every_chapter
def test_what_a_chapter_cites_is_named_and_found_as_in_the_bibliography(path):
    text, _ = texts(path)
    assert references.cited(text)
    assert list(misfits(text)) == []


@pytest.mark.parametrize(
    ("label", "address"),
    [
        ("Smith and Topin, 2018", "https://arxiv.org/abs/1708.07120"),  # another year
        ("Smith et al. (2019)", "https://arxiv.org/abs/1708.07120"),  # other authors
        ("the paper", "https://arxiv.org/abs/1708.07120"),
        ("Smith and Topin (2019)", "https://arxiv.org/abs/1708.07121"),  # another paper
        ("Smith and Topin, 2019", "https://example.org/paper.pdf"),
    ],
)
def test_a_wrong_citation_is_found(label, address):
    right = "[Smith and Topin, 2019](https://arxiv.org/abs/1708.07120)"
    assert list(misfits(right)) == []
    assert len(list(misfits(f"{right}; [{label}]({address})"))) == 1


@every_chapter
def test_a_chapter_ends_with_what_it_cites_and_where_its_claims_come_from(path):
    """`make home` writes the list; here it is compared with the parsed claims."""
    text, listed = texts(path)
    assert listed.startswith("## Sources\n")
    cited = {source.in_a_sentence for source in references.cited(text)}
    every = [*claims.read(), *comparisons.read()]
    claimed = {claim.source for claim in every if claim.chapter == path.stem}
    cited |= {source.split(", ")[0] for source in claimed - {"our question"}}
    lines = re.findall(r"^- (.*): \[(.*)\]\((.*)\)$", listed, flags=re.MULTILINE)
    assert {name for name, _, _ in lines} == cited
    assert len(lines) == len(listed.splitlines()) - 2
    for name, title, address in lines:
        source = BY_ADDRESS[address]
        assert (name, title) == (source.in_a_sentence, source.title)


@every_chapter
def test_a_chapter_has_no_markup_of_the_site(path):
    """JupyterLab, Colab and GitHub would show it as it is typed."""
    for text in texts(path):
        assert re.findall(r"\{[\w:.-]+\}`|^\s*(?::::|```\s*\{|\([\w-]+\)=$).*", text, re.M) == []
