"""A page of the book on its own: made from its cells, without the site around it."""

import ast
import functools
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
FRAME = """<!doctype html><html lang="en" data-theme="{theme}"><head><title>{title}</title>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="../_static/lrlib.css">
<style>html {{--pst-color-primary: #0a58ca; --pst-color-text-base: #222;
--pst-color-text-muted: #555; --pst-color-border: #ccc; --pst-color-background: #fff}}
html[data-theme="dark"] {{color-scheme: dark;
--pst-color-primary: #7ab8ff; --pst-color-text-base: #ddd; --pst-color-text-muted: #aaa;
--pst-color-border: #555; --pst-color-background: #14181e}} body {{font: 16px sans-serif;
color: var(--pst-color-text-base); background: var(--pst-color-background); margin: 1rem}}
a {{color: var(--pst-color-primary)}}</style>
<script src="../_static/lrlib.js"></script><script src="../_static/formulas.js"></script>
<script src="../_static/pieces.js"></script><script src="../_static/figures.js"></script>
</head><body><main><h1>{title}</h1>{shown}</main></body></html>"""


@functools.cache
def shown_by(name: str) -> str:
    """What the cells of `book/name.md` put out, those that end with an expression."""
    text = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
    cells = re.findall(
        r"```\{code-cell\} ipython3\n(?::tags:[^\n]*\n)?(.*?)```", text, flags=re.DOTALL
    )
    names: dict[str, object] = {}
    outputs = []
    for cell in cells:
        *first, last = ast.parse(cell).body
        ends_with_value = isinstance(last, ast.Expr)
        run = first if ends_with_value else [*first, last]
        exec(compile(ast.Module(run, []), f"{name}.md", "exec"), names)
        if ends_with_value:
            outputs.append(eval(compile(ast.Expression(last.value), f"{name}.md", "eval"), names))
    return "".join(output.data for output in outputs)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def served(name: str, title: str, folder: Path) -> Iterator[str]:
    """Serve `light.html`, `dark.html` and `name.html` at the address that this gives."""
    (folder / "book").mkdir()
    (folder / "_static").symlink_to(STATIC)
    for file, theme in (("light", "light"), ("dark", "dark"), (name, "light")):
        html = FRAME.format(theme=theme, title=title, shown=shown_by(name))
        (folder / "book" / f"{file}.html").write_text(html, encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/book/"
        server.shutdown()


@contextmanager
def opening(
    context_with: Callable[..., BrowserContext], address: str, ready: str, **usual: object
) -> Iterator[Callable[..., Page]]:
    """Give a function that opens the page in a state; in the end, ask whether one complained."""
    pages: list[Page] = []
    complaints: list[str] = []

    def open_page(state: str = "", theme: str = "light", **options: object) -> Page:
        page = context_with(**{**usual, **options}).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text))
        pages.append(page)
        page.goto(f"{address}{theme}.html{state}", wait_until="load")
        page.locator(ready).first.wait_for()
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [each for each in complaints if "404" not in each] == []


def follow(page: Page, name: str) -> None:
    """Go to `#name`, and return once the page has heard of it."""
    page.evaluate(
        """name => new Promise((done) => {
            addEventListener("hashchange", () => setTimeout(done), { once: true });
            location.hash = name;
        })""",
        name,
    )


def address_of(name: str, title: str):
    """Make a fixture: the address of a page on its own, which the tests of a file share."""

    @pytest.fixture(scope="module")
    def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        with served(name, title, tmp_path_factory.mktemp("site")) as address:
            yield address

    return address


def opener(ready: str, **usual: object):
    """Make a fixture that opens the page, and in the end asks whether it complained."""

    @pytest.fixture
    def open_page(context_with, address: str) -> Iterator[Callable[..., Page]]:
        with opening(context_with, address, ready, **usual) as open_page:
            yield open_page

    return open_page


def rests_without_scripts(browser: Browser, address: str, tool: str) -> None:
    """Assert that a tool shows a picture, and says what is missing, where no script runs."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}light.html")
    assert page.locator(f"{tool} figure svg").is_visible()
    assert "JavaScript" in page.locator(tool).inner_text()
    context.close()
