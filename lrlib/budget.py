"""How much the notebooks train: the budget is quick, or full."""

import os
from typing import NamedTuple


class Budget(NamedTuple):
    """How much data and time the runs of a notebook get.

    Args:
        name: "quick" or "full".
        n_train: Training images.
        epochs: Passes over them.
    """

    name: str
    n_train: int
    epochs: int


_BUDGETS = (Budget("quick", n_train=15_000, epochs=3), Budget("full", n_train=45_000, epochs=10))


def budget() -> Budget:
    """Read from the environment variable `LRLIB_BUDGET` how much the notebooks train.

    It is `quick` (the default: 15,000 images, 3 epochs) or `full` (45,000 images, 10 epochs). Both
    run the same code.

    Returns:
        The budget, a named tuple: its name, a string; `n_train`, the number of training images; and
        `epochs`, the passes over them.

    Raises:
        ValueError: `LRLIB_BUDGET` is neither.

    Example:
        >>> name, n_train, epochs = budget()
        >>> (n_train, epochs) == {"quick": (15_000, 3), "full": (45_000, 10)}[name]
        True
    """
    name = os.environ.get("LRLIB_BUDGET", "quick")
    for choice in _BUDGETS:
        if choice.name == name:
            return choice
    raise ValueError(
        f"LRLIB_BUDGET must be quick or full, got {name!r}; change it, or unset it for quick"
    )
