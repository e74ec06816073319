"""Spelling and reading level of the prose, each checked by a library made for it."""

import re
from pathlib import Path

import pytest
import textstat
from spellchecker import SpellChecker
from test_prose import passages

WORDS = set((Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())
PROSE = list(passages())
SPELLING = SpellChecker(language="en")
# The automated readability index: the school year that a text needs, from the lengths of its words
# and sentences. Measures that count syllables would fetch a dictionary.
HARDEST = 9


def plain(text):
    """The words of a passage, without code, formulas, addresses, roles and markup."""
    text = re.sub(r"\[[^\]]*\]\(https://github[^)]*\)", " ", text)  # named by their repositories
    text = re.sub(
        r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\{[^}]*\}|https?://\S+|<[^>]*>", " ", text, flags=re.S
    )
    text = re.sub(r"\]\([^)]*\)", "] ", text)
    text = re.sub(r"^(\||:::|#).*$", " ", text, flags=re.MULTILINE)
    return re.sub(r"[*_\[\]]", " ", text)


def words(text):
    return set(re.findall(r"\b[a-z]{4,}\b", plain(text)))


def unknown(text):
    return SPELLING.unknown(words(text)) - WORDS


@pytest.mark.parametrize(("where", "text"), PROSE, ids=[where for where, _ in PROSE])
def test_every_word_is_known(where, text):
    assert sorted(unknown(text)) == []


def test_a_misspelt_word_is_found():
    assert unknown("The schedjule rate is `schedjule`.") == {"schedjule"}


def test_the_project_list_holds_no_word_that_is_not_needed():
    every = {word for _, text in PROSE for word in words(text)}
    assert sorted(WORDS - SPELLING.unknown(every)) == []


def chapters():
    texts = {}
    for where, text in PROSE:
        name = where.split(",")[0]
        texts[name] = texts.get(name, "") + "\n\n" + plain(text)
    return {name: text for name, text in texts.items() if len(text.split()) > 300}


@pytest.mark.parametrize(("name", "text"), chapters().items(), ids=list(chapters()))
def test_a_page_is_written_in_plain_sentences(name, text):
    assert textstat.automated_readability_index(text) <= HARDEST


def test_a_hard_text_would_not_pass():
    hard = (
        "Notwithstanding considerable methodological heterogeneity, generalisation necessitates "
        * 3
    )
    assert textstat.automated_readability_index(hard) > HARDEST
