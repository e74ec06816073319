"""Mathematics that needs no script: TeX becomes MathML in the build, and browsers draw it.

They need a font that says how high an exponent stands: STIX Two Math, which comes with ziamath. The
site gets those of its glyphs that some formula has.
"""

import html
import re
from importlib.resources import files
from pathlib import Path

from docutils import nodes
from fewer_glyphs import with_only
from fontTools.ttLib import TTFont
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

# The TeX goes along, for those who copy a formula.
CONVERTER = LatexToMathML(annotation=True, fancy_error=False)
FONT = "mathematics.woff2"  # lrlib.css names it too
SPACE = re.compile(r"\\q?quad\b")  # stands between formulas, outside all braces
FORMULA = re.compile(r"<math\b.*?</math>", re.DOTALL)
ANNOTATION = re.compile(r"<annotation\b.*?</annotation>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
# What a browser draws that no formula writes: the sign of a root, and the italic forms of A to z (h
# has a place of its own) and of the Greek letters.
UNWRITTEN = {ord("√"), *range(0x1D434, 0x1D468), ord("ℎ"), *range(0x1D6E2, 0x1D71C)}
# In thousandths of the size. How far a subscript falls below the foot of its letter, and an
# exponent below the head, at least and at most: what TeX's own font has. Else that of η stands low,
# that of θ high. And how far a root's line is above what it covers, else it touches a letter in
# small print, and how thick it is: a pixel, and not now one and now two.
PLACES = {
    "SubscriptBaselineDropMin": 50,
    "SuperscriptBaselineDropMax": 386,
    "RadicalVerticalGap": 150,
    "RadicalRuleThickness": 50,
}
# The forms of the sign of a root, in the same unit. Chromium leaves as much room behind each as the
# widest form needs, so all get one width; and the font's lowest one is too high for a small letter.
ROOT_HEIGHTS = (730, 940, 1110, 1400)
ROOT_WIDTH = 640


def mathml(self: HTML5Translator, tex: str, *, display: bool) -> str:
    try:
        return CONVERTER.convert_with_local_state(" ".join(tex.split()), displaystyle=display)
    except LatexError as error:
        page = self.builder.current_docname
        raise ExtensionError(f"{page}: write {tex!r} as math-core can read it: {error}") from error


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(self, node.astext(), display=False))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a line for each formula: where there is no room, one stands below the other."""
    if node.get("number"):
        raise ExtensionError(f"{self.builder.current_docname}: no formula of the book has a number")
    parts = [mathml(self, part, display=True) for part in SPACE.split(node.astext())]
    self.body.append('<div class="lrlib-formula">\n' + "\n".join(parts) + "\n</div>\n")
    raise nodes.SkipNode


def shown_by(formula: str) -> str:
    return html.unescape(TAG.sub("", ANNOTATION.sub("", formula)))


def characters(out: Path) -> set[int]:
    """What the formulas of all pages are written with."""
    pages = (page.read_text(encoding="utf-8") for page in out.rglob("*.html"))
    formulas = {formula for page in pages for formula in FORMULA.findall(page)}
    return {ord(character) for formula in formulas for character in shown_by(formula)}


def scale(font: TTFont, name: str, width: int, by: float) -> None:
    glyph, (advance, _) = font["glyf"][name], font["hmtx"][name]
    glyph.coordinates.scale((width / advance, by))
    glyph.coordinates.toInt()
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (width, glyph.xMin)


def fit_roots(font: TTFont) -> None:
    variants = font["MATH"].table.MathVariants
    sign = font.getBestCmap()[ord("√")]
    forms = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(sign)]
    for form, height in zip(forms.MathGlyphVariantRecord, ROOT_HEIGHTS, strict=True):
        scale(font, form.VariantGlyph, ROOT_WIDTH, height / form.AdvanceMeasurement)
        form.AdvanceMeasurement = height
    for part in forms.GlyphAssembly.PartRecords:
        scale(font, part.glyph, ROOT_WIDTH, 1)


def write_font(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    font = TTFont(str(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"))
    for name, value in PLACES.items():
        getattr(font["MATH"].table.MathConstants, name).Value = value
    fit_roots(font)
    shown = characters(out) | UNWRITTEN
    data = with_only(shown, font, hinting=False, layout_features=[], name_IDs=["*"])
    (out / "_static" / FONT).write_bytes(data)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathematics", (visit_inline, None), (visit_block, None))
    app.connect("build-finished", write_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
