"""A button that starts the race where a reader is: on the opening page, and in each chapter.

Nothing of the race is fetched before somebody presses it: `lrlib.js` does that. The directive
`{race}` puts one on a page; a chapter gets its own from `named_pages.py`, below the sentence that
leads to the race.
"""

import html

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# The strategies that a chapter lets race, by the keys of race-schedules.js; the sentence's words.
PAIRS = {
    "01-fixed": ("fixed,cosine", "a fixed rate against a cosine"),
    "02-step-decay": ("fixed,step", "step decay against a fixed rate"),
    "03-exponential-decay": ("fixed,exponential", "exponential decay against a fixed rate"),
    "04-cosine-annealing": ("fixed,cosine", "a cosine against a fixed rate"),
    "05-cyclical": ("fixed,cyclical", "a cyclical rate against a fixed one"),
    "06-adaptive": ("fixed,adam", "Adam against SGD, both at a fixed rate"),
    "07-warm-up": ("cosine,warm-up", "a cosine with a warm-up against one without"),
    "08-lr-finder": ("warm-up,finder", "the finder’s peak against yours"),
}


def start(state: str, words: str, study: str, which: str = "better") -> nodes.raw:
    """Return the button; `study` is the address of the page that has the real comparison.

    `which` is what that page asks: which of two is "better", or which of several is "best".
    """
    return nodes.raw(
        "",
        f'<div class="race-start" data-state="{html.escape(state)}" hidden>'
        '<p><button type="button" class="sd-btn sd-btn-outline-primary">'
        f"Race {words}, here</button></p>"
        "<p>It’s a toy with two-dimensional points. "
        f'<a href="{html.escape(study)}">The study</a> asks with real data which is {which}.</p>'
        "</div>",
        format="html",
    )


class Race(SphinxDirective):
    """`{race} all eight strategies`: the words that stand on the button."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        return [start("", self.arguments[0], "claims.html", "best")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("race", Race)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
