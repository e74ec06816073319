"""Tiny Shakespeare as tensors: one small text, character by character or word by word.

The text is found, fetched and verified like CIFAR-10. The first nine tenths train, the next
twentieth validates, the last twentieth tests.
"""

import hashlib
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lrlib._extras import extra

NAME = "tiny Shakespeare"
MD5 = "6fb458f1232090904fb40fe944165e91"
_FILE = Path("tinyshakespeare") / "input.txt"
_ADDRESS = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
_BY_HAND = (
    f"To bring a copy by hand, save {_ADDRESS} (md5 {MD5}) as {_FILE.as_posix()} in the folder "
    "that LRLIB_DATA names."
)
_RAREST = 5  # a word that occurs less often is left out


class Sequences(NamedTuple):
    """A text in three parts, as numbers.

    Args:
        train: int64, shape (N,): the number of each character or word, from 0.
        val: The same for the part to choose with.
        test: The same for the part to report with.
        symbols: What each number stands for.

    Example:
        >>> part = torch.tensor([1, 0, 1])
        >>> text = Sequences(part, part, part, ("a", "b"))
        >>> "".join(text.symbols[number] for number in text.train)
        'bab'
    """

    train: Tensor
    val: Tensor
    test: Tensor
    symbols: tuple[str, ...]


@cache
def read() -> str:
    """Return the text, from `LRLIB_DATA` or the cache folder, else downloaded into the former.

    Returns:
        1,115,394 characters.

    Raises:
        RuntimeError: The file is damaged, or it can't be downloaded.
    """
    with extra("data", f"reading {NAME}"):
        import platformdirs
    setting = os.environ.get("LRLIB_DATA")
    cache_folder = platformdirs.user_cache_path("lrlib")
    folder = Path(setting).expanduser() if setting else cache_folder
    for place in (folder, cache_folder):
        if os.access(place / _FILE, os.R_OK):
            return _verified(place / _FILE)
    return _verified(_fetch(folder / _FILE))


def _verified(file: Path) -> str:
    content = file.read_bytes()
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != MD5:
        raise RuntimeError(
            f"{file} is damaged: its md5 is {found}, expected {MD5}. Delete it to fetch it again. "
            f"{_BY_HAND}"
        )
    return content.decode("ascii")


def _fetch(file: Path) -> Path:
    with extra("data", f"fetching {NAME}"):
        import pooch
        import requests
    download = pooch.HTTPDownloader(timeout=20, progressbar=False)
    try:
        pooch.retrieve(_ADDRESS, f"md5:{MD5}", file.name, file.parent, downloader=download)
    except (OSError, ValueError, requests.RequestException) as error:
        raise RuntimeError(f"{NAME} cannot be fetched: {error}. {_BY_HAND}") from error
    return file


def characters() -> Sequences:
    """Return the text character by character; there are 65 different ones."""
    text = read()
    return _split(list(text), tuple(sorted(set(text))))


def words() -> Sequences:
    """Return the text word by word, in lower case; the rare words are left out.

    A word is rare if it occurs fewer than 5 times. The most frequent word has the number 0.
    """
    found = re.findall(r"[a-z']+", read().lower())
    counts = Counter(found)
    known = sorted((word for word in counts if counts[word] >= _RAREST), key=lambda w: -counts[w])
    return _split([word for word in found if counts[word] >= _RAREST], tuple(known))


def _split(sequence: list[str], symbols: tuple[str, ...]) -> Sequences:
    number = {symbol: place for place, symbol in enumerate(symbols)}
    numbers = torch.tensor([number[symbol] for symbol in sequence])
    first, second = len(numbers) * 18 // 20, len(numbers) * 19 // 20
    return Sequences(numbers[:first], numbers[first:second], numbers[second:], symbols)
