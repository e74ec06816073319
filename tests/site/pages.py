"""The pages of the built site."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(page["file"] for part in TOC["parts"] for page in part["chapters"])]
NOTEBOOKS = [page for page in PAGES if page.startswith("notebooks/")]
MADE_BY_SPHINX = {"genindex", "py-modindex", "search"}

EVERY_PAGE = [*PAGES, *sorted(MADE_BY_SPHINX)]

every_page = pytest.mark.parametrize("page", EVERY_PAGE)
