"""How the best rate changed with the batch size, recomputed from the recorded runs."""

import math
import re

import pytest

from lrlib.evidence import batch_sizes, tables
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES

SCALED = {each.strategy: each for each in batch_sizes.scaled()}


def ended(where, strategy):
    """The accuracy of every run of a grid, by its rate, read from the rows themselves."""
    setting, length = where
    return {
        row.lr: row.val_accuracy[-1]
        for row in Recorded(setting).rows
        if row.run.seed == 100
        and (row.run.strategy, row.run.length) == (strategy, length)
        and row.run.stage in ("tuning", "far")
    }


def test_both_sides_saw_as_many_images():
    seen = {
        SETTINGS[name].lengths[length] // SETTINGS[name].judged_every
        for name, length in (batch_sizes.SMALL, batch_sizes.LARGE)
    }
    assert seen == {2}
    assert batch_sizes.growth() == 8


def test_sgd_and_adam_are_among_them():
    assert {"fixed", "warmup-cosine", "adamw", "adamw-warmup-cosine"} <= SCALED.keys()


@pytest.mark.parametrize("strategy", SCALED)
def test_the_best_rates_are_those_of_the_best_runs(strategy):
    found = SCALED[strategy]
    small, large = (ended(where, strategy) for where in (batch_sizes.SMALL, batch_sizes.LARGE))
    assert small[found.small_lr] == max(small.values())
    assert large[found.large_lr] == max(large.values())
    assert found.factor == found.large_lr / found.small_lr


@pytest.mark.parametrize("strategy", SCALED)
def test_the_rule_is_linear_for_sgd_and_a_square_root_for_the_others(strategy):
    sgd = STRATEGIES[strategy].optimizer == "SGD"
    assert SCALED[strategy].rule == pytest.approx(8 if sgd else math.sqrt(8))


def test_a_rate_of_the_grid_loses_what_its_run_lost():
    """Eight times 0.025 is a rate of the grid of large batches, so nothing is interpolated."""
    found, accuracies = SCALED["fixed"], ended(batch_sizes.LARGE, "fixed")
    best, ruled = accuracies[found.large_lr], accuracies[8 * found.small_lr]
    assert found.lost == pytest.approx((best - ruled) / (best - 0.1))


def test_the_table_has_a_line_for_each_strategy():
    lines = re.findall(r'<th scope="row">(.*?)</th>', tables.batch_size().data)
    assert lines == [STRATEGIES[name].label for name in SCALED]
