"""Recorded runs come out again: exactly on the same machine, closely on another."""

from dataclasses import replace

import pytest
from synthetic import row, run

from lrlib.evidence import reproduce, rows, runs, study
from lrlib.evidence.settings import SETTINGS

pytestmark = pytest.mark.usefixtures("undo_what_a_recorder_sets")
SIDE = [
    row(each, 0.66 + 0.002 * shift * each.seed, machine=f"machine {shift}")
    for shift in (1, -1)
    for each in study.calibration()
]
RECORDED = [row(run("evaluation", "cosine", "short", 0.1, seed), 0.7) for seed in range(5)]
SHARE = reproduce.tolerance(SIDE)


def rerun(monkeypatch, accuracy=0.7, **changes):
    """Reproduce some of `RECORDED`, where every run comes out like this."""
    monkeypatch.setattr(runs, "make", lambda run: row(run, accuracy, **changes))
    monkeypatch.setattr(reproduce, "choose", lambda recorded, count, seed: RECORDED[:count])
    return reproduce.reproduce([*RECORDED, *SIDE], 3)


def test_the_same_machine_must_agree_exactly(monkeypatch, capsys):
    assert rerun(monkeypatch)
    assert capsys.readouterr().out.count("ok ") == 3
    assert not rerun(monkeypatch, 0.7002)
    assert "NOT Run(stage='evaluation'" in capsys.readouterr().out


@pytest.mark.parametrize(
    "field", ["loss", "val_accuracy", "test_accuracy", "val_loss", "test_loss", "suggestions"]
)
def test_everything_that_a_verdict_reads_is_compared(monkeypatch, field, capsys):
    other = {"suggestions": {"halfway": 0.2}, "test_accuracy": 0.71, "test_loss": 1.0}
    value = other.get(field, [0.69, 0.71])
    assert not rerun(monkeypatch, **{field: value})
    assert f"other: {field}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "other", [{"machine": "another"}, {"threads": 2}, {"versions": {"torch": "3.0"}}]
)
def test_another_machine_must_agree_within_the_tolerance(monkeypatch, other, capsys):
    gain = 0.7 - SETTINGS["cnn-max"].chance
    assert rerun(monkeypatch, 0.7 - 0.9 * SHARE * gain, **other)
    assert not rerun(monkeypatch, 0.7 - 1.1 * SHARE * gain, **other)
    assert not rerun(monkeypatch, 0.7, test_accuracy=0.7 - 1.1 * SHARE * gain, **other)
    assert "on another machine" in capsys.readouterr().out


def test_the_tolerance_is_four_standard_deviations_of_what_two_machines_differ_by():
    """They differ by 0.004 a seed: a standard deviation of 0.01211 over ten seeds."""
    highest = max(each.score for each in SIDE) - 0.1
    assert reproduce.tolerance(SIDE) == pytest.approx(4 * 0.01211 / highest, rel=1e-3)
    with pytest.raises(ValueError, match="0 calibration runs were made on two machines"):
        reproduce.tolerance(SIDE[:10])
    recorded = rows.read(rows.file_of("cnn-mean"))
    assert 0 < reproduce.tolerance(r for r in recorded if r.run.stage == "calibration") < 0.2


def test_runs_are_chosen_across_settings():
    others = [
        replace(each, run=replace(each.run, setting=setting))
        for setting in ("cnn-mean", "large-batch")
        for each in RECORDED[:2]
    ]
    many = [replace(each, run=replace(each.run, seed=each.run.seed + 10)) for each in RECORDED] * 9
    for seed in range(20):
        chosen = reproduce.choose([*many, *others], 3, seed)
        assert {each.run.setting for each in chosen} == {"cnn-max", "cnn-mean", "large-batch"}
    assert reproduce.choose(RECORDED, 3, 0) == reproduce.choose(RECORDED, 3, 0)
    assert len(reproduce.choose(RECORDED, 5)) == 5


def test_more_than_there_are_is_named():
    with pytest.raises(ValueError, match="at most the 5 recorded runs, got 6"):
        reproduce.choose(RECORDED, 6)
