"""Where a line may break: in long names, but not before a unit or a formula's comma.

In a heading it doesn't break within a word: “Learning-” at the end of a line looks like an error.
"""

import html
import re

from docutils import nodes
from sphinx.application import Sphinx

from lrlib._markup import unbroken

CODE_NODES = nodes.FixedTextElement | nodes.literal | nodes.raw
FOLLOWS = re.compile(r"[^\s\w]+")
CODE = re.compile(
    r'(<code class="(?:code )?docutils literal notranslate)(">)(.*?)(?=</code>)', re.DOTALL
)
TAG = re.compile(r"<[^>]*>")
HYPHENATED = re.compile(r"(\w+(?:-\w+)+)")
# After these long code may go on in the next line, but no number and no empty brackets. Inside a
# word it may only where the word is long itself, and not after a letter or two.
MARK = re.compile(r"(?<=[\w)\]])((?<!\d)\.|\.(?!\d)|[/(,=])(?=[^\s<)])")
IN_WORD = re.compile(r"(?<=\w\w\w)_(?=[^\s<])")
WHOLE = 20  # so many letters fit any line


def keep_units(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Let no line begin with a percent sign, or with the unit of a number."""
    for text in [*doctree.findall(nodes.Text)]:
        whole = unbroken(text)
        if whole != text and not isinstance(text.parent, CODE_NODES):
            text.parent.replace(text, nodes.Text(whole))


def keep_together(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Let no line begin with the comma, full stop or bracket that follows a formula."""
    for formula in [*doctree.findall(nodes.math)]:
        after = formula.next_node(descend=False, siblings=True)
        mark = FOLLOWS.match(after) if isinstance(after, nodes.Text) else None
        if mark:
            at = formula.parent.index(formula)
            whole = nodes.inline("", "", formula.deepcopy(), nodes.Text(mark[0]))
            whole["classes"] = ["lrlib-together"]
            formula.parent[at : at + 2] = [whole, nodes.Text(after[mark.end() :])]


def keep_words(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Let no line of a heading end within a word that has a hyphen."""
    for title in doctree.findall(nodes.title):
        for text in [*title.findall(nodes.Text)]:
            parts: list[nodes.Node] = [nodes.Text(part) for part in HYPHENATED.split(text)]
            if len(parts) == 1 or isinstance(text.parent, CODE_NODES):
                continue
            for number in range(1, len(parts), 2):  # what was found stands at every second place
                word = nodes.inline("", "", parts[number], classes=["lrlib-together"])
                parts[number] = word
            at = text.parent.index(text)
            text.parent[at : at + 1] = parts


def in_code(found: re.Match[str]) -> str:
    start, end, text = found.groups()
    if len(html.unescape(TAG.sub("", text))) <= WHOLE:
        return f"{start} lrlib-whole{end}{text}"
    parts = re.split(r"(<[^>]*>)", text)
    return start + end + "".join(p if p.startswith("<") else breakable(p) for p in parts)


def breakable(text: str) -> str:
    words = MARK.sub(r"\1<wbr>", text).split("<wbr>")
    return "<wbr>".join(IN_WORD.sub("_<wbr>", w) if len(w) > WHOLE else w for w in words)


def break_code(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Keep short code in one line, and let long code break after a full stop, bracket and so on."""
    if "body" in context:
        context["body"] = CODE.sub(in_code, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", keep_units)
    app.connect("doctree-resolved", keep_together)
    app.connect("doctree-resolved", keep_words)
    app.connect("html-page-context", break_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
