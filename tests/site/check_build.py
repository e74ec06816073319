"""Checks of the built site, which `make book` runs at its end."""

import itertools
import json
import math
import pickle
import re
import shutil
from collections import Counter
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mathematics
import named_pages
import pytest
import references
import selfcontained
from bs4 import BeautifulSoup, Tag
from docutils import nodes
from fontTools.ttLib import TTFont
from pages import (
    CONFIG,
    MADE_BY_SPHINX,
    NOTEBOOKS,
    PAGES,
    ROOT,
    SITE,
    TOC,
    every_page,
)

from lrlib.plots import PALETTE

every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS)


@cache
def parse(file: Path) -> BeautifulSoup:
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def read(page: str) -> BeautifulSoup:
    return parse(SITE / f"{page}.html")


@cache
def ids(file: Path) -> list[str]:
    return [str(tag["id"]) for tag in parse(file).find_all(id=True)]


def test_site_has_the_pages_of_the_contents_and_no_others() -> None:
    built = {file.relative_to(SITE).with_suffix("").as_posix() for file in SITE.rglob("*.html")}
    assert built == {*PAGES, *MADE_BY_SPHINX, "index"}
    assert len(NOTEBOOKS) == 8


@every_notebook
def test_notebook_ran_without_error(notebook: str) -> None:
    page = read(notebook)
    assert page.select("div.cell_output"), "no cell shows an output"
    assert not page.select("div.output.error, div.output.traceback, div.output.stderr")
    assert "Traceback (most recent call last)" not in page.get_text()


@every_notebook
def test_notebook_shows_figures_that_say_what_they_show(notebook: str) -> None:
    assert read(notebook).select("figure.lrlib-figure svg"), "no figure"
    # What is hidden from those who listen repeats what the words beside it say.
    for drawing in read(notebook).select("div.cell_output svg:not([aria-hidden=true])"):
        assert drawing.get("role") == "img"
        assert str(drawing.get("aria-label", "")).strip()


@every_notebook
def test_notebook_opens_the_schedule_lab_with_its_own_schedule(notebook: str) -> None:
    links = [str(link["href"]) for link in read(notebook).select("a[href*='lab.html#']")]
    assert links == [f"../book/lab.html#preset={named_pages.PRESETS[notebook]}"]
    state = (ROOT / "book" / "_static" / "lab-state.js").read_text(encoding="utf-8")
    presets = state.split("const PRESETS = {")[1].split("};")[0]
    assert re.search(rf'^ +"?{named_pages.PRESETS[notebook]}"?: \[', presets, flags=re.MULTILINE)


@every_notebook
def test_notebook_opens_the_race_with_its_own_strategy_marked(notebook: str) -> None:
    chapter = notebook.removeprefix("notebooks/")
    links = [str(link["href"]) for link in read(notebook).select("a[href*='race.html#']")]
    assert links == [f"../book/race.html#chapter={chapter}"]
    strategies = (ROOT / "book" / "_static" / "race-schedules.js").read_text(encoding="utf-8")
    assert strategies.count(f'"{chapter}"') == 1


@every_notebook
def test_notebook_has_no_dead_widget(notebook: str) -> None:
    text = (SITE / f"{notebook}.html").read_text(encoding="utf-8")
    for trace in ("application/vnd.jupyter.widget", "<!-- widget", "jupyter-widgets"):
        assert trace not in text
    assert not re.search(r"\b(IntSlider|FloatSlider|FloatLogSlider|VBox|HBox)\(", text)


@every_notebook
def test_notebook_has_explorers_with_data_for_every_setting(notebook: str) -> None:
    explorers = read(notebook).select(".lrlib-explore")
    assert explorers
    for explorer in explorers:
        sliders = explorer.select('input[type="range"]')
        script = explorer.select_one('script[type="application/json"]')
        assert script
        frames = len(json.loads(script.string or "")["frames"])
        stops = math.prod(int(str(s["max"])) + 1 for s in sliders)
        assert frames == (1 if explorer.has_attr("data-formula") else stops)
        assert explorer.select_one(".lrlib-frame svg"), "nothing is seen before the page is drawn"
        for slider in sliders:
            assert explorer.select(f'label[for="{slider["id"]}"]'), "a slider without a label"
            assert slider["aria-valuetext"]


@every_notebook
def test_notebook_can_be_downloaded_as_it_is_stored(notebook: str) -> None:
    button = read(notebook).select_one("a.btn-download-source-button")
    assert isinstance(button, Tag)
    offered = (SITE / f"{notebook}.html").parent / str(button["href"])
    stored = ROOT / f"{notebook}.ipynb"
    assert json.loads(offered.read_text("utf-8")) == json.loads(stored.read_text("utf-8"))


def buttons_leaving_the_site(page: str) -> set[str]:
    header = read(page).select(".bd-header-article a[href]")
    return {str(link["href"]) for link in header if urlsplit(str(link["href"])).netloc}


@every_page
def test_buttons_lead_to_the_configured_repository_or_are_not_there(page: str) -> None:
    url, branch = CONFIG["repository"]["url"], CONFIG["repository"]["branch"]
    found = buttons_leaving_the_site(page)
    if not url:
        assert found == set()
        return
    assert any(button.startswith(f"{url}/issues/new?") for button in found)
    expected = {url}
    for source in ROOT.glob(f"{page}.*"):
        expected.add(f"{url}/edit/{branch}/{source.relative_to(ROOT).as_posix()}")
    if page in NOTEBOOKS:
        launch, name = CONFIG["launch_buttons"], urlsplit(url).path.strip("/")
        expected |= {
            f"{launch['colab_url']}/github/{name}/blob/{branch}/{page}.ipynb",
            f"{launch['binderhub_url']}/v2/gh/{name}/{branch}?urlpath=lab/tree/{page}.ipynb",
        }
    assert {button for button in found if "/issues/new?" not in button} == expected


@pytest.mark.parametrize("page", PAGES)
def test_every_formula_is_on_its_page_as_mathml(page: str) -> None:
    """Also where a page has formulas of the docstrings. The page of mistakes shows more of them."""
    source = pickle.loads((SITE.parent / ".doctrees" / f"{page}.doctree").read_bytes())
    formulas = [each.astext() for each in source.findall(nodes.math)]
    for block in source.findall(nodes.math_block):
        formulas += mathematics.SPACE.split(block.astext())
    shown = [each.get_text() for each in read(page).select("math annotation")]
    assert Counter(" ".join(each.split()) for each in formulas) <= Counter(shown)
    for formula in read(page).select("math"):
        assert formula.select("mi, mn, mo, mtext"), formula
        assert "\\" not in mathematics.shown_by(str(formula)), formula


def test_the_font_has_every_character_of_the_formulas() -> None:
    font = TTFont(SITE / "_static" / mathematics.FONT)
    missing = mathematics.characters(SITE) - font.getBestCmap().keys()
    assert {chr(code) for code in missing} <= {"\u2061", "\u2063"}  # these can't be seen
    assert ord("√") in font.getBestCmap()
    assert "MATH" in font


@every_page
def test_page_asks_no_other_host(page: str) -> None:
    for tag in read(page).select("link, script, img, iframe, object, source, video, audio, use"):
        # A canonical link is an address to show, not one to fetch.
        if tag.name == "link" and "canonical" in str(tag.get("rel")):
            continue
        for attribute in ("href", "src", "data", "srcset", "xlink:href"):
            assert not urlsplit(str(tag.get(attribute, ""))).netloc, tag
    for style in read(page).select("style"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.get_text())


def test_style_sheets_ask_no_other_host() -> None:
    sheets = list(SITE.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", text), sheet


def content(page: str, **meta: str) -> str:
    tag = read(page).find("meta", meta)
    assert isinstance(tag, Tag), f"no meta tag {meta}"
    return str(tag["content"])


@pytest.mark.parametrize("page", PAGES)
def test_page_says_what_it_is_and_where_it_lives(page: str) -> None:
    assert 40 <= len(content(page, name="description")) <= 250
    assert content(page, property="og:title")
    canonical = read(page).select_one('link[rel="canonical"]')
    url = CONFIG["repository"]["url"]
    if not url:  # without an address there is nothing to point at
        assert canonical is None
        assert not (SITE / "sitemap.xml").exists()
        return
    owner, name = urlsplit(url).path.strip("/").split("/")
    home = f"https://{owner.lower()}.github.io/{name}/"
    assert isinstance(canonical, Tag)
    assert canonical["href"] == f"{home}{page}.html"
    assert f"<loc>{home}{page}.html</loc>" in (SITE / "sitemap.xml").read_text("utf-8")
    card = content(page, property="og:image")
    assert card.startswith(home)
    assert (SITE / card.removeprefix(home)).is_file()


@every_page
def test_page_says_when_it_was_verified(page: str) -> None:
    footer = read(page).select_one("footer .extra_footer")
    assert isinstance(footer, Tag)
    (day,) = footer.select("time")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", str(day["datetime"]))
    assert f"torch {version('torch')}" in footer.get_text()


def leads_nowhere(target: str, here: Path) -> bool:
    url = urlsplit(target)
    if url.scheme or url.netloc:
        return False
    file = (here.parent / unquote(url.path)).resolve() if url.path else here
    if not file.is_file():
        return True
    if url.fragment.startswith("preset="):  # the schedule lab reads it
        return file != SITE / "book" / "lab.html"
    if url.fragment.startswith(("peak=", "chapter=")):  # and the race these
        return file != SITE / "book" / "race.html"
    return bool(url.fragment) and unquote(url.fragment) not in ids(file)


@every_page
def test_links_within_the_site_lead_somewhere(page: str) -> None:
    links = read(page).select("a[href], link[href], script[src], img[src]")
    targets = [str(link.get("href") or link.get("src")) for link in links]
    assert [t for t in targets if leads_nowhere(t, SITE / f"{page}.html")] == []


def test_pages_lead_to_one_another_in_the_order_of_the_contents() -> None:
    for before, after in itertools.pairwise(PAGES):
        for page, button, other in ((before, "right-next", after), (after, "left-prev", before)):
            link = read(page).select_one(f"a.{button}")
            assert link, (page, button)
            place = (SITE / page).parent / str(link["href"])
            assert place.resolve() == SITE / f"{other}.html"


@every_notebook
def test_a_page_that_a_chapter_names_is_a_link_within_the_site(notebook: str) -> None:
    """Stored, the chapter has the page's title in italics, or a link to the published site."""
    titles = {content(page, property="og:title"): page for page in PAGES if "book/" in page}
    links = {str(a["href"]) for a in read(notebook).select("article a") if a.get_text() in titles}
    assert links
    assert {link.split("#")[0] for link in links} <= {f"../{page}.html" for page in titles.values()}
    assert not titles.keys() & {tag.get_text() for tag in read(notebook).select("article em")}


def test_the_bibliography_lists_every_source_with_its_address() -> None:
    listed = read("book/bibliography").select(".citation")
    assert len(listed) == len(references.read())
    links = {unquote(str(a["href"])) for entry in listed for a in entry.select("a[href]")}
    assert {unquote(source.address) for source in references.read()} <= links


def test_first_address_leads_to_the_introduction() -> None:
    root, first = parse(SITE / "index.html"), read(TOC["root"])
    refresh = root.select_one('meta[http-equiv="Refresh"]')
    assert isinstance(refresh, Tag)
    assert str(refresh["content"]).endswith(f"url={TOC['root']}.html")
    assert root.select_one("html[lang=en]")
    assert root.title is not None
    assert root.title.get_text() in str(first.title)
    said = [str(meta["content"]) for meta in first.select("meta[name=description]")]
    assert [str(meta["content"]) for meta in root.select("meta[name=description]")] == said != []
    assert root.select('meta[property="og:title"]')


@every_page
def test_ids_are_unique(page: str) -> None:
    found = ids(SITE / f"{page}.html")
    assert sorted(set(found)) == sorted(found)


@every_page
def test_what_a_page_shows_brings_no_style_sheet(page: str) -> None:
    assert parse(SITE / f"{page}.html").select("article style") == []


@every_page
def test_a_page_that_is_corrected_again_stays_as_it_is(page: str, tmp_path: Path) -> None:
    again = shutil.copy(SITE / f"{page}.html", tmp_path)
    selfcontained.correct(Path(again))
    assert Path(again).read_bytes() == (SITE / f"{page}.html").read_bytes()


def test_the_theme_does_not_lay_out_a_page_to_see_what_scrolls() -> None:
    """If its script has changed, `ASKS_TO_SCROLL` finds nothing to take away."""
    script = (SITE / "_static" / "scripts" / "pydata-sphinx-theme.js").read_text(encoding="utf-8")
    assert "scrollWidth" not in script


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def dark_palette() -> dict[str, str]:
    css = (ROOT / "book" / "_static" / "lrlib.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--lrlib-(\w+): (#[0-9a-f]{6});", css))


def test_every_colour_of_the_figures_has_a_dark_twin() -> None:
    assert dark_palette().keys() == PALETTE.keys()


@pytest.mark.parametrize("name", PALETTE)
def test_lines_stand_out_from_the_page(name: str) -> None:
    assert contrast(PALETTE[name], "#ffffff") >= 4.5
    # The darkest and the lightest ground that the theme has in dark mode.
    assert contrast(dark_palette()[name], "#121212") >= 4.5
    assert contrast(dark_palette()[name], "#29313d") >= 4.5


def test_signatures_name_types_without_their_modules() -> None:
    signatures = read("book/api-schedules").select("dt.sig")
    assert signatures
    for signature in signatures:
        assert "~" not in signature.get_text()


@every_page
def test_no_line_begins_with_the_mark_after_a_formula(page: str) -> None:
    """Browsers may break a line there: the two stand in an element that has no breaks."""
    for formula in read(page).select(".bd-article :not(annotation) > math"):
        after = formula.next_sibling
        if isinstance(after, str) and re.match(r"[^\s\w]", after):
            assert "lrlib-together" in formula.parent.get("class", []), (
                f"{formula.get_text()}{after[:9]}"
            )


@every_page
def test_no_line_begins_with_a_percent_sign(page: str) -> None:
    for part in read(page).select(".bd-article :is(p, li, td):not(:has(pre))"):
        code = "".join(each.get_text() for each in part.select("code"))
        loose = re.findall(r"\d %", part.get_text())
        assert len(loose) == len(re.findall(r"\d %", code)), part.get_text()
