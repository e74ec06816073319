"""Spelling and reading level of the prose, each checked by a library made for it."""

import re
from pathlib import Path

import textstat
from prose import PAGES, every_passage, passages
from spellchecker import SpellChecker

WORDS = set((Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())
SPELLING = SpellChecker(language="en")
# The automated readability index: the school year that a text needs, from the lengths of its words
# and sentences. Measures that count syllables would fetch a dictionary.
HARDEST = 9


def plain(text):
    """The words of a passage, without code, formulas, addresses, roles and markup."""
    text = re.sub(r"\[[^\]]*\]\(https://github[^)]*\)", " ", text)  # named by their repositories
    text = re.sub(r"\[[^\]]*\b\d{4}\)?\]\([^)]*\)", " ", text)  # sources, by authors and year
    text = re.sub(
        r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\{[^}]*\}|https?://\S+|<[^>]*>", " ", text, flags=re.S
    )
    text = re.sub(r"\]\([^)]*\)", "] ", text)
    text = re.sub(r"^(\||:::|#).*$", " ", text, flags=re.MULTILINE)
    return re.sub(r"[*_\[\]]", " ", text)


def words(text):
    whole = re.sub(r"n['’]t\b", "", plain(text))  # of "doesn't" the word "does"
    return set(re.findall(r"\b[a-z]{4,}\b", whole))


def unknown(text):
    return SPELLING.unknown(words(text)) - WORDS


def test_every_word_is_known():
    found = {where: unknown(text) for where, text in every_passage().items()}
    assert {where: sorted(strange) for where, strange in found.items() if strange} == {}


def test_a_misspelt_word_is_found():
    assert unknown("The schedjule rate is `schedjule`.") == {"schedjule"}


def test_the_project_list_holds_no_word_that_is_not_needed():
    every = {word for text in every_passage().values() for word in words(text)}
    assert sorted(WORDS - SPELLING.unknown(every)) == []


def test_every_page_is_written_in_plain_sentences():
    texts = {page.stem: "\n\n".join(plain(text) for _, text in passages(page)) for page in PAGES}
    levels = {
        name: textstat.automated_readability_index(text)
        for name, text in texts.items()
        if len(text.split()) > 300
    }
    assert len(levels) >= 8
    assert {name: level for name, level in levels.items() if level > HARDEST} == {}


def test_a_hard_text_would_not_pass():
    hard = (
        "Notwithstanding considerable methodological heterogeneity, generalisation necessitates "
        * 3
    )
    assert textstat.automated_readability_index(hard) > HARDEST
