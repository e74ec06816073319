"""The recorded study: what was run, what came out, and which of the book's claims it supports.

`read` gives the recorded runs of a setting. `figures` draws them, `tables` lists them,
`explorers` adds controls to figures, `findings` says in sentences what came out, `matrix` shows in
which settings the claims about two strategies are supported, and `suggestions` judges the rules of
the learning-rate finder.

All of them use the words of the study:

- A **setting** says where strategies are compared: a task, a network, a batch size, and the
  lengths of its runs, each with a name, such as "short" or "long". `settings.SETTINGS` has them
  all, by keys: "cnn-max" and "cnn-mean" (in figures and tables the max-pooled and the mean-pooled
  network), "large-batch" (batch 1,024), "small-data" (2,000 images), "text", and "sparse" (word
  vectors).
- A **strategy** is an optimizer with a schedule: "cosine", say. `strategies.STRATEGIES` has them.
- The peak rate of a strategy is **tuned** for each setting and length. Runs at a **grid** of rates,
  each twice the one before, are judged on validation data, with **tuning seeds**; the rate with
  the best mean is the **tuned rate**.
- **Fresh seeds**, with which nothing was tuned, then give the results, mostly on test data.
- A **stage** is what a run was made for: "tuning"; "evaluation", with fresh seeds; or a side check,
  such as "edge", for the highest rate that still trains, and "finder", at the finder's suggestion.
- A run is **judged** on validation data after each epoch, or where a setting has no epochs, after
  a fixed number of steps.

`make record`, in a clone of the book, makes runs that are missing.
"""

import importlib
from types import ModuleType

from lrlib.evidence.queries import Recorded

__all__ = ["explorers", "figures", "findings", "matrix", "read", "suggestions", "tables"]


def read(setting: str = "cnn-max") -> Recorded:
    """Read the recorded runs of one setting, which come with lrlib.

    Args:
        setting: "cnn-max", "cnn-mean", "large-batch", "small-data", "text" or "sparse", the keys of
            `lrlib.evidence.settings.SETTINGS`. The default has the chapters' own network.

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
