"""Learning rates, run and tested: schedules, a finder, and a small network to try them on.

The modules load when they are first used, so `import lrlib` is cheap.
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    *("adaptive", "data", "evidence", "explore", "finder"),
    *("model", "plots", "schedules", "train"),
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"lrlib.{name}")
    raise AttributeError(f"module 'lrlib' has no attribute {name!r}")
