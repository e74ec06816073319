"""The study: what it asks for, in which order, and when it is complete."""

from collections import Counter
from itertools import pairwise

import pytest
import torch
from synthetic import accuracy, complete_study, run
from torch.nn.functional import mse_loss

from lrlib.evidence import read, rows, side_checks, study
from lrlib.evidence.optimizers import OPTIMIZERS
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.step import train_step

ROWS = complete_study()
RESULTS = rows.results(ROWS)
FIRST = SETTINGS["cnn-max"]
CELLS = study.cells("cnn-max")


def test_the_protocol_is_met():
    assert len(study.SEEDS) >= 10
    assert len(side_checks.EDGE_SEEDS) >= 6
    assert len(side_checks.FINDER_SEEDS) >= 10
    assert FIRST.judgements("short") == 2
    assert FIRST.judgements("long") >= 5
    assert not set(study.SEEDS) & {*study.TUNING_SEEDS, *study.REFINING_SEEDS}
    for cell in CELLS:
        assert len(FIRST.first_rates(cell.strategy)) >= 7
    assert len(SETTINGS) == 6


@pytest.mark.parametrize("name", SETTINGS)
def test_every_row_of_the_tables_fits_the_others(name):
    setting = SETTINGS[name]
    assert set(setting.strategies) <= set(setting.lengths)
    for cell in study.cells(name):
        assert cell.strategy in STRATEGIES
        grid = setting.first_rates(cell.strategy)
        assert all(high == 2 * low for low, high in pairwise(grid))
        assert setting.lengths[cell.length] % setting.judged_every == 0
        assert STRATEGIES[cell.strategy].optimizer in OPTIMIZERS
    assert len(set(study.cells(name))) == len(study.cells(name))


def test_an_empty_record_asks_for_grids_alone():
    stages = Counter(each.stage for each in study.missing({}, "cnn-max"))
    compared, searched = set(study.cells("cnn-max")), set(study.searched_cells("cnn-max"))
    grids = len(compared | searched) * 7 * len(study.TUNING_SEEDS)
    assert len(compared) == 15 * 2
    assert stages == {"tuning": grids, "far": 3 * len(searched)}


def test_no_run_is_asked_for_twice():
    asked = [row.run for row in ROWS]
    assert len(asked) == len(set(asked))


def test_each_strategy_gets_the_same_fresh_seeds_at_its_tuned_rate():
    for cell in CELLS:
        lr = FIRST.first_rates(cell.strategy)[1]
        seeds = {r.seed for r in RESULTS if r == cell.run("evaluation", lr, r.seed)}
        assert seeds == set(study.SEEDS)


@pytest.mark.parametrize("end", [0, -1])
def test_a_grid_grows_until_its_best_rate_lies_inside(end):
    target = FIRST.first_rates("cosine")[end] * (0.25 if end == 0 else 4)

    def best_outside(run):
        if run.stage == "tuning" and run.strategy == "cosine":
            return 0.7 - 0.01 * abs(run.peak_lr - target) / max(run.peak_lr, target)
        return accuracy(run)

    results = rows.results(complete_study(best_outside))
    cell = study.cell("cnn-max", "cosine", "long")
    grid = study.rates(results, cell)
    assert study.tuned_lr(results, cell) == target
    assert grid.index(target) not in (0, len(grid) - 1)
    assert all(high == 2 * low for low, high in pairwise(grid))


def test_a_rate_is_tuned_only_when_its_whole_grid_is_recorded():
    partial = dict(RESULTS)
    gone = run("tuning", "adam", "short", 0.004, 101)
    del partial[gone]
    assert study.tuned_lr(partial, study.cell("cnn-max", "adam", "short")) is None
    assert study.tuned_lr(partial, study.cell("cnn-max", "adam", "long")) is not None
    assert next(study.missing(partial, "cnn-max")) == gone


def test_the_mean_over_the_tuning_seeds_decides():
    results = dict(RESULTS)
    results[run("tuning", "adam", "short", 0.004, 100)] = 0.9
    results[run("tuning", "adam", "short", 0.004, 101)] = 0.1  # mean 0.5: a lucky seed
    assert study.tuned_lr(results, study.cell("cnn-max", "adam", "short")) == 0.001


# A setting whose best rates are tuned again: the second edition's.

LARGE = complete_study(setting="large-batch")
LARGE_RESULTS = rows.results(LARGE)
COSINE = study.cell("large-batch", "cosine", "long")


def test_the_best_three_rates_get_two_more_seeds():
    tuning = Counter(
        r.run.peak_lr for r in LARGE if r.run == COSINE.run("tuning", r.lr, r.run.seed)
    )
    assert sorted(tuning.values()) == [2, 2, 4, 4, 4]
    assert {lr for lr, count in tuning.items() if count == 4} == set(
        study.refined_rates(LARGE_RESULTS, COSINE)
    )


def test_more_seeds_can_change_the_choice():
    best = study.tuned_lr(LARGE_RESULTS, COSINE)
    other = next(lr for lr in study.refined_rates(LARGE_RESULTS, COSINE) if lr != best)
    results = dict(LARGE_RESULTS)
    for seed in study.REFINING_SEEDS:
        results[COSINE.run("tuning", other, seed)] += 0.2
    assert study.tuned_lr(results, COSINE) == other


def test_a_neighbour_that_tuning_cannot_tell_apart_gets_fresh_seeds_too():
    clear = {
        **LARGE_RESULTS,
        **{
            COSINE.run("tuning", lr, seed): (0.7 if lr == 0.1 else 0.6) + 0.001 * (seed % 2)
            for lr in study.rates(LARGE_RESULTS, COSINE)
            for seed in study.TUNING_SEEDS + study.REFINING_SEEDS
        },
    }
    assert study.close_rates(clear, COSINE) == (0.1,)
    close = dict(clear)
    for seed in study.TUNING_SEEDS + study.REFINING_SEEDS:
        close[COSINE.run("tuning", 0.2, seed)] = 0.7004
    assert study.close_rates(close, COSINE) == (0.1, 0.2)
    both = dict(close)
    for seed in study.TUNING_SEEDS + study.REFINING_SEEDS:
        both[COSINE.run("tuning", 0.05, seed)] = 0.7003
    assert study.refined_rates(both, COSINE) == (0.05, 0.1, 0.2)
    assert study.close_rates(both, COSINE) == (0.1, 0.2)  # the better one alone


@pytest.mark.parametrize("name", ["text", "small-data"])
def test_each_setting_can_be_completed(name):
    made = complete_study(setting=name)
    results = rows.results(made)
    assert list(study.missing(results, name)) == []
    for cell in study.cells(name):
        grid = study.rates(results, cell)
        assert 0 < grid.index(study.tuned_lr(results, cell)) < len(grid) - 1


# Side checks


def test_two_strategies_run_at_each_other_s_tuned_rate():
    for strategy, other in (("fixed", "cosine"), ("cosine", "fixed")):
        for length in ("short", "long"):
            lr = study.tuned_lr(RESULTS, study.cell("cnn-max", other, length))
            wanted = {run("evaluation", strategy, length, lr, seed) for seed in study.SEEDS}
            assert wanted <= set(RESULTS)


def test_the_edge_is_followed_until_every_seed_fails():
    assert side_checks.edge_rates(RESULTS, "cosine")[-1] == 6.4
    one_survivor = dict(RESULTS)
    one_survivor[run("edge", "cosine", "short", 6.4, 2)] = 0.5
    assert side_checks.edge_rates(one_survivor, "cosine")[-1] == 12.8


def test_what_waits_for_tuned_rates_is_counted():
    tuned = {cell: study.tuned_lr(RESULTS, cell) for cell in CELLS}
    wanted = {cell.run("evaluation", tuned[cell], n) for cell in CELLS for n in study.SEEDS}
    fresh = [r.run for r in ROWS if r.run in wanted]
    assert study.steps_waiting({}, "cnn-max") == sum(each.steps for each in fresh)
    assert study.steps_waiting(RESULTS, "cnn-max") == 0


# Strategies


@pytest.mark.parametrize("name", [name for name, s in STRATEGIES.items() if s.shape])
@pytest.mark.parametrize("steps", [215, 702, 1755])
def test_a_schedule_is_scaled_to_the_run(name, steps):
    strategy = STRATEGIES[name]
    schedule = strategy.schedule(steps)
    factors = [schedule(step) for step in range(steps)]
    assert max(factors) == pytest.approx(1.0, abs=0.01)
    assert all(0 <= factor <= 1 for factor in factors)
    assert (factors[0] < 0.11) == (strategy.warm or name in ("one-cycle", "triangular2"))
    fixed = {"fixed", "plateau", "adagrad", "rmsprop", "adam", "adamw", "sparse-adam", "prodigy"}
    rising = {"warmup-fixed", "adamw-warmup-fixed", "muon-warmup-fixed", "schedule-free"}
    ends_high = name in fixed | rising | {"triangular2"} or "tenth" in name
    assert (factors[-1] < 0.03) == (not ends_high)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_trains_a_network_that_it_is_meant_for(name):
    torch.manual_seed(0)
    if name == "SparseAdam":
        net, x = torch.nn.Embedding(8, 2, sparse=True), torch.arange(8)
    else:
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
        x = torch.randn(8, 4)
    optimizer = OPTIMIZERS[name](net, 1.0 if name == "Prodigy" else 0.01, 0.0)
    before = [p.detach().clone() for p in net.parameters()]
    losses = [train_step(net, optimizer, mse_loss, (x, torch.ones(8, 2))) for _ in range(150)]
    assert losses[-1] < losses[0] / 2
    assert all(not torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


def test_muon_has_the_matrices_and_adamw_the_rest_at_rates_that_a_scheduler_sets_in_both():
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 2))
    optimizer = OPTIMIZERS["Muon"](net, 0.1, 0.0)
    muon, adamw = optimizer.parts
    assert [tuple(p.shape) for p in muon.param_groups[0]["params"]] == [(8, 4), (8, 8)]
    assert len(adamw.param_groups[0]["params"]) == 4  # three biases and the last matrix
    schedule = STRATEGIES["muon-warmup-cosine"].schedule(100)
    torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    rates = {group["lr"] for part in optimizer.parts for group in part.param_groups}
    assert rates == {0.1 * schedule(0)}


def test_a_plateau_lowers_the_rate_when_the_loss_stands_still():
    optimizer = OPTIMIZERS["SGD"](torch.nn.Linear(2, 2), 0.1, 0.0)
    scheduler = STRATEGIES["plateau"].scheduler(optimizer, 100)
    for loss in (1.0, 0.9, 0.9, 0.9):
        scheduler.step(loss)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    with pytest.raises(ValueError, match="no schedule before the run"):
        STRATEGIES["plateau"].schedule(100)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.strategy}-{cell.length}")
def test_only_sgd_has_nesterov_momentum_and_all_have_the_same_weight_decay(cell):
    optimizer = OPTIMIZERS[STRATEGIES[cell.strategy].optimizer]
    group = optimizer(torch.nn.Linear(2, 2), 0.1, cell.weight_decay).param_groups[0]
    assert group["weight_decay"] == 5e-4
    assert bool(group.get("nesterov")) == (STRATEGIES[cell.strategy].optimizer == "SGD")


def _is_of(run, cells):
    return any(cell.run(run.stage, run.peak_lr, run.seed) == run for cell in cells)


def test_the_first_edition_is_complete_and_no_tuned_rate_is_at_the_edge_of_its_grid():
    found = read("cnn-max").results
    searched = set(study.searched_cells("cnn-max")) - set(CELLS)
    asked = [*study.missing(found, "cnn-max"), *side_checks.missing(found)]
    assert [r for r in asked if r.stage != "far" and not _is_of(r, searched)] == []
    for cell in CELLS:
        grid = study.rates(found, cell)
        assert len(grid) >= 7
        assert 0 < grid.index(study.tuned_lr(found, cell)) < len(grid) - 1


# Weight decay, and the longest runs, are tuned around rates that are known -----------------------

LONG = study.cell("cnn-mean", "cosine", "long")


def tuned_long(of=LONG, best=0.1):
    """Results of the tuning of one cell."""
    grid = SETTINGS[of.setting].first_rates(of.strategy)
    return {
        of.run("tuning", lr, seed): 0.7 - 0.1 * abs(lr - best)
        for lr in grid
        for seed in study.TUNING_SEEDS + study.REFINING_SEEDS
    }


def test_a_long_run_is_tuned_around_the_rate_of_a_shorter_one():
    longer = study.cell("cnn-mean", "cosine", "longer")
    assert study.rates({}, longer) == ()
    assert study.rates(tuned_long(), longer) == (0.05, 0.1, 0.2)


def test_each_weight_decay_is_tuned_and_the_best_one_alone_gets_fresh_seeds():
    results = tuned_long()
    cells = study.weight_decay_cells(LONG)
    assert [each.weight_decay for each in cells] == [0.0005, 0.002, 0.005]
    assert study.tuned_weight_decay(results, LONG) is None
    for each in cells[1:]:
        assert study.rates(results, each) == (0.05, 0.1, 0.2)
        for lr in (0.05, 0.1, 0.2):
            for seed in study.TUNING_SEEDS:
                gain = 0.1 if each.weight_decay == 0.002 else -0.1
                results[each.run("tuning", lr, seed)] = 0.7 + gain - 0.1 * abs(lr - 0.1)
    assert study.tuned_weight_decay(results, LONG) == cells[1]
    asked = {
        run.weight_decay
        for run in study.missing(results, "cnn-mean")
        if run.stage == "evaluation" and run.strategy == "cosine"
    }
    assert asked == {0.0005, 0.002}
