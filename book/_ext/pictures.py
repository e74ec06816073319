"""Give a picture within a figure a file of its own: a page holds it twice, a reader needs it once.

A figure is drawn for wide and for narrow pages, and its PNG would be in both drawings.
"""

import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

from sphinx.application import Sphinx

PICTURE = re.compile(r"\s*data:image/png;base64,([A-Za-z0-9+/=\s]+)")
FOLDER = "_images"  # Sphinx puts the other pictures there


def move_out(page: Path, out: Path) -> None:
    up = "../" * (len(page.relative_to(out).parts) - 1)

    def name_of(picture: re.Match[str]) -> str:
        content = b64decode(picture[1])
        file = out / FOLDER / f"{sha256(content).hexdigest()[:16]}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        return f"{up}{FOLDER}/{file.name}"

    text = page.read_text(encoding="utf-8")
    if PICTURE.search(text):
        page.write_text(PICTURE.sub(name_of, text), encoding="utf-8")


def finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        move_out(page, out)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
