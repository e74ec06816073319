"""Figures of the study draw the rows' own numbers, and refuse to draw none."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from synthetic import accuracy, complete_study, recorded, row, run

from lrlib import plots
from lrlib.evidence import (
    Recorded,
    claims,
    explorers,
    figures,
    measures,
    side_checks,
    study,
    suggestions,
    tables,
)
from lrlib.evidence.range_tests import Sweep
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.suggestions import Judged

ROOT = Path(__file__).resolve().parents[2]
ROWS = complete_study()
STUDY = Recorded("cnn-max", ROWS)
NOTHING = Recorded("cnn-max", [])
FIRST = SETTINGS["cnn-max"]


@pytest.fixture
def ax():
    return plots.panels()[1][0]


def line(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_a_curve_is_the_mean_over_the_seeds(ax):
    runs = [
        row(run("evaluation", "cosine", "short", 0.1, seed), val_accuracy=[0.5 + seed / 100, 0.7])
        for seed in range(6)
    ]
    figures.curves(ax, recorded(runs), ["cosine"], "short")
    assert line(ax, "cosine").get_ydata() == pytest.approx([52.5, 70])
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    # 52.5 ± 2.570582 * 1.870829 / sqrt(6): Student's t with 5 degrees of freedom.
    assert (heights.min(), heights.max()) == pytest.approx((50.53669, 70), abs=1e-4)
    caption = ax.figure.get_supxlabel()
    assert "CIFAR-10" in caption
    assert "2\u00a0epochs" in caption
    assert "6\u00a0seeds" in caption
    assert "95\u00a0% interval" in caption


def test_a_run_that_diverged_is_drawn_at_chance(ax):
    runs = [
        row(
            run("evaluation", "fixed", "short", 0.1, 0),
            val_accuracy=[0.5],
            stopped="the loss was nan",
        ),
        row(run("evaluation", "fixed", "short", 0.1, 1), val_accuracy=[0.5, 0.7]),
    ]
    figures.curves(ax, recorded(runs), ["fixed"], "short")
    assert line(ax, "fixed").get_ydata() == pytest.approx([30, 40])


def test_sensitivity_shows_every_seed_the_tuned_rate_and_the_width(ax):
    figures.sensitivity(ax, STUDY, ["adam"], "short")
    grid = FIRST.first_rates("adam")
    assert list(line(ax, "Adam").get_xdata()) == list(grid)
    dots = [drawn for drawn in ax.lines if drawn.get_marker() in (".", "x")]
    assert len(dots) == len(grid) * len(study.TUNING_SEEDS)
    (circle,) = [drawn for drawn in ax.lines if drawn.get_fillstyle() == "none"]
    assert circle.get_xdata() == [grid[1]]
    bar = next(drawn for drawn in ax.lines if drawn.get_linewidth() == 4)
    means = line(ax, "Adam").get_ydata()
    near = np.array(grid)[np.array(means) >= max(means) - 1]
    assert list(bar.get_xdata()) == [near[0], near[-1]]
    assert bar.get_marker() == "o", "a single rate can be seen"
    assert "diverged" not in ax.figure.get_supxlabel()


def test_divergence_is_marked(ax):
    diverged = [
        row(r.run, stopped="the loss was nan")
        if r.run == run("tuning", "adam", "short", 0.032, 100)
        else r
        for r in ROWS
    ]
    figures.sensitivity(ax, Recorded("cnn-max", diverged), ["adam"], "short")
    (cross,) = [drawn for drawn in ax.lines if drawn.get_marker() == "x"]
    assert list(cross.get_ydata()) == pytest.approx([10])
    assert "×: diverged, counted as guessing" in ax.figure.get_supxlabel()


def test_no_rows_are_an_error_and_not_an_empty_figure(ax):
    with pytest.raises(ValueError, match="no runs of 'cosine' at the length 'long'"):
        figures.curves(ax, NOTHING, ["cosine"])
    with pytest.raises(ValueError, match="lacks rates of the grid of 'cosine'"):
        figures.sensitivity(ax, NOTHING, ["cosine"])


def test_differences_are_paired_sorted_and_have_an_interval(ax):
    def cosine_wins(run):
        return accuracy(run) + 0.05 * (run.strategy == "cosine" and run.stage == "evaluation")

    record = Recorded("cnn-max", complete_study(cosine_wins))
    figures.differences(ax, record, "short")
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert len(labels) == len(FIRST.strategies["short"]) - 1
    assert labels[-1] == "cosine"
    points = [drawn for drawn in ax.lines if drawn.get_marker() == "o"]
    assert points[-1].get_xdata() == pytest.approx([5])
    assert f"{len(study.SEEDS)}\u00a0seeds, 95\u00a0% intervals" in ax.figure.get_supxlabel()


def test_an_interval_of_differences_is_students(ax):
    runs = [
        row(run("evaluation", strategy, "short", 0.1, seed), 0.5 + gain * seed / 100)
        for strategy, gain in (("fixed", 0), ("cosine", 1))
        for seed in range(6)
    ]
    # 2.5 ± 2.570582 * 1.870829 / sqrt(6)
    found = measures.paired(recorded(runs), "cosine", "fixed", "short")
    assert found == pytest.approx((2.5, 0.53669, 4.46331), abs=1e-4)


def test_the_edge_shows_every_seed_and_what_fails(ax):
    figures.edge(ax, STUDY)
    dots = [drawn for drawn in ax.lines if drawn.get_marker() in (".", "x")]
    runs = [r for r in ROWS if r.run.stage == "edge"]
    assert len(dots) == len(runs)
    crosses = [drawn for drawn in dots if drawn.get_marker() == "x"]
    assert len(crosses) == sum(r.accuracy < side_checks.TRAINS for r in runs) > 0
    with pytest.raises(ValueError, match="no edge runs"):
        figures.edge(ax, NOTHING)


def judged(rule, ratio, regret=0.1):
    """A suggestion that is so many times the best rate."""
    of = study.cell("text", "adamw", "long")
    sweep = Sweep("text", "AdamW", 300, 200)
    lr = None if ratio is None else 0.01 * ratio
    return Judged(rule, sweep, of, lr, 0.01, regret)


def test_suggestions_show_the_middle_and_nine_in_ten_of_each_rule(ax):
    ratios = np.geomspace(0.1, 10, 101)
    figures.suggestions(
        ax, [judged("floor", r) for r in ratios] + [judged("lightning", r / 10) for r in ratios]
    )
    assert [text.get_text() for text in ax.get_yticklabels()] == ["floor", "lightning"]
    dots = {y: x for d in ax.lines if d.get_marker() == "o" for x, y in [*d.get_xydata()]}
    assert dots == {0: pytest.approx(1), 1: pytest.approx(0.1)}
    (bar,) = [d for d in ax.lines if len(d.get_xdata()) == 2 and d.get_ydata()[0] == 0][:1]
    assert bar.get_xdata() == pytest.approx([10**-0.9, 10**0.9])
    assert "101 suggestions per rule" in ax.figure.get_supxlabel()


def test_the_table_of_the_finder_has_each_optimizer_and_the_worst(monkeypatch):
    monkeypatch.setattr(suggestions, "beside", lambda judged: [])
    told = [judged(suggestions.TOLD, 1, regret) for regret in (0.01, 0.03)]
    other = [judged("lightning", 0.001, 0.5), judged("lightning", None, 1.0)]
    table = tables.finder([*told, *other]).data
    assert f"<strong>{suggestions.TOLD}</strong>" in table
    rows = re.findall(r'<th scope="row">(?:<strong>)?(.*?)(?:</strong>)?</th>(.*?)</tr>', table)
    cells = {
        name: [cell.replace("\u00a0", " ") for cell in re.findall(r"<td[^>]*>(.*?)</td>", rest)]
        for name, rest in rows
    }
    assert cells[suggestions.TOLD][4] == "2.0 %"
    assert cells[suggestions.TOLD][:3] == ["2.0 %", "3 %", "0 %"]
    assert cells["lightning"][:3] == ["75.0 %", "100 %", "100 %"]
    assert cells["lightning"][3] == "–"  # no range test with SGD


def test_the_curve_at_the_suggestion_stands_beside_the_tuned_one(ax):
    tuned = [
        row(run("evaluation", "fixed", "short", 0.05, seed), val_accuracy=[0.5, 0.7])
        for seed in (0, 1)
    ]
    found = [
        row(run("finder", "fixed", "short", None, seed), val_accuracy=[0.4 + seed / 10, 0.6])
        for seed in (0, 1)
    ]
    figures.at_suggestion(ax, recorded([*tuned, *found]))
    assert line(ax, "tuned rate").get_ydata() == pytest.approx([50, 70])
    assert line(ax, "suggestion").get_ydata() == pytest.approx([45, 60])
    assert len(ax.collections) == 2
    assert "2\u00a0seeds at the tuned rate, 2 at suggestions" in ax.figure.get_supxlabel()
    with pytest.raises(ValueError, match="no finder runs of 'fixed'"):
        figures.at_suggestion(ax, recorded(tuned))
    with pytest.raises(ValueError, match="no runs of 'fixed'"):
        figures.at_suggestion(ax, recorded(found))


def test_a_slider_runs_over_the_recorded_rates(monkeypatch):
    monkeypatch.setenv("LRLIB_STATIC", "1")
    page = explorers.peak_rates(STUDY, "cosine").data
    grid = FIRST.first_rates("cosine")
    (values,) = re.findall(r'data-values="([^"]*)"', page)
    assert json.loads(html.unescape(values)) == list(grid)
    for lr in grid:
        assert f"cosine, peak rate {lr:g}: validation accuracy" in page
    with pytest.raises(ValueError, match="lacks rates"):
        explorers.peak_rates(NOTHING, "cosine")


@pytest.mark.parametrize("strategy", ["cosine", "fixed"])  # the second is grey elsewhere
def test_the_runs_at_the_chosen_rate_are_in_front(ax, strategy):
    figures.learning(ax, STUDY, strategy, "long", 0.05)
    front = [drawn for drawn in ax.lines if drawn.get_color() != plots.PALETTE["grey"]]
    chosen = [r for r in ROWS if r.run.stage == "tuning" and r.run.length == "long"]
    chosen = [r for r in chosen if r.run.strategy == strategy and r.lr == 0.05]
    assert [list(drawn.get_ydata()) for drawn in front] == [r.loss for r in chosen]
    assert ax.lines[-1] is front[-1]
    assert f"{100 * chosen[0].accuracy:.1f}\u00a0%" in ax.get_title()


def test_tables_hold_what_the_rows_hold():
    protocol = tables.protocol([STUDY, NOTHING]).data
    assert re.search(rf">in all</th><td[^>]*>{len(ROWS):,}</td><td[^>]*>0</td>", protocol)
    assert "c58f30108f718f92721af3b95e74349a" in tables.origins([STUDY]).data
    every = tables.every_claim(STUDY).data
    judged = [claims.judge(claim, STUDY).word for claim in claims.read()]
    assert f"{len(judged)} claims: {judged.count('holds')} are supported, " in every
    assert all(f"#claim-{claim.id}" in every for claim in claims.read())
    short = tables.accuracies(STUDY, "short").data
    runs = [r for r in ROWS if (r.run.stage, r.run.strategy) == ("evaluation", "adam")]
    mean = np.mean([100 * r.test_accuracy for r in runs if r.run.length == "short"])
    assert f"Adam</th><td>{mean:.1f}\u00a0%" in short
    decay = tables.weight_decays(STUDY).data
    assert decay.count('<tr><th scope="row">') == 2 * 3
    with pytest.raises(ValueError, match="no runs of 'fixed' at the length 'long'"):
        tables.weight_decays(NOTHING)


def test_a_figure_refuses_what_is_unknown_and_what_was_not_recorded(ax):
    with pytest.raises(ValueError, match=r"strategy must be one of .*, got 'cosin'"):
        figures.at_suggestion(ax, STUDY, "cosin")
    with pytest.raises(ValueError, match=r"length must be one of .*, got 'five'"):
        figures.at_one_peak(ax, STUDY, ["cosine"], "five", 0.1)
    for draw in (
        lambda: figures.learning(ax, NOTHING, "cosine", "long", 0.1),
        lambda: figures.at_one_peak(ax, NOTHING, ["cosine"], "long", 0.1),
    ):
        with pytest.raises(ValueError, match="no tuning runs of 'cosine' at 'long'"):
            draw()


def test_a_warm_up_is_compared_with_none_at_one_peak():
    recorded = Recorded("cnn-max")
    ended = {"cosine": [], "warmup-cosine": []}
    for each in recorded.rows:
        if each.run.stage == "edge" and each.lr == 0.1:
            ended[each.run.strategy].append(100 * each.accuracy)
    gain = np.mean(ended["warmup-cosine"]) - np.mean(ended["cosine"])
    assert f">+{gain:.1f}</td>" in tables.warm_up_at_one_peak(recorded, [0.1]).data
    with pytest.raises(ValueError, match="no edge runs at some of the peaks"):
        tables.warm_up_at_one_peak(recorded, [0.1, 0.3])


def test_the_second_look_lists_the_verdicts_that_later_seeds_turned():
    def cosine_wins_late(run):
        return accuracy(run) + 0.1 * (
            run.strategy == "cosine"
            and run.stage == "evaluation"
            and run.seed not in study.FIRST_SEEDS
        )

    assert "Results that changed with more seeds: 0." in tables.second_look(STUDY).data
    shown = tables.second_look(Recorded("cnn-max", complete_study(cosine_wins_late))).data
    turned = next(each for each in shown.split("<tr>") if "A cosine beats a fixed rate." in each)
    assert turned.index("can’t tell") < turned.index("✓")
    assert "with 6 seeds" in shown


def test_every_variant_is_told_apart_by_colour_or_line(ax):
    names = STUDY.strategies("long")
    figures.curves(ax, STUDY, names)
    looks = [(d.get_color(), d.get_linestyle()) for d in ax.lines if d.get_label()[0] != "_"]
    assert len(looks) == len(names)
    assert {colour for colour, _ in looks} <= set(plots.PALETTE.values())


def test_a_slider_over_peaks_has_the_rates_that_all_of_them_ran_at(monkeypatch):
    monkeypatch.setenv("LRLIB_STATIC", "1")
    grids = [set(FIRST.first_rates(strategy)) for strategy in ("fixed", "cosine")]
    both = sorted(set.intersection(*grids))
    text = explorers.common_peak_rates(STUDY, ["fixed", "cosine"], first=both[-1]).data
    (values,) = re.findall(r'data-values="([^"]*)"', text)
    assert json.loads(html.unescape(values)) == both
    assert f'value="{len(both) - 1}"' in text


@pytest.mark.parametrize("strategy", ["fixed", "cosine"])
def test_runs_in_front_are_not_grey_as_those_of_other_rates_are(ax, strategy):
    figures.learning(ax, STUDY, strategy, "short", STUDY.tuned_lr(strategy, "short"))
    front = [each for each in ax.lines if each.get_linewidth() > 1]
    assert front
    assert plots.PALETTE["grey"] not in {each.get_color() for each in front}
    behind = {each.get_color() for each in ax.lines} - {each.get_color() for each in front}
    assert behind == {plots.PALETTE["grey"]}


def test_at_one_peak_each_of_its_runs_is_in_front(ax):
    runs = [
        row(run("tuning", "cosine", "short", lr, seed), val_accuracy=[0.2, lr + seed / 1000])
        for lr in (0.1, 0.2)
        for seed in (100, 102)
    ]
    figures.at_one_peak(ax, recorded(runs), ["cosine"], "short", 0.2)
    front = [each for each in ax.lines if each.get_color() != plots.PALETTE["grey"]]
    assert [list(each.get_ydata()) for each in front] == [
        pytest.approx([20, 30.2]),
        pytest.approx([20, 30.0]),
    ]
    assert line(ax, "cosine") is front[0]
    assert ax.get_title() == "Peak learning rate 0.2: cosine 30.2 and 30.0 %"
    assert "2\u00a0seeds each" in ax.figure.get_supxlabel()


def test_a_strategy_is_drawn_with_the_rates_of_its_own_runs():
    _, axes = plots.panels(2)
    figures.one_strategy(axes, STUDY, "linear", "short")
    rates = line(axes[0], "linear to zero")
    peak = STUDY.evaluated("linear", "short")[0].lr
    assert rates.get_ydata()[0] == peak
    # The first epoch is half of the run.
    assert np.interp(1, rates.get_xdata(), rates.get_ydata()) == pytest.approx(peak / 2, rel=0.01)
    assert line(axes[1], "linear to zero").get_ydata()[-1] == pytest.approx(
        np.mean([100 * r.accuracy for r in STUDY.evaluated("linear", "short")])
    )


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_no_two_strategies_of_a_setting_look_alike(setting):
    names = {name for compared in setting.strategies.values() for name in compared}
    assert len({(STRATEGIES[name].colour, STRATEGIES[name].line) for name in names}) == len(names)


def called_with(text, call):
    return [
        re.findall(r'"([\w-]+)"', names)
        for names in re.findall(rf"{call}\(\s*ax, study, \[(.*?)\]", text)
    ]


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_lines_that_are_drawn_together_differ_in_their_colours_and_without_them(path):
    cells = "".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
    for call in ("curves", "sensitivity"):
        for names in called_with(cells, f"figures.{call}"):
            for look in ("colour", "line"):
                looks = [getattr(STRATEGIES[name], look) for name in names]
                assert len(set(looks)) == len(looks), (look, names)
