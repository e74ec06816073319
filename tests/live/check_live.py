"""Notebooks as their readers have them, in JupyterLab and a real browser: `make test-live`.

JupyterLab serves copies of the notebooks on 127.0.0.1, and Chromium uses them as a reader would.
Cells run in the quick budget on Shapes-10; each check runs those that it needs.
"""

import pytest
from lab import Chapter

FOLDED = {"hide-input", "hide-cell", "remove-cell"}  # the tags of cells that the site folds


def test_code_is_folded_where_the_site_folds_it(chapter: Chapter) -> None:
    for id, cell in chapter.cells.items():
        if cell["cell_type"] == "code":
            shown = chapter.cell(id)
            folded = shown.locator(".jp-InputPlaceholder").is_visible()
            assert folded == bool(FOLDED & set(cell["metadata"].get("tags", []))), id
            assert folded != shown.locator(".cm-editor").is_visible(), id


@pytest.mark.xfail(reason="citations are MyST's markup, which JupyterLab doesn't know")
def test_no_markup_is_raw(chapter: Chapter) -> None:
    for id, cell in chapter.cells.items():
        if cell["cell_type"] == "markdown":
            text = chapter.cell(id).locator(".jp-MarkdownOutput").inner_text()
            for mark in ("{cite", "{ref", "{doc", "```", "]("):
                assert mark not in text, id
