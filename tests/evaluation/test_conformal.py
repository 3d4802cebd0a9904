"""Do sets and intervals hold the truth as often as was asked?"""

import numpy as np
import pytest

from aet_keras.evaluation.conformal import (
    Coverage,
    Guarantee,
    calibrate,
    measure_coverage,
    needed_rows,
)
from aet_keras.evaluation.report import Report


def _rows(count, seed, classes=5):
    """Returns labels, and probabilities that are too sure of themselves."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, classes))
    noise = np.exp(logits + random.gumbel(size=logits.shape))
    said = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=1, keepdims=True)
    return noise.argmax(axis=1), said


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_are_those_of_crepes(coverage):
    crepes = pytest.importorskip("crepes")
    labels, said = _rows(150, seed=0)
    _, new = _rows(400, seed=1)
    true = said[np.arange(150), labels]
    oracle = crepes.ConformalClassifier().fit(1 - true)

    theirs = oracle.predict_set(1 - new, confidence=coverage, smoothing=False)

    ours = calibrate(labels, said, coverage=coverage).sets(new)
    best = np.eye(5, dtype=bool)[new.argmax(axis=1)]
    assert (ours == (theirs.astype(bool) | best)).all()


def test_intervals_are_those_of_crepes():
    crepes = pytest.importorskip("crepes")
    random = np.random.default_rng(0)
    # Of 99 rows crepes takes the next rank: it cuts off 9.999999999999998.
    truth, said = random.normal(size=(2, 98))
    oracle = crepes.ConformalRegressor().fit(truth - said)

    theirs = oracle.predict_int(said[:5], confidence=0.9)

    found = calibrate(truth, said, coverage=0.9, target_kind="number")
    low, high = found.interval(said[:5])
    assert np.allclose(np.stack([low, high], 1), theirs, atol=1e-6)


def test_coverage_over_many_calibrations_is_what_was_asked():
    shares = []
    for seed in range(200):
        labels, said = _rows(300, seed=seed)
        found = calibrate(labels[:50], said[:50], coverage=0.9)
        measured = measure_coverage(labels[50:], said[50:], found)
        shares.append(measured.coverage)

    # ceil(51 * 0.9) / 51 = 0.902; the mean of 200 has an error of 0.003.
    assert np.mean(shares) == pytest.approx(46 / 51, abs=0.01)


@pytest.mark.parametrize("said", [-3.7511075, -7.0014215, 2.3, 1e4 + 0.1])
def test_rows_on_the_edge_of_an_interval_are_inside(said):
    # A model that says one number, of whole numbers: many lie on the edge.
    labels = np.random.default_rng(0).integers(0, 5, 400).astype("float32")
    outputs = np.full(400, said, "float32")

    found = calibrate(labels, outputs, coverage=0.9, target_kind="number")

    measured = measure_coverage(labels, outputs, found)
    assert measured.coverage >= 0.9
    assert found.limit == pytest.approx(np.abs(labels - said).max(), rel=1e-3)


def test_least_rows_are_enough_and_one_less_is_not():
    labels, said = _rows(99, seed=0)

    found = calibrate(labels, said, coverage=0.99)

    assert needed_rows(0.99) == 99
    worst = said[np.arange(99), labels].min()  # the score of rank 99 of 99
    assert found.limit == pytest.approx(worst, abs=1e-5)
    with pytest.raises(ValueError, match="at least 99 rows.*98 rows"):
        calibrate(labels[1:], said[1:], coverage=0.99)


def test_a_class_that_is_covered_badly_is_named():
    said = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.9, 0.1]]
    limit = Guarantee(0.7, 0.4, 20, "classes")

    found = measure_coverage([0, 0, 1, 1], said, limit, class_names=["a", "b"])

    assert found.coverage == 0.75
    assert found.size == 1.25
    assert (found.worst.name, found.worst.coverage) == ("b", 0.5)
    assert "\nb       0.5000" in found.to_text()


def test_three_rows_that_hold_all_their_tags_do_not_prove_it():
    limit = Guarantee(0.7, 0.4, 20, "tags", thresholds=(0.5, 0.5))
    labels = np.array([[1, 0], [1, 1], [0, 1]])

    found = measure_coverage(labels, labels, limit, class_names=["a", "b"])

    assert found.coverage == found.high == 1
    assert found.low == pytest.approx(0.4385, abs=1e-4)  # Wilson's, of 3 of 3


def test_what_calibrations_of_so_many_rows_cover():
    # Angelopoulos and Bates, 2021 (arXiv 2107.07511), section 3.2: with 1000
    # rows at 0.9, coverage is typically from .88 to .92.
    low, high = Guarantee(0.9, 0.1, 1000, "classes").likely

    assert (round(low, 2), round(high, 2)) == (0.88, 0.92)


def test_a_report_keeps_its_coverage():
    from aet_keras import evaluation

    said = np.eye(2)[[0, 1]]
    test = evaluation.measure_classification(
        [0, 1], said, class_names=["a", "b"]
    )
    limit = Guarantee(0.7, 0.4, 20, "classes")
    found = measure_coverage([0, 1], said, limit, class_names=["a", "b"])
    report = Report("x", "now", test, history={"loss": [0.1]}, coverage=found)

    again = Report.from_json(report.to_json())

    assert isinstance(again.coverage, Coverage)
    assert again.coverage == found
    assert "asked 0.7   covered 1.0000" in report.to_text()
