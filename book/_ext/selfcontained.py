"""Make the built site stand alone: it asks no other host for anything and passes an axe check."""

import re
import shutil
from pathlib import Path

from fewer_glyphs import with_only
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.config import Config

# Written by the themes, used by no page: fontawesome.js repeats what the icon font does.
UNUSED = [
    "scripts/fontawesome.js*",
    "scripts/*.map",
    "styles/*.map",
    "vendor/fontawesome/webfonts/*.ttf",
    "locales",
    "*webpack-macros.html",
]

# Corrections to the themes' HTML, each for one finding of axe or one needless request. A page that
# a build does not write is corrected once more: what is corrected must not match again.
CORRECTIONS = [
    (re.compile(r'<script defer src="[^"]*fontawesome\.js[^"]*"></script>'), ""),
    # The search button shows "Search this book" and was labelled "Search".
    (re.compile(r'(<button[^>]*search-button-field[^>]*?)\s+aria-label="[^"]*"'), r"\1"),
    (
        re.compile(r'<div id="pst-primary-sidebar" (?!role)'),
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Book" ',
    ),
    # The fold shows "Show code cell source" and was labelled "Toggle hidden content".
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # Names and punctuation, also those of an f-string, have the colour of the code around them:
    # half of a chapter's elements.
    (re.compile(r'<span class="(?:n|nn|o|p|sa|si|w)">([^<]*)</span>'), r"\1"),
    (re.compile(r"<span></span>"), ""),
    # Without scripts nothing else chooses the colours.
    (re.compile(r'(<html[^>]*data-theme=)"auto"'), r'\1"light"'),
    # doc-biblioentry is deprecated and may stand in a list only.
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
]

# The themes let every page load the search and its index; what marks the words is in search.js.
SEARCH = re.compile(
    r'<script src="[^"]*(?:searchtools|language_data|searchindex|sphinx_highlight)\.js'
    r'[^"]*"></script>'
)
# For cards and tabs, which few pages have.
DESIGN = re.compile(r"<link[^>]*sphinx-design[^>]*>|<script[^>]*design-tabs\.js[^>]*></script>\s*")
# The theme asks each block of code, while a page opens, whether it scrolls: for that the whole page
# is laid out, again and again. lrlib.js asks too, once the block has been laid out.
ASKS_TO_SCROLL = re.compile(r"(\w)\.tabIndex=\1\.scrollWidth>[^}]*\?0:-1(?=\})")

# `.fa-moon:before{content:"\\f186"}` in a style sheet, `fa-moon` in a page.
NAMED_ICON = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]{2,4})"')
ICON = re.compile(r"\bfa-[\w-]+")
ICON_CODE = re.compile(r'"\\([ef][0-9a-f]{3})"')

# A signature of several lines is written as a description list without terms.
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
SIGNATURE_TAGS = [
    ("<dl>", '<span class="sig-lines">'),
    ("</dl>", "</span>"),
    ("<dd>", '<span class="sig-line">'),
    ("</dd>", "</span>"),
    ("&lt;factory&gt;", "[]"),  # what autodoc says of a field that begins as a list of its own
]


def configure(app: Sphinx, config: Config) -> None:
    """Show no button that would lead nowhere."""
    options = config.html_theme_options
    known = bool(options.get("repository_url"))
    for button in ("use_repository_button", "use_edit_page_button", "use_issues_button"):
        options[button] = known
    if not known:
        options["launch_buttons"] = {}


def subset_icons(out: Path) -> None:
    """Keep the icons that some page shows: of the icon fonts' thousands that is a few dozen."""
    sheets = [sheet.read_text(encoding="utf-8") for sheet in out.rglob("*.css")]
    named = NAMED_ICON.findall("".join(sheets))
    code_of = {name: code for names, code in named for name in ICON.findall(names)}
    pages = [*out.rglob("*.html"), *(out / "_static").glob("scripts/*.js")]
    names = {name for page in pages for name in ICON.findall(page.read_text(encoding="utf-8"))}
    shown = {code_of[name] for name in names & code_of.keys()}
    # What a theme's own style sheet draws has no name in the pages.
    unnamed = {code for sheet in sheets for code in ICON_CODE.findall(NAMED_ICON.sub("", sheet))}
    codes = {int(code, 16) for code in shown | unnamed}
    for file in (out / "_static").rglob("webfonts/*.woff2"):
        file.write_bytes(with_only(codes, TTFont(file)))


def remove_unused(static: Path) -> None:
    for pattern in UNUSED:
        for path in static.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def without_list(signature: re.Match[str]) -> str:
    text = signature[0]
    for tag, replacement in SIGNATURE_TAGS:
        text = text.replace(tag, replacement)
    return text


def correct(page: Path) -> None:
    text = corrected = page.read_text(encoding="utf-8")
    for pattern, replacement in CORRECTIONS:
        corrected = pattern.sub(replacement, corrected)
    corrected = SIGNATURE.sub(without_list, corrected)
    if page.name != "search.html":
        corrected = SEARCH.sub("", corrected)
    if not re.search(r'class="[^"]*\bsd-', corrected):
        corrected = DESIGN.sub("", corrected)
    if corrected != text:
        page.write_text(corrected, encoding="utf-8")


def correct_script(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    script.write_text(ASKS_TO_SCROLL.sub("", text), encoding="utf-8")


def finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    subset_icons(out)
    remove_unused(out / "_static")
    for page in out.rglob("*.html"):
        correct(page)
    correct_script(out / "_static" / "scripts" / "pydata-sphinx-theme.js")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", configure)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
