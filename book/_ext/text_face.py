"""The face of the text, Source Sans 3: it comes with the site, and early.

`lrlib.css` names its three files. A browser would ask for them once it has read that; the one that
every page needs is asked for at once.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def ask_early(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    face = context["pathto"]("_static/fonts/source-sans.woff2", 1)
    context["metatags"] = context.get("metatags", "") + (
        f'\n<link rel="preload" as="font" type="font/woff2" crossorigin href="{face}">'
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", ask_early)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
