"""What a claim can measure: each function gives one number a pair, such as a seed.

The numbers of two strategies with the same key come from the same seed: the same first weights, the
same batches. Their differences are what a verdict is computed from.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean

from lrlib.evidence import side_checks
from lrlib.evidence.intervals import Interval
from lrlib.evidence.queries import Recorded, Values, interval, pair, subtract
from lrlib.evidence.rows import Row

Measure = Callable[..., Values]


def accuracy_on_test(
    recorded: Recorded,
    strategy: str,
    length: str,
    weight_decay: float | None = None,
    rate_of: str | None = None,
) -> Values:
    """Test accuracy after the last epoch at the tuned rate, in percent.

    `rate_of` takes another strategy's tuned rate instead.
    """
    other_lr = None if rate_of is None else recorded.tuned_lr(rate_of, length)
    return _tested(recorded.evaluated(strategy, length, weight_decay, other_lr))


def paired(recorded: Recorded, strategy: str, reference: str, length: str) -> Interval:
    """Return the mean paired difference of test accuracies, in points, and its 95 % interval."""
    own, other = (accuracy_on_test(recorded, each, length) for each in (strategy, reference))
    return interval(subtract(own, other))


def _tested(chosen: Sequence[Row]) -> Values:
    values: Values = {}
    for row in chosen:
        if row.test_accuracy is None:
            raise ValueError(f"{row.run.setting!r} is judged by its loss: it has no test accuracy")
        values[pair(row)] = 100 * row.test_accuracy
    return values


def validation_accuracy(recorded: Recorded, strategy: str, length: str, epoch: int) -> Values:
    """Validation accuracy after an epoch, counted from 1, at the tuned rate, in percent."""
    chosen = recorded.evaluated(strategy, length)
    judged = chosen[0].run.judged
    if not 1 <= epoch <= judged:
        raise ValueError(f"epoch must be from 1 to {judged}, got {epoch}")
    return {pair(row): recorded.value(row, epoch) for row in chosen}


def loss_fall(recorded: Recorded, strategy: str, length: str, at: float, within: float) -> Values:
    """How much the training loss falls within some epochs after the epoch `at`, in nats.

    Both losses are means over the three tenths of an epoch that end there.
    """
    return {
        pair(row): _loss_until(row, at) - _loss_until(row, at + within)
        for row in recorded.evaluated(strategy, length)
    }


def share_of_fall(
    recorded: Recorded, strategy: str, length: str, at: float, within: float, until: float
) -> Values:
    """Which share of the training loss's fall from epoch `at` to `until` comes `within` epochs."""
    first = loss_fall(recorded, strategy, length, at, within)
    whole = loss_fall(recorded, strategy, length, at, until - at)
    return {key: first[key] / whole[key] for key in whole}


def _loss_until(row: Row, epoch: float) -> float:
    """Mean over the three whole tenths of an epoch that end there."""
    end = math.floor(10 * epoch + 1e-6)
    return fmean(row.loss[end - 3 : end])


def edge(recorded: Recorded, strategy: str) -> Values:
    """The largest peak rate that still trains, as its logarithm to base 2."""
    found = recorded.beside("edge", strategy)
    largest = {pair(row): -math.inf for row in found}
    for row in found:
        if row.accuracy >= side_checks.TRAINS:
            largest[pair(row)] = max(math.log2(row.lr), largest[pair(row)])
    if -math.inf in largest.values():
        raise ValueError(f"{strategy} trains at no rate of the edge; add lower ones to EDGE_RATES")
    return largest


def finder_gain(recorded: Recorded, strategy: str) -> Values:
    """Test accuracy at the finder's suggestion above that at the tuned rate, in percent.

    Both are short runs with the same seed.
    """
    tuned = accuracy_on_test(recorded, strategy, "short")
    found = _tested(recorded.beside("finder", strategy))
    return {key: accuracy - tuned[key] for key, accuracy in found.items() if key in tuned}


def finder_distance(recorded: Recorded, strategy: str, rule: str = "halfway") -> Values:
    """How far a rule's suggestion lies above the tuned rate, in decades."""
    tuned = recorded.tuned_lr(strategy, "short")
    if tuned is None:
        return {}
    return {
        pair(row): math.log10(row.suggestions[rule] / tuned)
        for row in recorded.beside("finder", strategy)
    }


MEASURES: dict[str, tuple[Measure, str]] = {
    "test accuracy": (accuracy_on_test, "points"),
    "validation accuracy": (validation_accuracy, "points"),
    "fall of the training loss": (loss_fall, "nats"),
    "share of the fall": (share_of_fall, ""),
    "highest rate that still trains": (edge, "doublings"),
    "gain at the suggestion": (finder_gain, "points"),
    "suggestion compared with the tuned rate": (finder_distance, "decades"),
}
