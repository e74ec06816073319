"""What a published page says of itself: description, address, social card, when it was verified."""

import html
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from matplotlib.figure import Figure
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from lrlib import schedules
from lrlib.plots import PALETTE

# What a page says of itself to those who share it, in its head.
HEAD = re.compile(
    r'<(?:meta (?:name|property)="(?:description|og:|twitter:)|link rel="canon)[^>]*>'
)


def verified(env: BuildEnvironment) -> str:
    """Say when the notebooks ran, and with which versions."""
    runs = [NbMetadataCollector.get_exec_data(env, page) for page in env.found_docs]
    # A page that did not change keeps its outputs: the oldest run dates the site.
    oldest = min((run["mtime"] for run in runs if run), default=None)
    if oldest is None:
        return ""
    seconds = os.environ.get("SOURCE_DATE_EPOCH", oldest)  # for those who build the same bytes
    day = datetime.fromtimestamp(float(seconds), UTC)
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "ipywidgets"))
    return (
        f'<p>Last verified <time datetime="{day:%Y-%m-%d}">{day.day} {day:%B %Y}</time>: all '
        f"notebooks ran without error with Python {platform.python_version()}, {versions}.</p>"
    )


def sign(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    context["theme_extra_footer"] = context.get("theme_extra_footer", "") + verified(app.env)


def write_first_address(app: Sphinx, error: Exception | None) -> None:
    """Let the site's own address say what the book is before it leads to the first page.

    Who shares it shares this file: jupyter-book writes an empty one only where there is none.
    """
    out = Path(app.outdir)
    page = f"{app.config.root_doc}.html"
    if error or app.builder.name != "html":
        return
    head = "\n".join(dict.fromkeys(HEAD.findall((out / page).read_text(encoding="utf-8"))))
    out.joinpath("index.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{head}\n'
        f"<title>{html.escape(app.config.html_title)}</title>\n"
        f'<meta http-equiv="Refresh" content="0; url={page}">\n</head>\n'
        f'<body><p><a href="{page}">{html.escape(app.config.html_title)}</a></p></body>\n</html>\n',
        encoding="utf-8",
    )


def draw_card(file: Path) -> None:
    """Draw what stands beside the title on a social card: four of the schedules."""
    figure = Figure(figsize=(3, 3))
    ax = figure.add_axes((0.05, 0.05, 0.9, 0.9))
    steps = range(101)
    for colour, schedule in (
        ("blue", schedules.StepDecay(every=34, factor=0.4)),
        ("orange", schedules.CosineAnnealing(100)),
        ("purple", schedules.Cyclical(half_cycle=17, shrink=0.6)),
        ("red", schedules.Warmup(15, then=schedules.Linear(85))),
    ):
        ax.plot(steps, [schedule(step) for step in steps], color=PALETTE[colour], linewidth=5)
    ax.set_axis_off()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)


def configure(app: Sphinx, config: Config) -> None:
    if config.ogp_site_url:
        config.html_baseurl = config.ogp_site_url
        config.sitemap_url_scheme = "{link}"
        app.setup_extension("sphinx_sitemap")
        card = Path(app.doctreedir) / "card.png"
        draw_card(card)
        pictures = {"image": str(card), "image_mini": str(card)}
        config.ogp_social_cards = {**pictures, "line_color": PALETTE["blue"]}
    else:
        config.ogp_social_cards = {"enable": False}  # a card needs an address to be found at


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", sign)
    app.connect("build-finished", write_first_address)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
