"""Ids for what is shown: JupyterLab has one document for all chapters that are open in it."""

import itertools
import os
import secrets

_kernel = secrets.token_hex(4)
_numbers = itertools.count(1)


def new_id(kind: str) -> str:
    """Return an id that no other output has, of this kernel or of another.

    A page of the book holds the outputs of one kernel: a plain number keeps its text the same from
    build to build.
    """
    kernel = "" if os.environ.get("LRLIB_STATIC") else f"{_kernel}-"
    return f"{kind}-{kernel}{next(_numbers)}"
