"""Keep of the style sheets what some page can use: the rest is three quarters of the themes'.

A rule stays if each class and each id that it names is a word of a page or of a script, which may
give it to an element later.
"""

import re
from pathlib import Path

import tinycss2
from sphinx.application import Sphinx

WORD = re.compile(r"[\w-]+")
NAME = re.compile(r"[.#]([A-Za-z_][\w-]*)")
# What such an argument names may be missing: `:not(.dark)` holds for a page without `dark`. One
# that is escaped, as in `.mt-0\\.5`, or that says what a value holds, isn't looked up either.
UNSURE = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]")
COMMA = re.compile(r",(?![^(\[]*[)\]])")
NESTING = {"media", "supports"}  # at-rules that hold rules


def words(out: Path) -> set[str]:
    files = [*out.rglob("*.html"), *out.rglob("*.js")]
    return {word for file in files for word in WORD.findall(file.read_text(encoding="utf-8"))}


def lean(rules: list[tinycss2.ast.Node], known: set[str]) -> str:
    """Write the rules that can apply where these are all the words that there are."""
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = COMMA.split(tinycss2.serialize(rule.prelude))
            used = [each for each in selectors if can_apply(each, known)]
            if used:
                kept.append(f"{','.join(used)}{{{tinycss2.serialize(rule.content)}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTING:
            inner = lean(tinycss2.parse_rule_list(rule.content), known)
            if inner:
                head = tinycss2.serialize(rule.prelude)
                kept.append(f"@{rule.at_keyword}{head}{{{inner}}}")
        elif rule.type not in ("whitespace", "comment"):
            kept.append(rule.serialize())
    return "".join(kept)


def can_apply(selector: str, known: set[str]) -> bool:
    return "\\" in selector or known.issuperset(NAME.findall(UNSURE.sub("", selector)))


def shorten(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    known = words(out)
    static = out / "_static"
    for sheet in [*static.glob("*.css"), *static.glob("styles/*.css")]:
        rules = tinycss2.parse_stylesheet(sheet.read_text(encoding="utf-8"))
        sheet.write_text(lean(rules, known), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", shorten, priority=950)  # once the pages are corrected
    return {"parallel_read_safe": True, "parallel_write_safe": True}
