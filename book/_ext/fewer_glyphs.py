"""Fonts with no more glyphs than the site shows: of thousands that is a few dozen."""

import io
import logging
from collections.abc import Iterable
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont


def with_only(characters: Iterable[int], font: TTFont, **options: Any) -> bytes:
    """Return a woff2 file of a font that keeps these characters; those it hasn't are passed over.

    Args:
        characters: Their code points.
        font: It is changed.
        options: What `fontTools.subset.Options` takes besides.
    """
    logging.getLogger("fontTools.subset").setLevel(logging.WARNING)  # each step, for each glyph
    chosen = subset.Options(flavor="woff2", ignore_missing_unicodes=True, **options)
    subsetter = subset.Subsetter(chosen)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    written = io.BytesIO()
    subset.save_font(font, written, chosen)
    return written.getvalue()
