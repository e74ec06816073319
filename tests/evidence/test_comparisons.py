"""Claims that are judged in every setting, and the page that shows them."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest
from synthetic import row

from lrlib import plots
from lrlib.evidence import comparisons, figures, matrix, study, tables, verdicts
from lrlib.evidence.comparisons import Comparison, Found
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES

CLAIM = Comparison(
    "cosine-gains",
    "04-cosine-annealing",
    "A cosine gains.",
    "our question",
    "gains at least",
    0.0,
    "cosine",
    "fixed",
)
ALL = comparisons.read()


def read(markup):
    """What a reader sees of it."""
    return html.unescape(re.sub("<[^>]*>", "", markup)).replace("\u00a0", " ")


def recorded(setting="cnn-mean", noise=0.004, length="long", **means):
    """Rows of whole studies of some strategies at a length, with these mean results."""
    generator = np.random.default_rng(0)
    rows = []
    for strategy, mean in means.items():
        of = study.cell(setting, strategy.replace("_", "-"), length)
        best = SETTINGS[setting].first_rates(of.strategy)[2]

        def make(run, best=best, mean=mean):
            far = abs(np.log2(run.peak_lr / best))
            value = mean - 0.05 * far + noise * generator.normal()
            return row(run, round(float(value), 6))

        results = {}
        while True:
            stages = [
                *study._tuning(results, [of], study.rates, study.TUNING_SEEDS),
                *study._tuning(results, [of], study.refined_rates, study.REFINING_SEEDS),
                *study._evaluation(results, [of]),
            ]
            todo = [run for run in dict.fromkeys(stages) if run not in results]
            if not todo:
                break
            for run in todo:
                rows.append(make(run))
                results[run] = rows[-1].score
    return Recorded(setting, rows)


KINDS = [
    ("gains at least", 0, 0.70, 0.68, "holds"),
    ("gains at least", 1, 0.70, 0.68, "holds"),
    ("gains at least", 3, 0.70, 0.68, "fails"),
    ("gains at least", 2, 0.70, 0.68, "undecided"),
    ("gains at least", 0, 0.68, 0.70, "fails"),
    ("costs at most", 1, 0.68, 0.70, "fails"),
    ("costs at most", 3, 0.68, 0.70, "holds"),
    ("costs at most", 1, 0.70, 0.68, "holds"),  # a gain never counts against it
    ("differs by", 1, 0.70, 0.68, "holds"),
    ("differs by", 1, 0.68, 0.70, "holds"),
    ("differs by", 2, 0.70, 0.70, "fails"),
    ("differs by", 0.1, 0.70, 0.70, "undecided"),
]


@pytest.mark.parametrize(("kind", "amount", "left", "right", "state"), KINDS)
def test_the_interval_and_the_kind_decide(kind, amount, left, right, state):
    claim = replace(CLAIM, kind=kind, amount=amount)
    found = comparisons.judge(claim, recorded(cosine=left, fixed=right))
    assert found.state == state
    assert found.mean == pytest.approx(100 * (left - right), abs=0.5)
    assert found.low < found.mean < found.high
    assert found.seeds == 10
    assert (found.needed > 10) == (state == "undecided")


@pytest.mark.parametrize("setting", ["text", "sparse"])
def test_a_lower_loss_is_a_gain_in_hundredths_of_a_nat(setting):
    """The synthetic rows have the losses that are minus these results."""
    study_of = recorded(setting, cosine=-0.40, fixed=-0.43)
    found = comparisons.judge(CLAIM, study_of)
    assert found.state == "holds"
    assert found.mean == pytest.approx(3, abs=0.6)


def test_the_spread_over_seeds_can_be_compared():
    calm, wild = recorded(noise=0.001, cosine=0.7), recorded(noise=0.02, fixed=0.7)
    both = Recorded("cnn-mean", [*calm.rows, *wild.rows])
    claim = replace(CLAIM, left="fixed", right="cosine", measure="spread")
    found = comparisons.judge(claim, both)
    assert found.state == "holds"
    assert found.mean == pytest.approx(1.9, abs=0.9)


def test_a_claim_about_short_runs_is_judged_by_short_runs():
    after_two = recorded(length="short", cosine=0.6, fixed=0.65)
    after_five = recorded(cosine=0.7, fixed=0.68)
    both = Recorded("cnn-mean", [*after_two.rows, *after_five.rows])
    assert comparisons.judge(CLAIM, both).state == "holds"
    short = replace(CLAIM, length="short", only=("cnn-mean",))
    assert comparisons.judge(short, both).state == "fails"
    assert "2\u00a0epochs" in matrix.sentence(short, "cnn-mean", comparisons.judge(short, both))


def test_what_is_missing_or_cannot_be_asked_is_told_apart():
    one_side = recorded(cosine=0.7)
    assert comparisons.judge(CLAIM, one_side).state == "not recorded"
    assert comparisons.judge(replace(CLAIM, only=("text",)), one_side).state == "cannot be asked"
    muon = replace(CLAIM, left="muon-warmup-cosine")
    assert comparisons.judge(muon, one_side).state == "cannot be asked"
    whole = recorded(cosine=0.7, fixed=0.7)
    lacking = [r for r in whole.rows if (r.run.stage, r.run.seed) != ("evaluation", 7)]
    assert comparisons.judge(CLAIM, Recorded("cnn-mean", lacking)).state == "not recorded"


def test_about_as_many_seeds_as_are_said_would_decide():
    """Twice the distance from the border needs a quarter of the seeds."""
    near = comparisons.judge(replace(CLAIM, amount=1.9), recorded(cosine=0.70, fixed=0.68))
    reach, distance = (near.high - near.low) / 2, abs(near.mean - 1.9)
    assert near.needed == pytest.approx(10 * (reach / distance) ** 2, abs=1)


# The file ----------------------------------------------------------------------------------------


def test_there_are_forty_claims_of_three_kinds_and_each_can_be_asked_somewhere():
    assert len(ALL) >= 40
    assert {each.kind for each in ALL} == set(comparisons.KINDS)
    for each in ALL:
        asked = [
            name
            for name, where in SETTINGS.items()
            if {each.left, each.right} <= set(where.strategies.get(each.length, ()))
            and (not each.only or name in each.only)
        ]
        assert asked, each.id


def written(tmp_path, **changes):
    entry = {
        **{name: getattr(CLAIM, name) for name in ("id", "chapter", "claim", "source", "kind")},
        **{"amount": 0, "left": "cosine", "right": "fixed", **changes},
    }
    file = tmp_path / "comparisons.yml"
    kept = {name: value for name, value in entry.items() if value is not None}
    file.write_text(f"- {kept}\n")
    return file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": None}, "too many or missing fields: source"),
        ({"winner": "cosine"}, "too many or missing fields: winner"),
        ({"left": "cosines"}, "unknown strategies, settings or lengths: cosines"),
        ({"only": ["speech"]}, "unknown strategies, settings or lengths: speech"),
        ({"length": "short"}, "unknown strategies, settings or lengths: short"),
        ({"kind": "wins by"}, "kind must be one of gains at least, .*: wins by"),
    ],
)
def test_a_faulty_claim_is_named(tmp_path, changes, message):
    assert comparisons.read(written(tmp_path)) == [CLAIM]
    with pytest.raises(ValueError, match=rf"comparisons.yml, cosine-gains: {message}"):
        comparisons.read(written(tmp_path, **changes))


# The page ----------------------------------------------------------------------------------------


def cells(**states):
    """One state for each setting that has runs of a claim's length, and others for the first."""
    found, none = Found("holds", 1.0, 0.5, 1.5, 10, 0, 0.001), Found("cannot be asked")
    table = {
        each.id: {
            name: found if each.length in where.lengths else none
            for name, where in SETTINGS.items()
        }
        for each in ALL
    }
    for setting, state in states.items():
        table[ALL[0].id][setting.replace("_", "-")] = replace(
            found, state=state, needed=40 if state == "undecided" else 0
        )
    return table


def test_every_cell_has_a_word_for_those_who_hear_it_and_leads_to_its_numbers():
    table = cells(sparse="fails", text="undecided", cnn_mean="not recorded")
    shown, below = matrix.table(table).data, matrix.details(table).data
    words = re.findall(r'<span class="lrlib-sr">(.*?)</span>', shown)
    assert len(words) == len(ALL) * len(SETTINGS)
    assert {words.count(word) for word in ("not supported", "can’t tell", "not run yet")} == {1}
    targets = set(re.findall(r'<li id="(.*?)"', below))
    assert set(re.findall(r'<td[^>]*><a href="#(.*?)"', shown)) == targets
    asked = words.count("supported") + 2  # the first claim has two other results
    assert len(targets) == asked
    for each in ALL:
        assert html.escape(each.claim) in shown


def test_a_line_says_the_difference_its_interval_and_what_would_decide():
    undecided = cells(text="undecided")[ALL[0].id]["text"]
    line = matrix.sentence(ALL[0], "text", undecided)
    assert line.startswith('<strong class="lrlib-verdict lrlib-undecided">')
    text = read(line)
    assert ": loss −0.0100 (likely −0.0150 to −0.0050); 1,000 steps, 10 seeds each." in text
    assert text.endswith(" To tell would take about 40 seeds.")
    held = read(matrix.sentence(ALL[0], "cnn-mean", cells()[ALL[0].id]["cnn-mean"]))
    assert held.startswith("✓ Supported. CIFAR-10, mean-pooled network: +1.0 points (likely ")
    assert held.endswith(" (likely +0.5 to +1.5); 5 epochs, 10 seeds each.")


@pytest.mark.parametrize(
    ("kind", "amount", "said"),
    [
        ("gains at least", 0, "“cosine” is clearly better than “fixed”, not supported if it is "),
        ("gains at least", 1, "“cosine” is clearly better than “fixed” by 1 point or more, not "),
        ("costs at most", 1, "“cosine” is clearly not worse than “fixed” by more than 1 point, "),
        ("differs by", 2, "not supported if they clearly differ by less than 2 points."),
    ],
)
def test_a_claim_says_what_would_support_it_without_a_sign(kind, amount, said):
    each = replace(CLAIM, kind=kind, amount=amount)
    assert said in verdicts.condition(each)


def test_a_claim_about_a_spread_says_so():
    said = verdicts.condition(replace(CLAIM, kind="gains at least", amount=0, measure="spread"))
    assert "the spread over seeds of “cosine” is clearly wider than that of “fixed”, " in said


def test_an_answer_says_in_how_many_settings_a_claim_is_supported():
    table = cells(sparse="fails", text="undecided", large_batch="not recorded")
    shown = matrix.answers(table, [ALL[0].id, ALL[1].id]).data
    assert (
        "Tested in five settings: ✓ supported in three, ✗ not supported in one, "
        "? can’t tell in one."
    ) in read(shown)
    assert "✓ Supported in all six settings." in read(shown)
    assert f'href="claims.html#{ALL[0].id}"' in shown
    nothing = cells(**{name.replace("-", "_"): "not recorded" for name in SETTINGS})
    assert "The study hasn’t run this yet." in matrix.answers(nothing, [ALL[0].id]).data
    with pytest.raises(ValueError, match=r"there are no claims gold; see comparisons.yml"):
        matrix.answers(table, ["gold"])


def test_differences_are_listed_and_a_lacking_strategy_is_named():
    both = recorded(cosine=0.70, fixed=0.68)
    shown = matrix.differences(both, [("cosine", "fixed")]).data
    assert re.search(
        r">cosine against fixed</th><td>\+[12]\.\d points \(likely \+1\.\d to \+2\.\d\)",
        shown,
    )
    with pytest.raises(ValueError, match="cnn-mean lacks runs of 'linear'"):
        matrix.differences(both, [("cosine", "linear")])


def test_the_summary_tells_what_is_supported_everywhere_from_what_differs():
    parted = matrix.summary(cells(sparse="fails")).data
    everywhere, differing = parted.split("Supported in some settings, not supported in others")
    assert html.escape(ALL[0].claim) in differing
    assert html.escape(ALL[1].claim.removesuffix(".")) in everywhere
    assert f"Not supported: {SETTINGS['sparse'].label}." in html.unescape(differing)


@pytest.mark.parametrize(("setting", "best"), [("cnn-mean", 0.7), ("text", -1.9)])
def test_what_each_strategy_reached_stands_with_the_best_on_top(setting, best):
    reached = recorded(setting, cosine=best, fixed=best - 0.02, linear=best - 0.01)
    ax = plots.panels()[1][0]
    figures.results(ax, reached)
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["fixed", "linear to zero", "cosine"]
    dots = [float(drawn.get_xdata()[0]) for drawn in ax.lines if drawn.get_marker() == "o"]
    assert dots == sorted(dots, reverse=best < 0)  # a loss is lower at the top
    assert matrix.complete(reached) == 3


def test_machines_are_compared_by_the_runs_that_all_of_them_make():
    first = [row(run, 0.66 + 0.001 * run.seed) for run in study.calibration()]
    second = [replace(r, machine="another", test_accuracy=r.test_accuracy + 0.02) for r in first]
    shown = tables.machines(Recorded("cnn-mean", [*first, *second])).data
    assert re.search(r">another</th><td[^>]*>10</td><td>68\.5\s%.*?<td>\+2\.0\d \(", shown)
    with pytest.raises(ValueError, match="no calibration runs"):
        tables.machines(Recorded("cnn-mean", []))


def test_the_machines_that_recorded_do_not_differ_by_more_than_noise():
    """Else their rows must not stand in one comparison."""
    found = {}
    for each in Recorded("cnn-mean").rows:
        if each.run.stage == "calibration":
            found.setdefault(each.machine, []).append(100 * each.tested)
    (_, first), *others = found.items()
    for _, values in others:
        _, low, high = comparisons.intervals.difference_of_means(values, first)
        assert low < 0 < high


def test_what_stands_is_counted_among_all_that_was_judged():
    """One clear result in a hundred is what luck gives: those that can't tell are tests as well."""
    clear, unclear = Found("holds", p=0.01), Found("undecided", p=0.5)
    unasked = [Found("not recorded"), Found("cannot be asked")]
    assert comparisons.standing([clear, *unasked]) == 1
    assert comparisons.standing([clear, *[unclear] * 99]) == 0
    assert comparisons.standing([Found("fails", p=1e-6), *[unclear] * 99]) == 1


def test_every_strategy_that_a_claim_names_has_a_label():
    names = {name for each in ALL for name in (each.left, each.right)}
    assert names <= set(STRATEGIES)
