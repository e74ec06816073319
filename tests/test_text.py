"""Tiny Shakespeare: found, fetched once and verified, or a sentence that says what to do."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from lrlib import text

STORY = "To be, or not to be: that is the question.\n" * 50
FILE = Path("tinyshakespeare") / "input.txt"


@pytest.fixture(autouse=True)
def small_text(monkeypatch, tmp_path):
    """A text of fifty lines that passes for the whole, looked for in folders of this test."""
    monkeypatch.setattr(text, "MD5", hashlib.md5(STORY.encode()).hexdigest())
    monkeypatch.setenv("LRLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(text, "_ADDRESS", "http://127.0.0.1:9/input.txt")  # nobody listens
    text.read.cache_clear()
    yield
    text.read.cache_clear()


def put(folder, content=STORY):
    (folder / FILE).parent.mkdir(parents=True)
    (folder / FILE).write_text(content, newline="\n")


def test_the_text_is_found_where_the_variable_points(tmp_path):
    put(tmp_path / "data")
    assert text.read() == STORY


def test_a_damaged_file_is_named_and_kept(tmp_path):
    put(tmp_path / "data", "To be, or not")
    with pytest.raises(
        RuntimeError, match=r"is damaged: its md5 is .* Delete it to fetch it again"
    ):
        text.read()
    assert (tmp_path / "data" / FILE).exists()


def test_a_text_that_cannot_be_had_is_asked_for_in_a_sentence():
    with pytest.raises(RuntimeError, match=r"cannot be fetched: .*To bring a copy by hand, save"):
        text.read()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The text's home on this machine; the list grows with each request."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            """Print nothing."""

    put(tmp_path / "home")
    folder = str((tmp_path / "home" / FILE).parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(text, "_ADDRESS", f"http://127.0.0.1:{server.server_address[1]}/input.txt")
    yield asked
    server.shutdown()
    server.server_close()


def test_the_text_is_fetched_once(home, tmp_path):
    assert text.read() == STORY
    text.read.cache_clear()
    assert text.read() == STORY
    assert len(home) == 1
    assert (tmp_path / "data" / FILE).read_text() == STORY


def test_what_was_fetched_is_verified(home, monkeypatch, tmp_path):
    monkeypatch.setattr(text, "MD5", "0" * 32)
    with pytest.raises(RuntimeError, match="cannot be fetched"):
        text.read()
    assert not (tmp_path / "data" / FILE).exists()


def test_characters_are_split_without_a_rest(tmp_path):
    put(tmp_path / "data")
    found = text.characters()
    whole = torch.cat([found.train, found.val, found.test])
    assert "".join(found.symbols[number] for number in whole) == STORY
    assert len(found.train) == len(STORY) * 18 // 20
    assert abs(len(found.val) - len(found.test)) <= 1


def test_rare_words_are_left_out_and_frequent_ones_come_first(tmp_path):
    put(tmp_path / "data", STORY.replace("question", "riddle", 3))
    text.MD5 = hashlib.md5((tmp_path / "data" / FILE).read_bytes()).hexdigest()
    found = text.words()
    assert found.symbols[:2] == ("to", "be")  # each twice a line
    assert "riddle" not in found.symbols
    assert "question" in found.symbols
