"""One JupyterLab for all checks, with three chapters open in one window, as a reader has them."""

from collections.abc import Iterator

import pytest
from chromium import browser
from lab import PATIENCE, Chapter, served
from playwright.sync_api import Browser, Page

__all__ = ["browser"]


@pytest.fixture(scope="session")
def window(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served(tmp_path_factory.mktemp("lab")) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.locator(".jp-DirListing-item").first.wait_for()
        yield page
        page.close()


@pytest.fixture(scope="session")
def cyclical(window: Page) -> Chapter:
    return Chapter(window, "05-cyclical")


@pytest.fixture(scope="session")
def warm_up(window: Page) -> Chapter:
    return Chapter(window, "07-warm-up")


@pytest.fixture(scope="session")
def finder(window: Page) -> Chapter:
    return Chapter(window, "08-lr-finder")


@pytest.fixture(params=["cyclical", "warm_up", "finder"])
def chapter(request: pytest.FixtureRequest) -> Chapter:
    opened: Chapter = request.getfixturevalue(request.param)
    opened.show()
    return opened
