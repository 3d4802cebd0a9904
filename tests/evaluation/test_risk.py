"""Are the figures of a risk those of scikit-learn?"""

import json

import numpy as np
import pytest
from sklearn import metrics

from aet_keras import evaluation
from aet_keras.evaluation.importance import measure_importance

NAMES = ["bad", "good"]


@pytest.fixture(scope="module")
def rows():
    """Returns labels and probabilities that know something of them."""
    random = np.random.default_rng(0)
    labels = (random.random(120) < 0.7).astype(int)
    p = 1 / (1 + np.exp(-(labels * 2 - 1 + random.normal(size=120) * 2)))
    return labels, np.stack([1 - p, p], axis=1)


def measure(rows, **settings):
    settings = {"positive": "bad", "resample_count": 50, **settings}
    return evaluation.measure_risk(*rows, class_names=NAMES, **settings)


def test_figures_are_those_of_scikit_learn(rows):
    labels, probabilities = rows
    truth, risk = labels == 0, probabilities[:, 0]

    found = measure(rows)

    assert found.roc_auc == metrics.roc_auc_score(truth, risk)
    expected = metrics.average_precision_score(truth, risk)
    assert found.average_precision == expected
    expected = metrics.brier_score_loss(truth, risk)
    assert found.brier == pytest.approx(expected)
    expected = metrics.recall_score(truth, risk >= 0.5)
    assert found.sensitivity == expected
    expected = metrics.recall_score(~truth, risk < 0.5)
    assert found.specificity == expected


def test_the_interval_is_that_of_scikit_learn_on_the_rows_drawn(rows):
    labels, probabilities = rows[0], rows[1].round(1)  # many are equal
    random, aucs = np.random.default_rng(3), []
    for _ in range(20):
        drawn = np.concatenate(
            [
                random.choice(of_class, len(of_class))
                for of_class in (np.flatnonzero(labels == i) for i in (0, 1))
            ]
        )
        aucs.append(
            metrics.roc_auc_score(labels[drawn] == 0, probabilities[drawn, 0])
        )

    found = measure((labels, probabilities), resample_count=20, seed=3)

    ends = np.quantile(aucs, [0.025, 0.975])
    np.testing.assert_allclose([found.roc_auc_low, found.roc_auc_high], ends)


def test_the_interval_holds_the_figure(rows):
    found = measure(rows, resample_count=200)

    assert found.roc_auc_low < found.roc_auc < found.roc_auc_high
    assert measure(rows, resample_count=200) == found


def test_a_costly_miss_lowers_the_threshold_and_the_cost(rows):
    found = measure(rows, cost_false_negative=5, cost_false_positive=1)

    assert found.threshold == pytest.approx(1 / 6)
    assert found.sensitivity > measure(rows).sensitivity
    truth, called = rows[0] == 0, rows[1][:, 0] >= 1 / 6
    missed, alarmed = (truth & ~called).sum(), (~truth & called).sum()
    assert found.cost == pytest.approx((5 * missed + alarmed) / 120)
    assert found.cost < found.cost_at_half


def test_calibration_bins_hold_all_rows(rows):
    bins = measure(rows).calibration

    assert [each.count for each in bins] == [12] * 10
    shares = [each.observed * each.count for each in bins]
    assert sum(shares) == pytest.approx((rows[0] == 0).sum())
    predicted = [each.predicted for each in bins]
    assert predicted == sorted(predicted)


def test_more_classes_have_macro_figures():
    random = np.random.default_rng(1)
    labels = np.arange(60) % 3
    p = random.dirichlet(np.ones(3), 60) + np.eye(3)[labels] / 2
    p /= p.sum(axis=1, keepdims=True)

    found = evaluation.measure_risk(
        labels, p, class_names="abc", positive="a", resample_count=20
    )

    expected = metrics.roc_auc_score(labels, p, multi_class="ovr")
    assert found.roc_auc == pytest.approx(expected)
    expected = metrics.recall_score(labels, p.argmax(1), average="macro")
    assert found.sensitivity == pytest.approx(expected)
    assert found.threshold is None and found.positive == ""


def test_a_split_without_positives_has_no_auc():
    found = evaluation.measure_risk(
        [1, 1],
        [[0.2, 0.8], [0.1, 0.9]],
        class_names=NAMES,
        positive="bad",
        resample_count=5,
    )

    assert np.isnan(found.roc_auc) and found.specificity == 1.0


@pytest.mark.parametrize("cost", ["cost_false_negative", "cost_false_positive"])
def test_a_cost_has_to_be_above_zero(rows, cost):
    with pytest.raises(ValueError, match=f"`{cost}` must be .* above 0"):
        measure(rows, **{cost: 0})


def test_a_shuffled_column_that_tells_all_costs_most():
    labels = np.arange(40) % 2
    inputs = {"noise": np.zeros(40), "told": labels.astype(float)}

    def predict(inputs):
        return np.stack([1 - inputs["told"], inputs["told"]], axis=1)

    found = measure_importance(
        predict, inputs, labels, positive_index=1, attention={"told": 0.8}
    )

    assert [each.name for each in found] == ["told", "noise"]
    assert found[0].permutation == pytest.approx(0.5, abs=0.15)
    assert found[0].attention == 0.8 and found[1].attention is None


def test_a_report_lifts_the_figures_and_comes_back(rows, tmp_path):
    importance = [evaluation.features.FeatureImportance("age $", None, 0.1)]
    risk = measure(rows, importance=importance)
    scores = evaluation.measure_classification(*rows, class_names=NAMES)
    report = evaluation.Report("credit", "2026-01-31", scores, risk=risk)

    content = json.loads(json.dumps(report.to_json()))

    assert content["roc_auc"] == content["risk"]["roc_auc"] == risk.roc_auc
    assert evaluation.Report.from_json(content).risk == risk
    assert f"ROC AUC of `bad` {risk.roc_auc:.4f}" in report.to_text()
    path = evaluation.draw_report(report, tmp_path / "report.png")
    assert path.stat().st_size > 10_000
