"""What the checks of the site share."""

from collections.abc import Callable, Iterator

import pytest
from chromium import browser
from playwright.sync_api import Browser, BrowserContext

__all__ = ["browser"]


@pytest.fixture(scope="session")
def context_with(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Gives the context that has some options, always the same: a new one takes half a second."""
    known: dict[str, BrowserContext] = {}

    def context_with(**options: object) -> BrowserContext:
        key = repr(sorted(options.items()))
        if key not in known:
            known[key] = browser.new_context(**options)
        return known[key]

    yield context_with
    for context in known.values():
        context.close()
