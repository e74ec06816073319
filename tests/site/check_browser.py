"""The built site in a real browser: `make test-site`.

It is served from a sub-path of 127.0.0.1, as project pages are; the browser can reach nothing else.
"""

import functools
import gzip
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import EVERY_PAGE, NOTEBOOKS, PAGES, SITE
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

PREFIX = "/learning-rates/"
CODE_IS_WITHIN_REACH = """[...document.querySelectorAll("pre")].every(
    (pre) => !pre.checkVisibility() || pre.scrollWidth <= pre.clientWidth || pre.tabIndex === 0)"""
# Until then nothing that was just unfolded has a size, and no page a new width.
NEXT_FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
LIGHTEST = {"page": 300_000, "html": 250_000, "site": 20_000_000}  # bytes
# How far what has been shown moves while a page opens.
MOVED = """new PerformanceObserver((list) => {
    for (const each of list.getEntries()) window.moved = (window.moved ?? 0) + each.value;
}).observe({ type: "layout-shift", buffered: true });"""

HOW_FAR = "window.moved ?? 0"
# What a theme can change of what axe looks for.
OF_A_THEME = ["color-contrast", "link-in-text-block"]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site below the prefix, and 404 elsewhere."""

    def translate_path(self, path: str) -> str:
        if not path.startswith(PREFIX):
            return str(SITE / "nothing-is-here")
        return super().translate_path("/" + path.removeprefix(PREFIX))

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    handler = functools.partial(Handler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


class Visit:
    """A page that is opened, and what happens meanwhile."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request))
        page.on("response", lambda response: self.responses.append(response))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def open_in(browser: Browser, address: str, mode: str = "light", **options) -> Visit:
    visit = Visit(browser.new_context(color_scheme=mode, **options).new_page())
    visit.page.add_init_script(MOVED)
    visit.page.goto(address)
    return visit


@pytest.fixture
def visit(browser: Browser, address: str):
    """Opens a page for one test, which may use it up."""
    visits = []

    def open_page(name: str, mode: str = "light", query: str = "", **options) -> Visit:
        visits.append(open_in(browser, f"{address}{name}.html{query}", mode, **options))
        return visits[-1]

    yield open_page
    for seen in visits:
        seen.page.context.close()


@pytest.fixture(scope="module", params=EVERY_PAGE)
def opened(request, browser: Browser, address: str):
    """A page, opened once; the last of its tests unfolds what is folded."""
    seen = open_in(browser, f"{address}{request.param}.html")
    seen.page.wait_for_load_state("networkidle")
    yield request.param, seen
    seen.page.context.close()


@pytest.fixture(scope="module", params=EVERY_PAGE)
def on_a_phone(request, browser: Browser):
    """A page as wide as a phone, opened once, from a folder; the last of its tests unfold it."""
    phone = {"viewport": {"width": 390, "height": 800}}
    seen = open_in(browser, f"{SITE.as_uri()}/{request.param}.html", **phone)
    seen.page.wait_for_load_state("networkidle")
    yield request.param, seen
    seen.page.context.close()


def lay_out(tab: Page) -> None:
    """All of a page, as where a reader has scrolled through it."""
    tab.add_style_tag(content=".cell { content-visibility: visible !important; }")
    tab.evaluate(NEXT_FRAME)


def unfold(tab: Page) -> None:
    tab.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    lay_out(tab)


# The lab and the race put what they draw in place of their first picture.
DRAWN_ANEW = {"book/lab", "book/race"}


def require_room_for_drawings(name: str, tab: Page) -> None:
    """Unfold what is folded: no drawing is wider than its place, or has letters below 11 px."""
    unfold(tab)
    found = tab.locator(".lrlib-figure").evaluate_all(
        """figures => figures.map(figure => {
            const picture = figure.querySelector(":scope > svg");
            const scale = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
            const sizes = [...picture.querySelectorAll("text")].map(
                text => scale * parseFloat(getComputedStyle(text).fontSize));
            return [figure.scrollWidth - figure.clientWidth, Math.min(...sizes),
                picture.getAttribute("aria-label")];
        })"""
    )
    assert found or name in DRAWN_ANEW or name not in pages_with('<figure class="lrlib-figure">')
    assert [each for each in found if each[0] > 0 or each[1] < 11] == []


def test_a_page_opens_quietly_and_asks_no_other_host(opened, address) -> None:
    _, seen = opened
    assert seen.complaints == []
    assert [r.url for r in seen.requests if not r.url.startswith((address, "data:"))] == []
    assert [(r.status, r.url) for r in seen.responses if r.status >= 400] == []


def test_what_is_shown_stays_where_it_is(opened) -> None:
    assert opened[1].page.evaluate(HOW_FAR) < 0.05


def test_a_page_is_light(opened) -> None:
    name, seen = opened
    bodies = {response.url: response.body() for response in seen.responses}
    sizes = {url: len(gzip.compress(body)) for url, body in bodies.items()}
    html = next(size for url, size in sizes.items() if url.endswith(f"{name}.html"))
    assert html <= LIGHTEST["html"]
    assert sum(sizes.values()) <= LIGHTEST["page"], sizes


def test_nothing_moves_where_motion_is_not_wanted(opened) -> None:
    tab = opened[1].page
    tab.emulate_media(reduced_motion="reduce")
    moving = "document.getAnimations().map(a => [a.transitionProperty, a.effect.target.outerHTML])"
    assert tab.evaluate(moving) == []
    tab.emulate_media(reduced_motion="no-preference")


def test_what_is_shown_stays_where_it_is_on_a_phone(on_a_phone) -> None:
    assert on_a_phone[1].page.evaluate(HOW_FAR) < 0.05


def test_a_page_opens_from_a_folder(on_a_phone) -> None:
    _, seen = on_a_phone
    assert seen.complaints == []
    assert {r.url.split(":")[0] for r in seen.requests} <= {"file", "data"}
    assert seen.page.get_by_role("heading", level=1).first.is_visible()


SMALL_LETTERS = """() => {
    const small = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const { data, parentElement: place } = texts.currentNode;
        if (!data.trim() || !place.checkVisibility() || place.closest("svg, math")) continue;
        if (parseFloat(getComputedStyle(place).fontSize) < 11) small.add(data.trim());
    }
    return [...small];
}"""


def test_no_letter_is_smaller_than_eleven_pixels(opened) -> None:
    """Those of drawings and formulas have tests of their own."""
    assert opened[1].page.evaluate(SMALL_LETTERS) == []


def test_a_page_does_not_scroll_sideways(on_a_phone) -> None:
    tab = on_a_phone[1].page
    usual = tab.viewport_size
    for width in (usual["width"], 320, 820):
        tab.set_viewport_size({**usual, "width": width})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.set_viewport_size(usual)
    # A script may run at the new width before the browser has laid out the page and told so.
    tab.wait_for_function("width => innerWidth === width", arg=usual["width"])
    tab.evaluate(NEXT_FRAME)


def test_a_short_piece_of_code_stays_in_one_line(on_a_phone) -> None:
    broken = on_a_phone[1].page.evaluate(
        """() => [...document.querySelectorAll(".bd-article code:not(pre code)")]
            .filter((code) => code.textContent.length <= 20 && code.getClientRects().length > 1)
            .map((code) => code.textContent)"""
    )
    assert broken == []


def test_what_scrolls_shows_it_and_is_within_reach_of_the_keyboard(on_a_phone) -> None:
    tab = on_a_phone[1].page
    unfold(tab)
    tab.wait_for_function(CODE_IS_WITHIN_REACH)
    unmarked = tab.locator(".bd-article *").evaluate_all(
        """elements => elements.filter(each => {
            const style = getComputedStyle(each);
            const scrolls = each.scrollWidth > each.clientWidth && style.overflowX === "auto";
            return scrolls && (each.tabIndex !== 0 || style.backgroundImage === "none");
        }).map(each => each.outerHTML.slice(0, 120))"""
    )
    assert unmarked == []


def test_a_drawing_fits_a_phone_and_its_text_can_be_read(on_a_phone) -> None:
    name, seen = on_a_phone
    require_room_for_drawings(name, seen.page)


def test_a_figure_with_controls_fits_a_phone_and_its_text_can_be_read(on_a_phone) -> None:
    tab = on_a_phone[1].page
    unfold(tab)
    figures = tab.locator(".lrlib-explore .lrlib-frame").evaluate_all(
        """frames => frames.map(frame => ({
            tooWide: frame.scrollWidth - frame.clientWidth,
            texts: [...frame.querySelectorAll(".lrlib-panel text")].map(text => ({
                words: text.textContent,
                size: parseFloat(getComputedStyle(text).fontSize),
                beyond: text.getBoundingClientRect().right - frame.getBoundingClientRect().right,
            })),
        }))"""
    )
    assert len(figures) == len(explorers(tab))
    assert [each for each in figures if each["tooWide"] > 0] == []
    texts = [text for each in figures for text in each["texts"]]
    assert [text for text in texts if text["size"] < 11 or text["beyond"] > 1] == []


def test_formulas_are_drawn_without_a_script(browser, address) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}notebooks/06-adaptive.html", wait_until="networkidle")
    root = tab.locator(".lrlib-formula msqrt").first.bounding_box()
    below = tab.locator(".lrlib-formula msqrt > *").first.bounding_box()
    assert root and below  # noqa: PT018
    assert root["width"] > below["width"] + 5, "the sign of the root takes room"
    assert root["width"] < below["width"] + 16, "and there is none behind it"
    context.close()


@pytest.mark.parametrize("page", ["book/cheatsheet", "notebooks/06-adaptive"])
def test_a_root_neither_touches_what_it_covers_nor_hangs_below_it(
    context_with, address, page
) -> None:
    with context_with(viewport={"width": 1280, "height": 900}).new_page() as tab:
        tab.goto(f"{address}{page}.html")
        roots = tab.evaluate(
            """[...document.querySelectorAll("msqrt")].map(root => {
                const size = parseFloat(getComputedStyle(root).fontSize);
                const boxes = [root, ...root.children].map(each => each.getBoundingClientRect());
                const [own, ...below] = boxes;
                return {
                    room: (Math.min(...below.map(box => box.top)) - own.top) / size,
                    hangs: (own.bottom - Math.max(...below.map(box => box.bottom))) / size,
                };
            })"""
        )
    assert roots
    assert [root for root in roots if root["room"] < 0.25 or root["hangs"] > 0.2] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_names_of_the_settings_stay_in_sight(context_with, address, width) -> None:
    with context_with(viewport={"width": width, "height": 900}).new_page() as tab:
        tab.goto(f"{address}book/claims.html")
        row = tab.locator(".lrlib-matrix tbody tr").last
        row.scroll_into_view_if_needed()
        row.evaluate("row => row.scrollIntoView({block: 'end'})")
        bars, names = (
            tab.locator(where).evaluate_all(
                "all => all.map(e => e.getBoundingClientRect().toJSON())"
            )
            for where in (".bd-header-article", ".lrlib-matrix thead th")
        )
    assert len(names) == 7
    below = max(bar["bottom"] for bar in bars)
    assert [name for name in names if not below - 1 <= name["top"] < name["bottom"] < 250] == []


def test_a_page_has_few_elements(opened) -> None:
    """A phone lays out and styles each of them, also where it is hidden."""
    name, seen = opened
    most = 8_000 if name == "book/mistakes" else 4_000
    assert seen.page.evaluate("document.querySelectorAll('*').length") <= most


def violations(tab: Page, **options: object) -> list[object]:
    options["resultTypes"] = ["violations"]
    found = Axe().run(tab, options=options).response["violations"]
    return [(v["id"], v["help"], [n["target"] for n in v["nodes"]][:5]) for v in found]


def test_a_page_is_accessible(opened) -> None:
    tab = opened[1].page
    tab.evaluate(NEXT_FRAME)
    tab.wait_for_function(CODE_IS_WITHIN_REACH)
    lay_out(tab)  # else most of it would not be judged
    assert violations(tab) == []


def test_a_page_turns_dark_with_its_reader_and_can_be_read_then(opened) -> None:
    _, seen = opened
    seen.complaints.clear()  # axe looks for style sheets where there are none
    root = seen.page.locator("html")
    for mode in ("light", "dark"):
        # Where motion is not wanted, no colour is on its way to another.
        seen.page.emulate_media(color_scheme=mode, reduced_motion="reduce")
        expect(root).to_have_attribute("data-theme", mode)
    assert seen.complaints == []
    assert violations(seen.page, runOnly=OF_A_THEME) == []
    seen.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    expect(root).to_have_attribute("data-theme", "light")


LETTERS_IN_LINES = """() => {
    const lines = [];
    for (const paragraph of document.querySelectorAll(".bd-article section > p")) {
        const texts = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
        let foot = null;
        while (texts.nextNode()) {
            for (let at = 0; at < texts.currentNode.length; at += 1) {
                const letter = document.createRange();
                letter.setStart(texts.currentNode, at);
                letter.setEnd(texts.currentNode, at + 1);
                const [box] = letter.getClientRects();
                if (!box?.width) continue;
                if (foot === null || box.top > foot) lines.push(0);
                foot = box.bottom;
                lines[lines.length - 1] += 1;
            }
        }
    }
    return lines;
}"""


@pytest.mark.parametrize("width", [820, 1280, 1600])
@pytest.mark.parametrize("page", ["book/choosing", "notebooks/05-cyclical"])
def test_a_line_has_seventy_to_eighty_letters_of_the_books_own_face(visit, page, width) -> None:
    tab = visit(page, viewport={"width": width, "height": 900}).page
    assert 70 <= median(tab.evaluate(LETTERS_IN_LINES)) <= 80
    kinds = tab.evaluate(
        """[...document.fonts].filter(face => face.status === "loaded"
            && face.family.includes("Source Sans")).map(face => face.style)"""
    )
    assert {"normal", "italic"} <= {*kinds}


def test_a_browser_lays_out_what_is_about_to_be_seen(visit) -> None:
    """A chapter's cells hold most of its elements: a slow phone cannot lay out all at once."""
    cells = visit("notebooks/08-lr-finder").page.locator(".cell")
    near = "cell => cell.firstElementChild.checkVisibility({ contentVisibilityAuto: true })"
    assert cells.first.evaluate(near)
    assert not cells.last.evaluate(near)
    cells.last.scroll_into_view_if_needed()
    cells.page.evaluate(NEXT_FRAME)
    assert cells.last.evaluate(near)


def test_a_drawing_fits_its_page_and_its_text_can_be_read(opened) -> None:
    name, seen = opened
    require_room_for_drawings(name, seen.page)


def test_the_site_is_light() -> None:
    assert sum(file.stat().st_size for file in SITE.rglob("*")) <= LIGHTEST["site"]


def explorers(page: Page) -> list[Locator]:
    return page.locator(".lrlib-explore").all()


def shown(explorer: Locator) -> str:
    """What is drawn, which can be seen."""
    explorer.scroll_into_view_if_needed()
    box = explorer.locator(".lrlib-panel svg[role=img]").first.bounding_box()
    assert box
    assert min(box["width"], box["height"]) > 100
    return explorer.locator(".lrlib-frame").inner_html()


def pages_with(trace: str) -> list[str]:
    return [page for page in PAGES if trace in (SITE / f"{page}.html").read_text("utf-8")]


def press_all(tab: Page, press: Callable[[float, float], None]) -> None:
    for explorer in explorers(tab):
        for control in explorer.locator("input").all():
            control.scroll_into_view_if_needed()
            tab.evaluate(NEXT_FRAME)  # what comes into view is laid out
            before = shown(explorer)  # once the figure is drawn nothing moves
            box = control.bounding_box()
            assert box is not None
            # A slider is pressed at the end where it is not, a box in its middle.
            end = 2 if control.input_value() != "0" else box["width"] - 2
            is_box = control.get_attribute("type") == "checkbox"
            x = box["width"] / 2 if is_box else end
            press(box["x"] + x, box["y"] + box["height"] / 2)
            assert shown(explorer) != before


WITH_CONTROLS = pages_with('class="lrlib-explore"')


@pytest.fixture(scope="module", params=WITH_CONTROLS)
def controlled(request, browser: Browser, address: str):
    """A page with controls, opened once."""
    tab = open_in(browser, f"{address}{request.param}.html").page
    yield tab
    tab.context.close()


def test_every_control_moves_its_figure_by_mouse(controlled) -> None:
    press_all(controlled, controlled.mouse.click)


@pytest.mark.parametrize("page", WITH_CONTROLS)
def test_every_control_moves_its_figure_by_touch(visit, page) -> None:
    tab = visit(page, viewport={"width": 390, "height": 800}, has_touch=True).page
    press_all(tab, tab.touchscreen.tap)


def test_every_control_moves_its_figure_by_keyboard(controlled) -> None:
    for explorer in explorers(controlled):
        for control in explorer.locator("input").all():
            before = shown(explorer)
            control.focus()
            if control.get_attribute("type") == "checkbox":
                controlled.keyboard.press("Space")
            else:
                towards = "ArrowLeft" if control.input_value() != "0" else "ArrowRight"
                controlled.keyboard.press(towards)
            assert shown(explorer) != before
            outline = control.evaluate("e => getComputedStyle(e).outlineStyle")
            assert outline != "none", "the focus cannot be seen"


@pytest.mark.parametrize("page", pages_with('class="lrlib-choices"'))
def test_a_comparison_says_what_it_shows(visit, page) -> None:
    tab = visit(page).page
    lay_out(tab)
    (explorer,) = [e for e in explorers(tab) if e.locator("input[type=checkbox]").count()]
    picture = explorer.locator(".lrlib-frame svg[role=img]").first
    for box in explorer.locator("input").all():
        name = box.locator("xpath=..").inner_text().strip()
        for _ in range(2):
            box.click()
            names = (picture.get_attribute("aria-label") or "").split("Shown: ")[1].rstrip(".")
            assert (name in names.split("; ")) == box.is_checked()


def told_by(choices: Locator, place: Locator) -> list[str]:
    """What a place says when each of the answers is chosen: no two say the same."""
    told = []
    for choice in choices.all():
        choice.check()
        told.append(place.inner_text())
    assert len(set(told)) == len(told)
    return told


def test_every_notebook_scores_predictions() -> None:
    assert set(NOTEBOOKS) == set(pages_with('class="lrlib-score"'))


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_prediction_is_scored_and_a_quiz_explained_without_a_kernel(visit, page) -> None:
    tab = visit(page).page
    lay_out(tab)  # a score is far below its question
    for score in tab.locator(".lrlib-score").all():
        key = score.locator("a").get_attribute("href")
        told = told_by(tab.locator(f"{key} input"), score)
        assert sum(text.startswith("✓ You said") for text in told) == 1
    for quiz in tab.locator(".lrlib-quiz").all():
        explained = quiz.locator("[role=status]")
        assert explained.inner_text() == ""
        told = told_by(quiz.locator("input"), explained)
        assert sum(text.startswith("✓ Right.") for text in told) == 1


def test_a_slider_begins_and_stops_at_the_values_of_the_chapter(visit) -> None:
    tab = visit("notebooks/02-step-decay").page
    interval, factor = tab.locator(".lrlib-explore").first.locator("input").all()
    told = [control.locator("xpath=../output") for control in (interval, factor)]
    for each, first in zip(told, ("117", "0.5"), strict=True):
        expect(each).to_have_text(first)
    interval.focus()
    tab.keyboard.press("ArrowRight")
    expect(told[0]).to_have_text("118")
    for control, ends in ((interval, ("20", "350")), (factor, ("0.1", "1"))):
        control.focus()
        for key, end in zip(("Home", "End"), ends, strict=True):
            tab.keyboard.press(key)
            assert control.locator("xpath=../output").inner_text() == end
            assert control.get_attribute("aria-valuetext") == end


def test_without_scripts_a_figure_shows_its_first_state_and_rests(browser, address) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}notebooks/02-step-decay.html")
    explorer = tab.locator(".lrlib-explore").first
    assert explorer.locator(".lrlib-frame svg").first.is_visible()
    assert explorer.locator("input").first.is_disabled()
    explorer.scroll_into_view_if_needed()  # what is out of sight is not laid out
    expect(explorer).to_contain_text("JavaScript", use_inner_text=True)
    context.close()


def test_every_notebook_has_controls() -> None:
    assert set(NOTEBOOKS) <= set(pages_with('class="lrlib-explore"'))


def test_the_cheat_sheet_is_one_sheet_when_printed_with_all_that_it_holds(visit) -> None:
    tab = visit("book/cheatsheet").page
    tables = tab.locator(".bd-article table").all()
    tab.emulate_media(media="print")
    assert [each.is_visible() for each in tables] == [True] * 4
    pdf = tab.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2


QUERIES = {
    "warm up": "notebooks/07-warm-up",
    "warmup": "notebooks/07-warm-up",
    "what learning rate should I use": "book/choosing",
    "plateau": "notebooks/02-step-decay",
    "one cycle": "notebooks/05-cyclical",
    "adamw": "notebooks/06-adaptive",
    "cosine": "notebooks/04-cosine-annealing",
    "CosineAnnealingLR": "notebooks/04-cosine-annealing",
    "lr finder": "notebooks/08-lr-finder",
    "muon": "notebooks/06-adaptive",
    "install": "book/setup",
    "gradient clipping": "notebooks/07-warm-up",
}


@pytest.fixture(scope="module")
def search(browser: Browser):
    """A tab that keeps the index once it has it."""
    tab = browser.new_page()
    yield tab
    tab.close()


@pytest.mark.parametrize(("words", "page"), QUERIES.items())
def test_the_search_shows_the_right_page_first_and_says_why(search, address, words, page) -> None:
    search.goto(f"{address}search.html?q={words}")
    search.locator("ul.search li p.context").first.wait_for()
    first = search.locator("ul.search li").first
    assert page in (first.locator("a").get_attribute("href") or "")
    snippet = first.locator("p.context").inner_text()
    assert len(snippet.split()) > 10
    assert re.search(r"import |plots\.show|(\d+(\.\d+)? ){5}", snippet) is None, snippet


def test_no_icon_lies_on_the_words_of_a_search(search, address) -> None:
    search.goto(f"{address}search.html")
    icon, words = search.locator("form.bd-search:visible").evaluate(
        """form => {
            const field = form.querySelector("input");
            const icon = form.querySelector(".fa-magnifying-glass").getBoundingClientRect();
            const padding = parseFloat(getComputedStyle(field).paddingLeft);
            return [icon.right, field.getBoundingClientRect().left + padding];
        }"""
    )
    assert 0 < icon < words


def test_the_words_of_a_search_are_marked_where_it_leads_until_escape(visit) -> None:
    tab = visit("search", query="?q=plateau").page
    tab.locator("ul.search li p.context").first.wait_for()
    tab.locator("ul.search li a").first.click()
    tab.wait_for_load_state("networkidle")
    marked = "() => [...(CSS.highlights.get('lrlib-hit') ?? [])].map(String)"
    hits = tab.evaluate(marked)
    assert {hit.lower() for hit in hits} == {"plateau"}
    assert len(hits) > 2
    tab.keyboard.press("Escape")
    assert tab.evaluate(marked) == []
    tab.reload(wait_until="networkidle")
    assert tab.evaluate(marked) == []


def test_the_contents_follow_a_reader_who_leaps(visit) -> None:
    tab = visit("notebooks/04-cosine-annealing", viewport={"width": 1600, "height": 900}).page
    tab.wait_for_load_state("networkidle")
    named = set()
    for _ in range(12):
        tab.keyboard.press("PageDown")
        tab.wait_for_function(
            """() => {
                const headings = [...document.querySelectorAll("article :is(h2, h3)")];
                const above = headings.filter(each => each.getBoundingClientRect().top < 260);
                const marked = document.querySelector("#pst-page-toc-nav a.active");
                return above.length && marked?.hash === `#${above.at(-1).parentElement.id}`;
            }"""
        )
        named.add(tab.locator("#pst-page-toc-nav a.active").inner_text())
    assert len(named) > 4


def test_a_symptom_leads_to_an_open_mistake(visit) -> None:
    tab = visit("book/mistakes").page
    faulty = tab.locator("#a-second-cosine-on-the-same-optimizer .lrlib-faulty").first
    expect(faulty).to_be_hidden()
    tab.get_by_role("link", name="A second cosine on the same optimizer").first.click()
    expect(faulty).to_be_visible()
    repaired = tab.locator("#a-second-cosine-on-the-same-optimizer .lrlib-repaired").first
    border = "e => getComputedStyle(e.querySelector('.cell_input')).borderLeftColor"
    assert faulty.evaluate(border) != repaired.evaluate(border)


def test_the_switch_changes_the_colours_of_page_and_figures(visit) -> None:
    tab = visit("notebooks/04-cosine-annealing", "light").page
    colour = "e => getComputedStyle(e).color"
    figure = tab.locator(".lrlib-frame svg[role=img]").first
    light = tab.locator("body").evaluate(colour), figure.evaluate(colour)
    for _ in range(3):
        if tab.locator("html").get_attribute("data-theme") == "dark":
            break
        tab.locator("button.theme-switch-button").first.click()
    dark = tab.locator("body").evaluate(colour), figure.evaluate(colour)
    assert light[0] != dark[0]
    assert light[1] != dark[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_uses_a_keyboard_sees_where_they_are(visit, scheme) -> None:
    """Every stop of the Tab key on the way into a page has an outline or a line of its own."""
    tab = visit("notebooks/01-fixed", scheme).page
    marked = """() => {
        const style = getComputedStyle(document.activeElement);
        const line = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
        const shade = style.boxShadow !== "none" && !style.boxShadow.startsWith("rgba(0, 0, 0, 0)");
        return [line || shade, document.activeElement.outerHTML.slice(0, 120)];
    }"""
    for _ in range(30):
        tab.keyboard.press("Tab")
        seen, element = tab.evaluate(marked)
        assert seen, element


def test_the_files_of_a_folder_are_what_is_served() -> None:
    assert Path(SITE / "index.html").is_file()
