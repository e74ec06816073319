"""The face of the text, Source Sans 3: it comes with the site, early, and with no letter too many.

`lrlib.css` names its three files. A browser would ask for them once it has read that; the two that
nearly every page needs are asked for at once, so that they come before the first letter is drawn.
The site gets those letters that some page or script has.
"""

import logging
import string
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset
from sphinx.application import Sphinx

FOLDER = Path("_static") / "fonts"
EARLY = ("source-sans.woff2", "source-sans-italic.woff2")
# Its licence keeps the name "Source" for the whole face. These are all the names that a part has.
NAMES = {1, 3, 4, 6, 16, 25}


def ask_early(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    links = [
        '<link rel="preload" as="font" type="font/woff2" crossorigin '
        f'href="{context["pathto"]((FOLDER / name).as_posix(), 1)}">'
        for name in EARLY
    ]
    context["metatags"] = "\n".join([context.get("metatags", ""), *links])


def letters(out: Path) -> set[int]:
    files = [*out.rglob("*.html"), *(out / "_static").glob("*.js")]
    texts = (file.read_text(encoding="utf-8") for file in files)
    return {ord(letter) for text in texts for letter in {*text}} | {*map(ord, string.printable)}


def shorten(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    logging.getLogger("fontTools.subset").setLevel(logging.WARNING)  # each step, for each glyph
    known = letters(Path(app.outdir))
    for file in (Path(app.srcdir) / "book" / FOLDER).glob("*.woff2"):
        options = subset.Options(flavor="woff2", hinting=False, ignore_missing_unicodes=True)
        font = subset.load_font(str(file), options)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=known)
        subsetter.subset(font)
        for record in font["name"].names:
            if record.nameID in NAMES:
                record.string = "lrlib-text"
        subset.save_font(font, str(Path(app.outdir) / FOLDER / file.name), options)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", ask_early)
    app.connect("build-finished", shorten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
