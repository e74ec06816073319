"""Verdicts: computed from the paired differences, and an error where there is nothing to pair."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import references
from synthetic import complete_study, recorded, row, run

from lrlib.evidence import Recorded, claims, comparisons, read

ROOT = Path(__file__).parents[2]
COMPLETE = Recorded("cnn-max", complete_study())
CLAIM = {
    "id": "cosine-beats-fixed",
    "chapter": "04-cosine-annealing",
    "claim": "Cosine annealing ends above a fixed rate.",
    "source": "our question",
    "measure": "test accuracy",
    "left": {"strategy": "cosine", "length": "short"},
    "right": {"strategy": "fixed", "length": "short"},
    "expect": "more than 0",
    "verdict": "holds: +2.00 (+1.85 to +2.15), n = 6",
}


def made(**changes):
    words, _, threshold = {**CLAIM, **changes}["expect"].rpartition(" ")
    return claims.Claim(**{**CLAIM, **changes, "expect": (words, float(threshold))})


def runs(strategy, accuracies, lr=0.1):
    return [
        row(run("evaluation", strategy, "short", lr, seed), accuracy)
        for seed, accuracy in enumerate(accuracies)
    ]


def differences(points):
    """Rows whose paired differences, cosine - fixed, are these."""
    base = np.array([0.70, 0.68, 0.72, 0.66, 0.71, 0.69])[: len(points)]
    return runs("fixed", base) + runs("cosine", base + np.array(points) / 100)


@pytest.mark.parametrize(
    ("points", "expect", "word"),
    [
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "more than 0", "holds"),
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "more than 1.5", "holds"),
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "more than 2", "undecided"),
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "more than 3", "fails"),
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "less than 3", "holds"),
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "less than 0", "fails"),
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "within 3", "holds"),
        ([2.0, 2.2, 1.8, 2.1, 1.9, 2.0], "within 1", "fails"),
        ([-2.0, -2.2, -1.8, -2.1, -1.9, -2.0], "within 1", "fails"),
        ([2.0, -2.2, 1.8, -2.1, 1.9, -2.0], "more than 0", "undecided"),
        ([2.0, -2.2, 1.8, -2.1, 1.9, -2.0], "within 1", "undecided"),
        ([2.0, 2.2, 1.8, 2.1, 1.9], "more than 0", "undecided"),  # five pairs
    ],
)
def test_the_interval_decides(points, expect, word):
    verdict = claims.judge(made(expect=expect), recorded(differences(points)))
    assert verdict.word == word
    assert verdict.pairs == len(points)
    assert verdict.unit == "points"


def test_a_verdict_is_written_in_a_line():
    record = differences([2.0, 2.2, 1.8, 2.1, 1.9, 2.0])
    assert str(claims.judge(made(), recorded(record))) == CLAIM["verdict"]


def test_the_interval_is_that_of_student():
    verdict = claims.judge(made(), recorded(differences([1, 2, 3, 4, 5, 6])))
    # 3.5 ± 2.570582 * 1.870829 / sqrt(6), from a table of the t distribution with 5 degrees.
    assert verdict.mean == pytest.approx(3.5)
    assert (verdict.low, verdict.high) == pytest.approx((1.53669, 5.46331), abs=1e-4)


def test_seeds_are_paired_and_not_averaged_apart():
    points = [1.0, 1.1, 0.9, 1.0, 1.1, 0.9]
    shuffled = differences(points)
    shuffled.reverse()
    assert (
        claims.judge(made(), recorded(shuffled)).high - claims.judge(made(), recorded(shuffled)).low
        < 0.3
    )


def test_a_changed_row_changes_the_verdict():
    record = differences([2.0, 2.2, 1.8, 2.1, 1.9, 2.0])
    assert claims.judge(made(), recorded(record)).word == "holds"
    record[-1] = row(record[-1].run, accuracy=0.3)
    assert claims.judge(made(), recorded(record)).word == "undecided"


def test_a_number_may_stand_on_the_right():
    record = runs("cosine", [0.7, 0.71, 0.72, 0.69, 0.7, 0.7])
    assert claims.judge(made(right=65.0), recorded(record)).word == "holds"
    assert claims.judge(made(right=75.0), recorded(record)).word == "fails"


def test_a_side_without_rows_is_an_error():
    record = differences([2.0, 2.2, 1.8, 2.1, 1.9, 2.0])
    absent = {"strategy": "linear", "length": "short"}
    with pytest.raises(
        ValueError, match=r"claim cosine-beats-fixed, .*linear.*no runs of 'linear'"
    ):
        claims.judge(made(right=absent), recorded(record))
    with pytest.raises(ValueError, match="no runs of 'cosine' at the length 'long'"):
        claims.judge(made(left={"strategy": "cosine", "length": "long"}), recorded(record))


@pytest.mark.parametrize(
    ("strategy", "length", "message"),
    [
        ("cosin", "long", r"strategy must be one of .*cosine, .*, got 'cosin'"),
        ("cosine", "five epochs", "length must be one of .*short, long, got 'five epochs'"),
    ],
)
def test_an_unknown_strategy_or_length_is_named_with_those_that_are_known(
    strategy, length, message
):
    for ask in (recorded([]).tuned_lr, recorded([]).evaluated):
        with pytest.raises(ValueError, match=message):
            ask(strategy, length)


def test_sides_without_a_common_seed_are_an_error():
    other = [row(run("evaluation", "fixed", "short", 0.1, seed), 0.7) for seed in range(10, 16)]
    with pytest.raises(ValueError, match="alone: seed 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15;"):
        claims.judge(made(), recorded(runs("cosine", [0.7] * 6) + other))


def test_a_seed_that_one_side_lacks_is_named():
    record = differences([2.0, 2.2, 1.8, 2.1, 1.9, 2.0])
    lacking = [r for r in record if (r.run.strategy, r.run.seed) != ("fixed", 3)]
    with pytest.raises(ValueError, match=r"cosine-beats-fixed, .* one of the two alone: seed 3;"):
        claims.judge(made(), recorded(lacking))


def test_runs_on_other_hardware_are_not_compared():
    fixed = runs("fixed", [0.68] * 6)
    elsewhere = [row(r.run, r.accuracy, machine="a GPU") for r in runs("cosine", [0.7] * 6)]
    with pytest.raises(ValueError, match="0 seeds in common that ran on the same hardware"):
        claims.judge(made(), recorded(fixed + elsewhere))


def written(tmp_path, *entries):
    file = tmp_path / "claims.yml"
    file.write_text("".join(f"- {entry}\n" for entry in entries))
    return file


def test_a_claim_is_read(tmp_path):
    assert claims.read(written(tmp_path, CLAIM)) == [made()]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**CLAIM, "winner": "cosine"}, "fields: ['winner']"),
        ({key: value for key, value in CLAIM.items() if key != "source"}, "fields: ['source']"),
        ({**CLAIM, "measure": "beauty"}, "got 'beauty'"),
        ({**CLAIM, "expect": "wins"}, "got 'wins'"),
    ],
)
def test_a_faulty_claim_is_named(tmp_path, entry, message):
    with pytest.raises(ValueError, match="claim cosine-beats-fixed") as error:
        claims.read(written(tmp_path, entry))
    assert message in str(error.value)


def test_an_id_that_stands_there_twice_is_named(tmp_path):
    with pytest.raises(ValueError, match="cosine-beats-fixed: the id stands there twice"):
        claims.read(written(tmp_path, CLAIM, CLAIM))


# The book's own claims.

CLAIMS = claims.read()
RECORD = read("cnn-max")
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("0*.ipynb"))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_verdict_beside_a_claim_is_what_the_record_says(claim):
    computed = str(claims.judge(claim, RECORD))
    assert claim.verdict == computed, "read the page's sentences over, then write down the new one"


def test_every_chapter_has_claims():
    count = Counter(each.chapter for each in [*CLAIMS, *comparisons.read()])
    assert sorted(count) == CHAPTERS
    assert min(count.values()) >= 3


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_can_be_judged_once_the_study_is_complete(claim):
    verdict = claims.judge(claim, COMPLETE)
    assert verdict.pairs >= claims.FEWEST_PAIRS
    assert verdict.low <= verdict.mean <= verdict.high


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_names_a_source_of_the_bibliography(claim):
    if claim.source == "our question":
        return
    name = claim.source.split(", ")[0]  # what follows is where it stands there
    assert name in {source.in_a_sentence for source in references.read()}
