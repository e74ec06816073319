"""What the checks of the exports share with those of the site."""

from chromium import browser

__all__ = ["browser"]
