"""Are classes that have an order measured by how far off they are?"""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, cohen_kappa_score

from aet_keras import evaluation
from aet_keras.evaluation.ordinal import measure_order, medians


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, 200)
    odds = random.random((200, 5)) + 2 * np.eye(5)[labels]
    return labels, odds / odds.sum(axis=1, keepdims=True)


def test_the_median_has_the_least_expected_distance(rows):
    _, shares = rows
    places = np.arange(5)

    called = medians(shares)

    distances = np.abs(places[:, None] - places) @ shares.T  # (called, rows)
    least = distances.min(axis=0)
    np.testing.assert_allclose(distances[called, np.arange(200)], least)


def test_kappa_is_scikit_learns(rows):
    labels, shares = rows

    found = measure_order(labels, shares)

    wanted = cohen_kappa_score(labels, medians(shares), weights="quadratic")
    assert found.kappa == pytest.approx(wanted, abs=1e-12)


def test_distances_are_those_worked_by_hand():
    shares = [[0.4, 0.25, 0.35], [0.0, 0.1, 0.9]]

    found = measure_order([2, 0], shares)

    assert found.mae == 1.5  # the medians are 1 and 2
    assert found.likeliest_mae == 2.0  # the likeliest 0 and 2
    assert found.within_one == 0.5
    # Summed up, less 0 0 1 and 1 1 1: .4 .65 0 and -1 -.9 0.
    assert found.ranked_score == pytest.approx((0.5825 + 1.81) / 2)


def test_a_report_with_an_order_survives_json_and_says_it(rows):
    import dataclasses

    labels, shares = rows
    names = [f"{n}" for n in range(5)]
    scores = evaluation.measure_classification(
        labels, shares, class_names=names
    )
    scores = dataclasses.replace(scores, order=measure_order(labels, shares))

    again = type(scores).from_json(scores.to_json())

    assert again == scores
    assert "weighted kappa" in scores.to_text()


def test_a_rare_class_has_its_average_precision():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [60, 56, 4])
    odds = random.random((120, 3)) + np.eye(3)[labels]
    shares = odds / odds.sum(axis=1, keepdims=True)

    scores = evaluation.measure_classification(
        labels, shares, class_names=["a", "b", "rare"]
    )

    wanted = average_precision_score(labels == 2, shares[:, 2])
    assert scores.rarest_precision == pytest.approx(wanted)
    assert f"{wanted:.4f}   (rare: 4 of 120)" in scores.to_text()
