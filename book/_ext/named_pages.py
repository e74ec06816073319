"""Links from the chapters to pages of the book, which notebooks name by their titles.

A notebook is read in places where no page lies beside it. So it has a page's title in italics, or,
once there is one, a link to the published site: `book/home.py` writes them. In the built site both
are links within it.
"""

import race_start
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

LAB, RACE, STUDY = "book/lab", "book/race", "book/claims"
# A chapter opens the schedule lab with its own schedule: a name of `PRESETS` in lab-state.js.
PRESETS = {
    "notebooks/01-fixed": "fixed",
    "notebooks/02-step-decay": "step",
    "notebooks/03-exponential-decay": "exponential",
    "notebooks/04-cosine-annealing": "cosine",
    "notebooks/05-cyclical": "triangular2",
    "notebooks/06-adaptive": "adamw-warmup-cosine",
    "notebooks/07-warm-up": "warmup-cosine",
    "notebooks/08-lr-finder": "warmup-linear",
}


class LinkPages(SphinxPostTransform):
    default_priority = 5  # once the mistakes are where they belong: see `gallery.py`

    def run(self, **options: object) -> None:
        pages = {
            title.astext(): page
            for page, title in self.env.titles.items()
            if page.startswith("book/")
        }
        for title in list(self.document.findall(nodes.emphasis)):
            if title.astext() in pages:
                to_page = self.within(pages[title.astext()])
                title.replace_self(nodes.reference("", "", *title.children, **to_page))
        site = self.config.html_baseurl
        for link in self.document.findall(nodes.reference):
            address = link.get("refuri", "")
            if site and address.startswith(site):
                page = address.removeprefix(site).removesuffix(".html")
                link.attributes.update(self.within(page))
        self.let_race()

    def let_race(self) -> None:
        """Put a button that starts the race below a chapter's sentence that leads to it."""
        chapter = self.env.docname.removeprefix("notebooks/")
        if chapter not in race_start.PAIRS:
            return
        address = self.within(RACE)["refuri"]
        for link in self.document.findall(nodes.reference):
            if link.get("refuri") == address:
                keys, words = race_start.PAIRS[chapter]
                study = self.app.builder.get_relative_uri(self.env.docname, STUDY)
                button = race_start.start(f"chapter={chapter}&show={keys}", words, study)
                link.parent.parent.insert(link.parent.parent.index(link.parent) + 1, button)
                return

    def within(self, page: str) -> dict[str, object]:
        """Return what makes a reference lead to a page from where it stands."""
        address = self.app.builder.get_relative_uri(self.env.docname, page)
        if page == LAB and self.env.docname in PRESETS:
            address += f"#preset={PRESETS[self.env.docname]}"
        if page == RACE and self.env.docname in PRESETS:  # which marks the chapter's strategy
            address += f"#chapter={self.env.docname.removeprefix('notebooks/')}"
        return {"refuri": address, "internal": True}


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("race_start")
    app.add_post_transform(LinkPages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
