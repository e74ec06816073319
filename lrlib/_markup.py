"""Markup that several outputs share: marked text, numbers with a sign, tables."""

import html
import re
from collections.abc import Iterable, Sequence


def percents(text: str) -> str:
    """Set each percent sign off from its number, by a space at which no line breaks."""
    return re.sub(r"(?<=\d) ?(?=%)", "\u00a0", text)


def marked_up(text: str) -> str:
    r"""Escape a text for a page: between backticks is code; a percent sign stays with its number.

    Example:
        >>> marked_up("`gamma` < 5% of `9 % 2`")
        '<code>gamma</code> &lt; 5\xa0% of <code>9 % 2</code>'
    """
    parts = re.split(r"`(.+?)`", html.escape(text))
    parts[::2] = map(percents, parts[::2])
    parts[1::2] = [f"<code>{part}</code>" for part in parts[1::2]]
    return "".join(parts)


def signed(value: float, places: int = 2) -> str:
    """Write a number with its sign. What is rounded to zero has none, because it could be either.

    Example:
        >>> signed(0.123), signed(-4.56, 1), signed(-0.04, 1)
        ('+0.12', '−4.6', '0.0')
    """
    text = f"{value:+.{places}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def table(caption: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Make a table that scrolls where it is too wide; cells are HTML, an empty header is none."""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in header) if any(header) else ""
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in lines
    )
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    return (
        f'<div class="lrlib-table" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f'<table class="table"><caption>{html.escape(caption)}</caption>'
        f"{head}<tbody>{body}</tbody></table></div>"
    )
