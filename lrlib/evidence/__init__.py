"""The recorded study: what was run, what came out, and what it says of the book's claims.

`read` gives the recorded runs of a setting. `figures` draws them, `tables` lists them with the
verdicts on the book's claims, `explorers` lets a reader move them, `matrix` shows claims ×
settings, `suggestions` judges what a learning-rate finder says. `settings` and `strategies` hold
one row each for what is compared and where; `study` says which runs there are to be.
"""

import importlib
from types import ModuleType

from lrlib.evidence.queries import Recorded

__all__ = ["explorers", "figures", "matrix", "read", "suggestions", "tables"]


def read(setting: str = "cnn-max") -> Recorded:
    """Read the recorded runs of one setting.

    Args:
        setting: A key of `lrlib.evidence.settings.SETTINGS`.

    Returns:
        The runs, which figures and tables take.

    Raises:
        ValueError: The setting is unknown, or a row is faulty; the message names file and line.

    Example:
        >>> recorded = read("cnn-max")
        >>> recorded.tuned_lr("cosine", "long")
        0.05
    """
    return Recorded(setting)


def __getattr__(name: str) -> ModuleType:
    if name in __all__:  # these draw: recording needs no matplotlib
        return importlib.import_module(f"lrlib.evidence.{name}")
    raise AttributeError(f"module 'lrlib.evidence' has no attribute {name!r}")
