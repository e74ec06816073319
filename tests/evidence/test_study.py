"""The study: what it asks for, in which order, and when it is complete."""

from collections import Counter
from itertools import pairwise

import pytest
import torch
from synthetic import accuracy, complete_study

from lrlib.evidence import rows, study
from lrlib.evidence.study import Run

ROWS = complete_study()
RESULTS = rows.results(ROWS)


def test_the_protocol_is_met():
    assert len(study.VARIANTS) >= 15
    assert all(len(variant.rates) >= 7 for variant in study.VARIANTS.values())
    assert len(study.SEEDS) >= 10
    assert len(study.EDGE_SEEDS) >= 6
    assert len(study.FINDER_SEEDS) >= 10
    assert sorted(study.EPOCHS.values())[0] == 2
    assert sorted(study.EPOCHS.values())[1] >= 5
    assert not set(study.SEEDS) & set(study.TUNING_SEEDS)


def test_an_empty_record_asks_for_tuning_before_main_runs():
    stages = Counter(run.stage for run in study.missing({}))
    cells = 15 * 2
    assert stages["tuning"] == cells * 7 * len(study.TUNING_SEEDS)
    assert stages["main"] == stages["decay"] == 0


def test_no_run_is_asked_for_twice():
    asked = [row.run for row in ROWS]
    assert len(asked) == len(set(asked))


def test_each_variant_gets_the_same_fresh_seeds_at_its_tuned_rate():
    for variant in study.VARIANTS:
        for budget in study.EPOCHS:
            runs = [
                r for r in RESULTS if (r.stage, r.variant, r.budget) == ("main", variant, budget)
            ]
            assert {run.seed for run in runs} == set(study.SEEDS)
            assert {run.peak_lr for run in runs} == {study.VARIANTS[variant].rates[1]}


@pytest.mark.parametrize("end", [0, -1])
def test_a_grid_grows_until_its_best_rate_lies_inside(end):
    target = study.VARIANTS["cosine"].rates[end] * (0.25 if end == 0 else 4)

    def best_outside(run):
        if run.stage == "tuning" and run.variant == "cosine":
            return 0.7 - 0.01 * abs(run.peak_lr - target) / max(run.peak_lr, target)
        return accuracy(run)

    results = rows.results(complete_study(best_outside))
    grid = study.rates(results, "cosine", "long")
    assert study.tuned_lr(results, "cosine", "long") == target
    assert grid.index(target) not in (0, len(grid) - 1)
    assert all(high == 2 * low for low, high in pairwise(grid))


def test_a_rate_is_tuned_only_when_its_whole_grid_is_recorded():
    partial = dict(RESULTS)
    del partial[Run("tuning", "adam", "short", 0.004, 101)]
    assert study.tuned_lr(partial, "adam", "short") is None
    assert study.tuned_lr(partial, "adam", "long") is not None
    assert next(study.missing(partial)) == Run("tuning", "adam", "short", 0.004, 101)


def test_the_mean_over_the_tuning_seeds_decides():
    results = dict(RESULTS)
    results[Run("tuning", "adam", "short", 0.004, 100)] = 0.9
    results[Run("tuning", "adam", "short", 0.004, 101)] = 0.1  # mean 0.5: a lucky seed
    assert study.tuned_lr(results, "adam", "short") == 0.001


def test_two_variants_run_at_each_other_s_tuned_rate():
    swapped = {run for run in RESULTS if run.stage == "swap"}
    for variant, other in (("fixed", "cosine"), ("cosine", "fixed")):
        for budget in study.EPOCHS:
            lr = study.tuned_lr(RESULTS, other, budget)
            assert {Run("swap", variant, budget, lr, seed) for seed in study.SEEDS} <= swapped


def test_the_edge_is_followed_until_every_seed_fails():
    assert study.edge_rates(RESULTS, "cosine")[-1] == 6.4
    one_survivor = dict(RESULTS)
    one_survivor[Run("edge", "cosine", "short", 6.4, 2)] = 0.5
    assert study.edge_rates(one_survivor, "cosine")[-1] == 12.8


def test_what_waits_for_tuned_rates_is_counted():
    main = sum(row.run.epochs for row in ROWS if row.run.stage == "main")
    assert study.epochs_waiting({}) == main
    assert study.epochs_waiting(RESULTS) == 0


@pytest.mark.parametrize("variant", study.VARIANTS)
@pytest.mark.parametrize("budget", study.EPOCHS)
def test_a_schedule_is_scaled_to_its_budget(variant, budget):
    run = Run("main", variant, budget, 0.1, 0)
    schedule = run.make_schedule()
    factors = [schedule(step) for step in range(run.steps)]
    assert max(factors) == pytest.approx(1.0, abs=0.01)
    assert all(0 <= factor <= 1 for factor in factors)
    ends_low = variant not in ("fixed", "adagrad", "rmsprop", "adam", "adamw", "triangular2")
    assert (factors[-1] < 0.02) == ends_low


def test_only_sgd_has_nesterov_momentum_and_all_have_the_same_weight_decay():
    model = torch.nn.Linear(2, 2)
    for variant in study.VARIANTS:
        optimizer = Run("main", variant, "short", 0.1, 0).make_optimizer(model, 0.1)
        group = optimizer.param_groups[0]
        assert group["weight_decay"] == study.WEIGHT_DECAY
        assert bool(group.get("nesterov")) == isinstance(optimizer, torch.optim.SGD)


def test_the_record_of_the_book_is_complete_and_no_tuned_rate_is_at_the_edge_of_its_grid():
    recorded = rows.results(rows.read())
    assert list(study.missing(recorded)) == []
    for variant in study.VARIANTS:
        for budget in study.EPOCHS:
            grid = study.rates(recorded, variant, budget)
            assert len(grid) >= 7
            assert 0 < grid.index(study.tuned_lr(recorded, variant, budget)) < len(grid) - 1
