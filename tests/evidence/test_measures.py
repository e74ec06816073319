"""What claims measure, on rows whose numbers are known."""

import math

import pytest
from synthetic import recorded, row, run

from lrlib.evidence import measures
from lrlib.evidence.queries import Recorded


def on_one_machine(values):
    return {(seed, "a machine"): value for seed, value in values.items()}


def falling(run):
    """A long run whose loss is 2 until epoch 2.5, falls by 0.8 in 0.5 epochs, then by 0.2."""
    loss = [2.0] * 25 + [1.6, 1.2, 1.2, 1.2, 1.2] + [1.2, 1.0] + [1.0] * 18
    return row(run, loss=loss)


LONG = [run("evaluation", "step", "long", 0.1, seed) for seed in (0, 1)]


def test_the_fall_of_the_loss_is_read_around_two_epochs():
    record = recorded([falling(each) for each in LONG])
    fall = measures.loss_fall(record, "step", "long", at=2.5, within=0.5)
    assert fall == pytest.approx(on_one_machine({0: 0.8, 1: 0.8}))
    whole = measures.loss_fall(record, "step", "long", at=2.5, within=1.25)
    assert whole == pytest.approx(on_one_machine({0: 1.0, 1: 1.0}))
    share = measures.share_of_fall(record, "step", "long", at=2.5, within=0.5, until=3.75)
    assert share == pytest.approx(on_one_machine({0: 0.8, 1: 0.8}))


def test_a_setting_that_is_judged_by_its_loss_has_no_test_accuracy():
    with pytest.raises(ValueError, match="'sparse' is judged by its loss"):
        measures.accuracy_on_test(Recorded("sparse"), "fixed", "long")


def test_rows_at_the_tuned_rate_alone_are_measured():
    record = recorded(
        [
            row(run("evaluation", "cosine", "short", 0.1, 0), 0.7),
            row(run("evaluation", "cosine", "short", 0.1, 1, weight_decay=0.0), 0.6),
            row(run("evaluation", "cosine", "long", 0.1, 2), 0.9),
            row(run("evaluation", "cosine", "short", 0.05, 2), 0.9),
        ]
    )
    assert measures.accuracy_on_test(record, "cosine", "short") == pytest.approx(
        on_one_machine({0: 70})
    )
    at_zero = measures.accuracy_on_test(record, "cosine", "short", weight_decay=0.0)
    assert at_zero == pytest.approx(on_one_machine({1: 60}))


def test_validation_accuracy_is_read_at_an_epoch():
    single = run("evaluation", "cosine", "short", 0.1, 0)
    record = recorded([row(single, val_accuracy=[0.5, 0.7])])
    assert measures.validation_accuracy(record, "cosine", "short", 1) == pytest.approx(
        on_one_machine({0: 50})
    )
    with pytest.raises(ValueError, match="from 1 to 2, got 0"):
        measures.validation_accuracy(record, "cosine", "short", 0)


def test_the_edge_is_the_largest_rate_that_trains():
    accuracies = {0.4: 0.6, 0.8: 0.5, 1.6: 0.1, 3.2: 0.31, 6.4: 0.1}
    record = recorded(
        [row(run("edge", "cosine", "short", lr, 0), a) for lr, a in accuracies.items()]
    )
    assert measures.edge(record, "cosine") == on_one_machine({0: math.log2(3.2)})
    failing = row(run("edge", "cosine", "short", 0.4, 1), 0.1)
    with pytest.raises(ValueError, match="cosine trains at no rate"):
        measures.edge(recorded([*record.rows, failing]), "cosine")


def test_the_finder_is_measured_in_decades():
    suggestions = {"halfway": 0.1}
    record = recorded(
        [row(run("finder", "cosine", "short", None, 3), 0.66, suggestions=suggestions)]
    )
    tuned = [row(run("evaluation", "cosine", "short", 0.1, seed), 0.68) for seed in (3, 4)]
    assert measures.finder_gain(recorded([*record.rows, *tuned]), "cosine") == pytest.approx(
        on_one_machine({3: -2})
    )
    assert measures.finder_distance(record, "cosine") == {}  # nothing is tuned yet


def test_runs_on_other_hardware_are_no_pair():
    runs = [run("finder", "fixed", "short", None, seed) for seed in (0, 1)]
    record = recorded(
        [
            row(run("evaluation", "fixed", "short", 0.1, 0), 0.7),
            row(run("evaluation", "fixed", "short", 0.1, 1), 0.7, machine="a GPU"),
            *(row(each, 0.6) for each in runs),
        ]
    )
    gain = measures.finder_gain(record, "fixed")
    assert gain == pytest.approx(on_one_machine({0: -10}))
