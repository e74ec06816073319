"""What the checks of the site share."""

from chromium import browser

__all__ = ["browser"]
