"""Recorded runs come out again: exactly on the same machine, closely on another."""

import pytest
from synthetic import row, run

from lrlib.evidence import reproduce, runs

pytestmark = pytest.mark.usefixtures("undo_what_a_recorder_sets")
RECORDED = [row(run("evaluation", "cosine", "short", 0.1, seed), 0.7) for seed in range(5)]


def rerun(monkeypatch, accuracy, **changes):
    monkeypatch.setattr(runs, "make", lambda run: row(run, accuracy, **changes))
    return reproduce.reproduce(RECORDED, 3)


def test_the_same_machine_must_agree_exactly(monkeypatch, capsys):
    assert rerun(monkeypatch, 0.7)
    assert capsys.readouterr().out.count("ok ") == 3
    assert not rerun(monkeypatch, 0.7002)
    assert "NOT Run(stage='evaluation'" in capsys.readouterr().out


@pytest.mark.parametrize(
    "other", [{"machine": "another"}, {"threads": 2}, {"versions": {"torch": "3.0"}}]
)
def test_another_machine_must_agree_within_the_tolerance(monkeypatch, other, capsys):
    assert rerun(monkeypatch, 0.72, **other)
    assert not rerun(monkeypatch, 0.6, **other)
    assert "within 3%" in capsys.readouterr().out


def test_more_than_there_are_is_named():
    with pytest.raises(ValueError, match="at most the 5 recorded runs, got 6"):
        reproduce.reproduce(RECORDED, 6)
