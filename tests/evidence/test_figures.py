"""Figures of the study draw the rows' own numbers, and refuse to draw none."""

import numpy as np
import pytest
from synthetic import accuracy, complete_study, row

from lrlib import plots
from lrlib.evidence import Record, claims, study
from lrlib.evidence.study import Run

ROWS = complete_study()
RECORD = Record(ROWS)


@pytest.fixture
def ax():
    return plots.panels()[1][0]


def line(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_a_curve_is_the_mean_over_the_seeds(ax):
    runs = [
        row(Run("main", "cosine", "short", 0.1, seed), val_accuracy=[0.5 + seed / 100, 0.7])
        for seed in range(6)
    ]
    Record(runs).curves(ax, ["cosine"], "short")
    assert line(ax, "cosine").get_ydata() == pytest.approx([52.5, 70])
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    # 52.5 ± 2.570582 * 1.870829 / sqrt(6): Student's t with 5 degrees of freedom.
    assert (heights.min(), heights.max()) == pytest.approx((50.53669, 70), abs=1e-4)
    caption = ax.figure.get_supxlabel()
    assert "CIFAR-10" in caption
    assert "2 epochs" in caption
    assert "6 seeds" in caption
    assert "95 % interval" in caption


def test_a_run_that_diverged_is_drawn_at_chance(ax):
    runs = [
        row(Run("main", "fixed", "short", 0.1, 0), val_accuracy=[0.5], stopped="the loss was nan"),
        row(Run("main", "fixed", "short", 0.1, 1), val_accuracy=[0.5, 0.7]),
    ]
    Record(runs).curves(ax, ["fixed"], "short")
    assert line(ax, "fixed").get_ydata() == pytest.approx([30, 40])


def test_sensitivity_shows_every_seed_the_tuned_rate_and_the_width(ax):
    RECORD.sensitivity(ax, ["adam"], "short")
    grid = study.VARIANTS["adam"].rates
    assert list(line(ax, "Adam").get_xdata()) == list(grid)
    dots = [drawn for drawn in ax.lines if drawn.get_marker() in (".", "x")]
    assert len(dots) == len(grid) * len(study.TUNING_SEEDS)
    (circle,) = [drawn for drawn in ax.lines if drawn.get_marker() == "o"]
    assert circle.get_xdata() == [grid[1]]
    bar = next(drawn for drawn in ax.lines if drawn.get_linewidth() == 4)
    means = line(ax, "Adam").get_ydata()
    near = np.array(grid)[np.array(means) >= max(means) - 1]
    assert list(bar.get_xdata()) == [near[0], near[-1]]


def test_divergence_is_marked(ax):
    diverged = [
        row(r.run, stopped="the loss was nan")
        if r.run == Run("tuning", "adam", "short", 0.032, 100)
        else r
        for r in ROWS
    ]
    Record(diverged).sensitivity(ax, ["adam"], "short")
    (cross,) = [drawn for drawn in ax.lines if drawn.get_marker() == "x"]
    assert list(cross.get_ydata()) == pytest.approx([10])


def test_no_rows_are_an_error_and_not_an_empty_figure(ax):
    with pytest.raises(ValueError, match="no runs of 'cosine' at the budget 'long'"):
        Record([]).curves(ax, ["cosine"])
    with pytest.raises(ValueError, match="lacks rates of the grid of 'cosine'"):
        Record([]).sensitivity(ax, ["cosine"])
    with pytest.raises(ValueError, match="0 rows"):
        Record([]).verdicts("04-cosine-annealing")
    with pytest.raises(ValueError, match="no claims for the chapter '09-magic'"):
        RECORD.verdicts("09-magic")


def test_verdicts_stand_beside_their_claims_with_interval_and_n():
    shown = RECORD.verdicts("04-cosine-annealing").data
    for claim in claims.read():
        assert (f'id="claim-{claim.id}"' in shown) == (claim.chapter == "04-cosine-annealing")
    judged = claims.judge(next(c for c in claims.read() if c.id == "cosine-beats-fixed"), ROWS)
    assert "<span aria-hidden=" in shown
    assert judged.word in shown
    assert f"{judged.mean:+.2f} points (95 % interval {judged.low:+.2f}" in shown
    assert "n = 6" in shown


def test_a_verdict_follows_the_rows():
    def cosine_wins(run):
        return accuracy(run) + 0.05 * (run.variant == "cosine" and run.stage == "main")

    before = RECORD.verdicts("04-cosine-annealing").data
    after = Record(complete_study(cosine_wins)).verdicts("04-cosine-annealing").data
    assert 'lrlib-fails" id="claim-cosine-beats-fixed"' in before
    assert 'lrlib-holds" id="claim-cosine-beats-fixed"' in after


def test_every_variant_is_told_apart_by_colour_or_line(ax):
    RECORD.curves(ax, list(study.VARIANTS))
    looks = [(d.get_color(), d.get_linestyle()) for d in ax.lines if d.get_label()[0] != "_"]
    assert len(looks) == len(study.VARIANTS)
    assert {colour for colour, _ in looks} <= set(plots.PALETTE.values())
