"""What a claim can measure: each function gives one number a pair, such as a seed.

The numbers of two variants with the same key come from the same seed: the same first weights, the
same batches. Their differences are what a verdict is computed from.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean

from lrlib.evidence import rows, study
from lrlib.evidence.rows import Row
from lrlib.evidence.study import EPOCHS, WEIGHT_DECAY

Pair = tuple[int, str]
Values = dict[Pair, float]
Measure = Callable[..., Values]


def pair(row: Row) -> Pair:
    """Return what two runs have in common that may be compared: the seed, and the hardware."""
    return row.run.seed, row.machine


def subtract(left: Values, right: Values) -> list[float]:
    """Subtract within each pair, in the order of the seeds.

    Raises:
        ValueError: A seed is recorded on one side alone, or there are fewer than two pairs.
    """
    machines = {machine for _, machine in left} & {machine for _, machine in right}
    alone = sorted({seed for seed, machine in left.keys() ^ right.keys() if machine in machines})
    if alone:
        seeds = ", ".join(map(str, alone))
        raise ValueError(f"recorded for one of the two alone: seed {seeds}; run `make record`")
    pairs = sorted(left.keys() & right.keys())
    if len(pairs) < 2:
        raise ValueError(f"{len(pairs)} seeds in common that ran on the same hardware")
    return [left[each] - right[each] for each in pairs]


def _main(
    record: Sequence[Row], variant: str, budget: str, weight_decay: float = WEIGHT_DECAY
) -> list[Row]:
    """Return the rows at the tuned rate with fresh seeds, at the usual weight decay or another."""
    stage = "main" if weight_decay == WEIGHT_DECAY else "decay"
    chosen = rows.select(record, stage, variant, budget)
    return [row for row in chosen if row.run.weight_decay == weight_decay]


def accuracy_on_test(
    record: Sequence[Row],
    variant: str,
    budget: str,
    weight_decay: float = WEIGHT_DECAY,
    rate_of: str | None = None,
) -> Values:
    """Test accuracy after the last epoch at the tuned rate, in percent.

    `rate_of` takes another variant's tuned rate instead.
    """
    if rate_of is None:
        return _tested(_main(record, variant, budget, weight_decay))
    other_lr = study.tuned_lr(rows.results(record), rate_of, budget)
    swapped = rows.select(record, "swap", variant, budget)
    return _tested([row for row in swapped if row.lr == other_lr])


def _tested(chosen: Sequence[Row]) -> Values:
    return {pair(row): 100 * float(row.test_accuracy or 0) for row in chosen}


def validation_accuracy(record: Sequence[Row], variant: str, budget: str, epoch: int) -> Values:
    """Validation accuracy after an epoch, counted from 1, at the tuned rate, in percent."""
    if not 1 <= epoch <= EPOCHS[budget]:
        raise ValueError(f"epoch must be from 1 to {EPOCHS[budget]}, got {epoch}")
    return {
        pair(row): 10.0 if row.diverged else 100 * row.val_accuracy[epoch - 1]
        for row in _main(record, variant, budget)
    }


def loss_fall(record: Sequence[Row], variant: str, budget: str, at: float, within: float) -> Values:
    """How much the training loss falls within some epochs after the epoch `at`, in nats.

    Both losses are means over the three tenths of an epoch that end there.
    """
    return {
        pair(row): _loss_until(row, at) - _loss_until(row, at + within)
        for row in _main(record, variant, budget)
    }


def share_of_fall(
    record: Sequence[Row], variant: str, budget: str, at: float, within: float, until: float
) -> Values:
    """Which share of the training loss's fall from epoch `at` to `until` comes `within` epochs."""
    first = loss_fall(record, variant, budget, at, within)
    whole = loss_fall(record, variant, budget, at, until - at)
    return {key: first[key] / whole[key] for key in whole}


def _loss_until(row: Row, epoch: float) -> float:
    """Mean over the three whole tenths of an epoch that end there."""
    end = math.floor(10 * epoch + 1e-6)
    return fmean(row.loss[end - 3 : end])


def edge(record: Sequence[Row], variant: str) -> Values:
    """The largest peak rate that still trains, as its logarithm to base 2."""
    rows_of_edge = rows.select(record, "edge", variant, "short")
    largest = {pair(row): -math.inf for row in rows_of_edge}
    for row in rows_of_edge:
        if row.accuracy >= study.TRAINS:
            largest[pair(row)] = max(math.log2(row.lr), largest[pair(row)])
    if -math.inf in largest.values():
        raise ValueError(f"{variant} trains at no rate of the edge; add lower ones to EDGE_RATES")
    return largest


def finder_gain(record: Sequence[Row], variant: str) -> Values:
    """Test accuracy at the finder's suggestion above that at the tuned rate, in percent.

    Both are short runs with the same seed.
    """
    tuned = accuracy_on_test(record, variant, "short")
    found = _tested(_finder(record, variant))
    return {key: accuracy - tuned[key] for key, accuracy in found.items() if key in tuned}


def finder_distance(record: Sequence[Row], variant: str, rule: str = "halfway") -> Values:
    """How far a rule's suggestion lies above the tuned rate, in decades."""
    tuned = study.tuned_lr(rows.results(record), variant, "short")
    if tuned is None:
        return {}
    return {
        pair(row): math.log10(row.suggestions[rule] / tuned) for row in _finder(record, variant)
    }


def finder_disagreement(record: Sequence[Row], variant: str) -> Values:
    """The largest of the four suggestions over the smallest, in decades."""
    return {
        pair(row): math.log10(max(row.suggestions.values()) / min(row.suggestions.values()))
        for row in _finder(record, variant)
    }


def _finder(record: Sequence[Row], variant: str) -> list[Row]:
    return rows.select(record, "finder", variant, "short")


MEASURES: dict[str, tuple[Measure, str]] = {
    "test accuracy": (accuracy_on_test, "points"),
    "validation accuracy": (validation_accuracy, "points"),
    "fall of the training loss": (loss_fall, "nats"),
    "share of the fall": (share_of_fall, ""),
    "largest rate that trains": (edge, "doublings"),
    "gain at the suggestion": (finder_gain, "points"),
    "distance from the tuned rate": (finder_distance, "decades"),
    "disagreement of the rules": (finder_disagreement, "decades"),
}
