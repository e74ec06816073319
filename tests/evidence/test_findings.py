"""What a chapter says of the study follows from the rows, in words and numbers."""

import pytest
from synthetic import accuracy, complete_study

from lrlib.evidence import claims, comparisons, findings, study
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS


@pytest.fixture
def made_of(monkeypatch):
    """Let the findings stand on made runs of the max-pooled network, and on no others."""

    def install(value):
        made = Recorded("cnn-max", complete_study(value))
        nothing = {name: Recorded(name, []) for name in SETTINGS}
        monkeypatch.setattr(findings, "_recorded", {**nothing, "cnn-max": made}.__getitem__)
        findings.judged.cache_clear()

    yield install
    findings.judged.cache_clear()


def test_no_setting_is_left_out_where_claims_are_judged(made_of):
    made_of(accuracy)
    assert set(findings.judged(comparisons.by_id()["cosine-gains"])) == set(SETTINGS)


def wins(strategy, points):
    def value(run):
        won = run.strategy == strategy and run.stage == "evaluation"
        return accuracy(run) + points / 100 * won

    return value


def test_an_answer_follows_the_rows(made_of):
    made_of(wins("cosine", 5))
    shown = findings.answers("cosine-gains").data
    assert 'class="lrlib-claim lrlib-holds" id="claim-cosine-gains"' in shown
    assert "Supported</strong> in one setting: CIFAR-10, max-pooled network, “" in shown
    assert ", +5.0 points (likely +" in shown
    made_of(wins("cosine", -5))
    shown = findings.answers("cosine-gains").data
    assert "lrlib-fails" in shown
    assert "−5.0 points" in shown
    assert "Not supported</strong> in one setting: " in shown


def test_a_claim_about_one_setting_has_its_seeds_and_its_source(made_of):
    made_of(accuracy)
    assert f"; {len(study.SEEDS)} seeds)" in findings.answers("fixed-leads-early").data
    assert "(Smith and Topin, 2019)" in findings.answers("one-cycle-needs-fewer-steps").data
    assert "our question" not in findings.answers("cosine-gains").data


@pytest.mark.parametrize(
    ("name", "verdict", "said"),
    [
        (
            "fixed-leads-early",
            (-1.0, -2.0, 0.5, "points"),
            "−1.00 points (likely −2.00 to +0.50",
        ),
        ("fixed-leads-early", (-0.001, -0.004, 0.002, "points"), "0.00 points (likely 0.00"),
        ("fixed-hovers", (0.06, 0.05, 0.07, "nats"), "+0.06 nats (likely +0.05 to +0.07"),
        ("warmup-moves-the-edge", (2.0, 1.0, 3.0, "doublings"), "4.0 times (likely 2.0 to 8.0"),
        # The border of a claim, half as high or a half of it, isn't a part of what was found.
        (
            "a-decaying-schedule-wants-more",
            (0.301, 0.0, 1.301, "decades"),
            "1.00 times (likely 0.50",
        ),
        ("step-gains-at-once", (0.2, 0.1, 0.3, ""), "70\u00a0% (likely 60 to 80"),
    ],
)
def test_what_was_found_is_said_without_logarithms(name, verdict, said):
    (claim,) = (each for each in claims.read() if each.id == name)
    *numbers, unit = verdict
    found = findings.measured(claim, claims.Verdict("undecided", *numbers, pairs=10, unit=unit))
    assert found.startswith(said)
    assert found.endswith("; 10 seeds)")


def test_in_short_the_widest_gap_stands_first(made_of):
    made_of(wins("linear", 5))
    shown = findings.in_short("cosine-gains", "a-line-is-as-good").data
    assert shown.index("A straight line to zero") < shown.index("A cosine beats a fixed rate")


def test_what_was_not_run_is_said(made_of):
    made_of(accuracy)
    assert "The study hasn’t run this yet." in findings.answers("cosine-for-language").data
    assert "The study hasn’t run this yet." in findings.in_short("cosine-for-language").data


def test_a_loss_is_better_when_it_is_lower():
    found = comparisons.Found("holds", mean=0.42, low=0.38, high=0.47, seeds=10)
    said = findings.gap("sparse", found)
    assert said == "Word vectors: loss −0.0042 (likely −0.0047 to −0.0038)"
    near = comparisons.Found("fails", mean=-0.05, low=-0.09, high=-0.001, seeds=10)
    assert findings.gap("sparse", near).endswith("(likely +0.00001 to +0.00090)")
    spread = findings.gap("sparse", found, "spread")
    assert spread == "Word vectors: spread of the loss +0.0042 (likely +0.0038 to +0.0047)"


def test_zero_has_no_sign():
    found = comparisons.Found("open", mean=-0.003, low=-0.004, high=-0.002, seeds=10)
    assert findings.gap("cnn-max", found).endswith(": 0.0 points (likely 0.0 to 0.0)")


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"there is no claim 'gold'; see comparisons\.yml and"):
        findings.answers("gold")
    with pytest.raises(ValueError, match=r"gold: no such comparison; see comparisons\.yml"):
        findings.in_short("gold", "cosine-gains")


def test_a_run_that_diverged_is_told_where_it_counts():
    """On text one run of the straight line did, and its interval is as wide as the figure."""
    shown = findings.answers("the-shape-hardly-matters").data
    assert "Of 10\u00a0runs of “warm-up + linear”, 1 diverged and counts as guessing." in shown
    assert shown.count("diverged") == 1
