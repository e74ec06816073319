"""One JupyterLab for all checks, with three chapters open in one window, as a reader has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import browser
from lab import Chapter, served
from playwright.sync_api import Browser, Page

__all__ = ["browser"]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with served(tmp_path_factory.mktemp("lab")) as address_and_notebooks:
        yield address_and_notebooks


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(address)
    page.locator(".jp-DirListing-item").first.wait_for()
    return page


@pytest.fixture(scope="session")
def window(browser: Browser, lab: tuple[str, Path]) -> Page:
    return opened(browser, lab[0])


@pytest.fixture(scope="session")
def another_window(browser: Browser, lab: tuple[str, Path]) -> Page:
    return opened(browser, lab[0].replace("/lab?", "/lab/workspaces/another?"))


@pytest.fixture(scope="session")
def cyclical(window: Page, lab: tuple[str, Path]) -> Chapter:
    return Chapter(window, lab[1] / "05-cyclical.ipynb")


@pytest.fixture(scope="session")
def warm_up(window: Page, lab: tuple[str, Path]) -> Chapter:
    return Chapter(window, lab[1] / "07-warm-up.ipynb")


@pytest.fixture(scope="session")
def finder(window: Page, lab: tuple[str, Path]) -> Chapter:
    return Chapter(window, lab[1] / "08-lr-finder.ipynb")


@pytest.fixture(params=["cyclical", "warm_up", "finder"])
def chapter(request: pytest.FixtureRequest) -> Chapter:
    return request.getfixturevalue(request.param)
