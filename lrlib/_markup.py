"""Markup that several outputs share: marked text, numbers with a sign, tables."""

import html
import re
from collections.abc import Iterable, Sequence

# With a sign or a unit, or a dash where there is none.
_NUMBER = re.compile(r"(<strong>)?([≥≤×+−]?\s?[\d.,]+(\s?(%|px|ms|s|min|kB))?|–|—)(</strong>)?")


_UNITS = r"epochs?|steps?|seeds?|points?|settings?|runs?"


def unbroken(text: str) -> str:
    r"""Let no line break between a number and its unit, and set a percent sign off from its number.

    Example:
        >>> unbroken("5% after 2 epochs")
        '5\xa0% after 2\xa0epochs'
    """
    return re.sub(rf"(?<=\d)( ?(?=%)| (?=(?:{_UNITS})\b))", "\u00a0", text)


def marked_up(text: str) -> str:
    r"""Escape a text for a page: between backticks is code; a number stays with its unit.

    Example:
        >>> marked_up("`gamma` < 5% of `9 % 2`")
        '<code>gamma</code> &lt; 5\xa0% of <code>9 % 2</code>'
    """
    parts = re.split(r"`(.+?)`", html.escape(text))
    parts[::2] = map(unbroken, parts[::2])
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


def capital(text: str) -> str:
    """Let a text begin with a capital, also behind a quotation mark.

    Example:
        >>> capital("“cosine” minus “fixed”")
        '“Cosine” minus “fixed”'
    """
    first = 1 if text[0] == "“" else 0
    return text[:first] + text[first].upper() + text[first + 1 :]


def table(caption: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Make a table that scrolls where it is too wide; cells are HTML, an empty header is none.

    Columns of numbers end at one edge, so that the larger ones are seen.
    """
    rows = list(lines)
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    kinds = [
        ' class="lrlib-number"' if column and all(map(_NUMBER.fullmatch, column)) else ""
        for column in columns
    ]
    heads = "".join(
        f'<th scope="col"{kind}>{cell}</th>' for cell, kind in zip(header, kinds, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(rest, kinds[1:], strict=True))
        + "</tr>"
        for first, *rest in rows
    )
    head = f"<thead><tr>{heads}</tr></thead>" if any(header) else ""
    return (
        f'<div class="lrlib-table" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f'<table class="table"><caption>{html.escape(caption)}</caption>'
        f"{head}<tbody>{body}</tbody></table></div>"
    )
