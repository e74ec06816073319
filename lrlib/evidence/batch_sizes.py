"""How the best rate changes with the batch size, beside the rules that are used for it."""

from dataclasses import dataclass

from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.truths import Truth, truths

# The same network on the same images for as many epochs, at two batch sizes.
SMALL, LARGE = ("cnn-mean", "short"), ("large-batch", "brief")


@dataclass(frozen=True)
class Scaled:
    """One strategy at both batch sizes.

    Args:
        strategy: A key of `STRATEGIES`.
        small_lr: The best rate with small batches.
        large_lr: The best rate with large ones.
        rule: What the rule for the optimizer multiplies the rate by: the growth of the batch for
            SGD (Goyal et al. 2017), its square root for the others (Malladi et al. 2022).
        lost: What the rate of the rule loses with large batches, as `Truth.regret` counts it.
    """

    strategy: str
    small_lr: float
    large_lr: float
    rule: float
    lost: float

    @property
    def factor(self) -> float:
        """What the best rate was multiplied by."""
        return self.large_lr / self.small_lr


def growth() -> float:
    """Return how many times as large the large batches are."""
    (small, _), (large, _) = SMALL, LARGE
    return SETTINGS[large].batch_size / SETTINGS[small].batch_size


def scaled() -> list[Scaled]:
    """Return every strategy whose grid of rates is recorded at both batch sizes."""
    small, large = (_by_strategy(*where) for where in (SMALL, LARGE))
    return [_scaled(name, small[name], large[name]) for name in small if name in large]


def _by_strategy(setting: str, length: str) -> dict[str, Truth]:
    return {of.strategy: truth for of, truth in truths(setting).items() if of.length == length}


def _scaled(strategy: str, small: Truth, large: Truth) -> Scaled:
    rule = growth() if STRATEGIES[strategy].optimizer == "SGD" else growth() ** 0.5
    lost = large.regret(small.best_lr * rule)
    return Scaled(strategy, small.best_lr, large.best_lr, rule, lost)
