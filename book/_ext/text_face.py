"""The face of the text, Source Sans 3: it comes in the style sheet, with no letter too many.

A face in a file of its own would come after the first letters are drawn, and lines would move.
`lrlib.js` asks for it before there are any. Where no script does, a page may have to do without.
"""

import base64
import string
from pathlib import Path

from fewer_glyphs import with_only
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

# Its small letters are low. Grown by so much, they are as high as those of the faces of systems.
RULE = """\
@font-face {{
  font-family: "Source Sans";
  src: url("data:font/woff2;base64,{data}") format("woff2");
  font-weight: 200 900;
  font-display: optional;
  size-adjust: 107%;
  {own}
}}
"""
FACES = {
    "source-sans.woff2": "font-style: normal;",
    "source-sans-italic.woff2": "font-style: italic;",
    "source-sans-greek.woff2": "unicode-range: U+0370-03FF;",
}
# Its licence keeps the name "Source" for the whole face. These are all the names that a part has.
NAMES = {1, 3, 4, 6, 16, 25}


def letters(out: Path) -> set[int]:
    """Return what some page or script is written with."""
    files = [*out.rglob("*.html"), *(out / "_static").glob("*.js")]
    texts = (file.read_text(encoding="utf-8") for file in files)
    return {ord(letter) for text in texts for letter in {*text}} | {*map(ord, string.printable)}


def part(file: Path, known: set[int]) -> bytes:
    font = TTFont(file)
    for record in font["name"].names:
        if record.nameID in NAMES:
            record.string = "lrlib-text"
    return with_only(known, font, hinting=False)


def write_faces(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    out, fonts = Path(app.outdir), Path(app.srcdir) / "book" / "fonts"
    known = letters(out)
    rules = [
        RULE.format(data=base64.b64encode(part(fonts / name, known)).decode(), own=own)
        for name, own in FACES.items()
    ]
    own_sheet = (Path(app.srcdir) / "book" / "_static" / "lrlib.css").read_text(encoding="utf-8")
    (out / "_static" / "lrlib.css").write_text("".join(rules) + own_sheet, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", write_faces)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
