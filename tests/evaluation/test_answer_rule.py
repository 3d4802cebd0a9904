"""Are figures those of the class that is answered?"""

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score

from aet_keras import evaluation
from aet_keras.evaluation import measure_classification, measure_risk
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule
from aet_keras.evaluation.baseline import compare_with_baselines
from aet_keras.evaluation.by_group import measure_by_group
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.mistakes import find_mistakes

NAMES = ["bad", "fair", "good"]
MEDIAN = AnswerRule(is_ordered=True)
COSTS = AnswerRule(called_from=(0, 0.2))  # to miss a bad one costs four times


@pytest.fixture
def ordered():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 200)
    odds = random.random((200, 3)) + np.eye(3)[labels]
    return labels, odds / odds.sum(axis=1, keepdims=True)


@pytest.fixture
def risky():
    random = np.random.default_rng(1)
    labels = (random.random(300) < 0.7).astype(int)
    risk = np.clip(0.3 - 0.2 * labels + 0.3 * random.random(300), 0, 1)
    return labels, np.stack([risk, 1 - risk], axis=1)


def test_what_is_answered_is_worked_out_by_hand():
    shares = [[0.4, 0.25, 0.35], [0.1, 0.2, 0.7]]

    assert LIKELIEST.answers(shares).tolist() == [0, 2]
    assert MEDIAN.answers(shares).tolist() == [1, 2]
    assert COSTS.answers([[0.2, 0.8], [0.19, 0.81]]).tolist() == [0, 1]


def test_figures_of_an_order_are_those_of_the_median(ordered):
    labels, shares = ordered
    medians, likeliest = MEDIAN.answers(shares), shares.argmax(axis=1)
    assert (medians != likeliest).sum() > 10

    scores = measure_classification(
        labels, shares, class_names=NAMES, rule=MEDIAN
    )
    risk = measure_risk(
        labels, shares, class_names=NAMES, positive="good", rule=MEDIAN
    )
    found = find_mistakes(
        labels, shares, class_names=NAMES, names=["row"] * 200, rule=MEDIAN
    )
    group = measure_by_group(
        labels, shares, ["all"] * 200, column="x", rule=MEDIAN
    )

    assert scores.accuracy == (medians == labels).mean()
    assert scores.likeliest_accuracy == (likeliest == labels).mean()
    np.testing.assert_array_equal(
        scores.confusion_matrix, confusion_matrix(labels, medians)
    )
    recall = recall_score(labels, medians, average="macro")
    assert scores.macro_recall == pytest.approx(recall)
    assert risk.sensitivity == pytest.approx(recall)
    assert all(each.predicted == NAMES[medians[each.row]] for each in found)
    wrong = group.groups[0].figures["wrong"].value
    assert wrong == pytest.approx(1 - scores.accuracy)
    said = scores.to_text()
    share = f"{scores.likeliest_accuracy:.4f}"
    assert f"by the median; accuracy of the likeliest {share}" in said
    again = Classification.from_json(json.loads(json.dumps(scores.to_json())))
    assert again == scores


def test_of_costs_the_mean_cost_is_compared_with_one_answer_for_all(risky):
    labels, shares = risky
    costs = {"cost_false_negative": 4.0, "cost_false_positive": 1.0}
    of = {"class_names": NAMES[:2]}

    scores = measure_classification(labels, shares, rule=COSTS, **of)
    risk = measure_risk(labels, shares, positive="bad", **costs, **of)
    *_, cost, _ = compare_with_baselines(scores, risk)

    called = shares[:, 0] >= 0.2
    assert scores.accuracy == ((~called).astype(int) == labels).mean()
    row = np.where(labels == 0, 4.0 * ~called, 1.0 * called)
    alone = {"bad": labels.mean(), "fair": 4 * (1 - labels.mean())}
    name = min(alone, key=alone.get)
    assert cost.figure == "mean cost"
    assert cost.value == pytest.approx(row.mean())
    assert cost.value == pytest.approx(risk.cost)
    assert cost.baseline == pytest.approx(alone[name])
    assert cost.name == f"every row called `{name}`" and cost.is_better
    again = evaluation.risk.Risk.from_json(risk.to_json())
    assert again.costs == (4.0, 1.0)


def test_a_model_that_saves_no_costs_is_said_to(risky):
    labels, shares = risky
    shares = np.random.default_rng(2).permutation(shares)
    costs = {"cost_false_negative": 4.0, "cost_false_positive": 1.0}
    of = {"class_names": NAMES[:2]}

    scores = measure_classification(labels, shares, rule=COSTS, **of)
    risk = measure_risk(labels, shares, positive="bad", **costs, **of)

    *_, cost, _ = compare_with_baselines(scores, risk)
    assert not cost.is_better


def test_it_is_kept_as_numbers():
    for rule in (LIKELIEST, MEDIAN, COSTS):
        assert AnswerRule.of_numbers(np.array(rule.to_numbers())) == rule
    assert AnswerRule.of_numbers(()) == LIKELIEST  # of an older file
