"""Widgets that leave something to see where no kernel runs."""

import re
from collections.abc import Sequence
from typing import Any

from lrlib._extras import extra
from lrlib._ids import new_id

with extra("widgets", "a control"):
    import ipywidgets
    from IPython.display import HTML, display

_VIEW = "application/vnd.jupyter.widget-view+json"
# JupyterLab's error stands in the output before the copy, and is the only one with both classes.
_HIDE_THE_ERROR = """<style>
.jp-OutputArea-child:has(+ .jp-OutputArea-child .lrlib-kept)
> .jp-OutputArea-output.jupyter-widgets { display: none; }
</style>"""
_ADVICE = "<p>Run the cells from the top, and the controls appear here.</p>"


class Kept(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A column of widgets, with a copy that a notebook keeps.

    A saved notebook has the name of a widget alone. Opened again, or as a page, it would show an
    error or nothing. So a copy stands below, and each widget that lives hides its own.

    Args:
        children: The widgets, from top to bottom.
        copy: What is to be seen without them, in HTML.
        advice: How to get them back, in HTML.
    """

    def __init__(self, children: Sequence[Any], copy: str, advice: str = _ADVICE) -> None:
        self._key = new_id("lrlib-kept")
        hide_the_copy = ipywidgets.HTML(f"<style>#{self._key} {{ display: none; }}</style>")
        super().__init__([*children, hide_the_copy])
        # Both are in one document for a while: no two parts of pictures may have one id.
        picture = f"{new_id('figure')}-"
        self._copy = re.sub(r"\bfigure-[0-9a-f]{8}-\d+-", picture, copy)
        self._advice = advice

    def _ipython_display_(self) -> None:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        display({_VIEW: view, "text/plain": ""}, raw=True)  # a page without widgets shows the text
        kept = f'<div class="lrlib-kept" id="{self._key}">{self._copy}{self._advice}</div>'
        display(HTML(_HIDE_THE_ERROR + kept))
