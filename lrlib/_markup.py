"""The little markup that questions, answers and hints have."""

import html
import re


def marked_up(text: str) -> str:
    """Escape a text for a page; what stands between backticks becomes code."""
    return re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(text))
