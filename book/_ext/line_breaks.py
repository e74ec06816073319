"""Where a line may break: not before a percent sign, and in long names after their marks."""

import html
import re

from docutils import nodes
from sphinx.application import Sphinx

PERCENT = re.compile(r"(?<=\d) (?=%)")
CODE = re.compile(
    r'(<code class="(?:code )?docutils literal notranslate)(">)(.*?)(?=</code>)', re.DOTALL
)
TAG = re.compile(r"<[^>]*>")
# After these a long name may go on in the next line.
MARK = re.compile(r"(?<=[\w)\]])([._/(,=\[])(?=[^\s<])")
WHOLE = 20  # a name of so many letters fits any line


def keep_percents(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Let no line begin with a percent sign."""
    for text in [*doctree.findall(nodes.Text)]:
        if PERCENT.search(text) and not isinstance(text.parent, nodes.FixedTextElement | nodes.raw):
            text.parent.replace(text, nodes.Text(PERCENT.sub("\u00a0", text)))


def in_code(found: re.Match[str]) -> str:
    start, end, text = found.groups()
    if len(html.unescape(TAG.sub("", text))) <= WHOLE:
        return f"{start} lrlib-whole{end}{text}"
    parts = re.split(r"(<[^>]*>)", text)
    return start + end + "".join(p if p.startswith("<") else MARK.sub(r"\1<wbr>", p) for p in parts)


def break_code(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Keep short code in one line, and let long code break after a full stop, bracket and so on."""
    if "body" in context:
        context["body"] = CODE.sub(in_code, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", keep_percents)
    app.connect("html-page-context", break_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
