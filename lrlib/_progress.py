"""A bar that shows how far a run is."""

import os
import sys

from tqdm import tqdm


class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """A bar of text, which goes when it is done. On a page of the book there is none.

    A bar of widgets would be an error in every saved notebook, and red is what notebooks print on
    standard error.
    """

    def __init__(self, total: int, unit: str, *, disable: bool = False, **options: bool) -> None:
        super().__init__(
            total=total,
            unit=unit,
            leave=False,
            disable=disable or bool(os.environ.get("LRLIB_STATIC")),
            file=sys.stdout if "ipykernel" in sys.modules else sys.stderr,
            **options,
        )
