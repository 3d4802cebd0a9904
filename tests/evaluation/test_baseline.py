"""Is a model called useless where it is, and not where it is not?"""

import json

import numpy as np
import pytest

from aet_keras import evaluation
from aet_keras.evaluation import Report, measure_classification, measure_risk
from aet_keras.evaluation.baseline import figure_text
from aet_keras.export.card_facts import shown_number

NAMES = ["common", "rare", "rarest"]


def classified(labels, called, names=NAMES):
    probabilities = np.full((len(called), len(names)), 0.1)
    probabilities[np.arange(len(called)), called] = 1.1 - 0.1 * len(names)
    return measure_classification(labels, probabilities, class_names=names)


def matrix(rows, names=NAMES):
    """Returns the scores of a confusion matrix."""
    pairs = [
        (true, called)
        for true, row in enumerate(rows)
        for called, count in enumerate(row)
        for _ in range(count)
    ]
    return classified(*map(list, zip(*pairs, strict=True)), names)


def better(scores, risk=None):
    found = evaluation.baseline.compare_with_baselines(scores, risk)
    return {each.figure: each.is_better for each in found}


def test_every_row_called_one_class_is_of_no_use():
    scores = matrix([[150, 0, 0], [12, 0, 0], [4, 0, 0]])

    accuracy, balanced = evaluation.baseline.compare_with_baselines(scores)
    said = evaluation.judgement.judge(scores)

    assert accuracy.value == accuracy.baseline == pytest.approx(150 / 166)
    assert balanced.value == balanced.baseline == pytest.approx(1 / 3)
    assert not accuracy.is_better and not balanced.is_better
    assert said.startswith("The model is of no use: it calls every row `common")


def test_accuracy_0_is_not_published_without_a_word():
    said = evaluation.judgement.judge(matrix([[0, 9], [9, 0]], ["a", "b"]))

    assert "not better than no model" in said and "0.000" in said
    assert "No row is recognised of `a` (9), `b` (9)" in said


def test_the_rare_class_for_every_row_is_said_to_be_worse():
    said = evaluation.judgement.judge(matrix([[0, 90], [0, 10]], ["a", "b"]))

    assert "calls every row `b`" in said
    assert "every row `a` is right more often, for 0.900" in said


def test_a_good_model_hears_nothing():
    assert (
        evaluation.judgement.judge(matrix([[40, 9, 1], [5, 40, 5], [0, 2, 48]]))
        == ""
    )


def test_few_rows_show_nothing_however_many_are_right():
    said = evaluation.judgement.judge(matrix([[2, 0], [0, 2]], ["a", "b"]))

    assert "not shown to be better" in said and "4 test rows" in said


@pytest.mark.parametrize(
    ("count", "is_better"), [(1, False), (4, False), (5, True)]
)
def test_gains_of_four_rows_or_fewer_show_nothing(count, is_better):
    numbers = np.arange(count, dtype="float64")
    tags = np.eye(2)[np.arange(count) % 2]
    none = evaluation.tagging.TagAnswers([0.0, 0.0])

    found = [
        evaluation.regression.measure_regression(
            numbers, numbers + 0.1, baselines={"far": numbers + 3}
        ),
        rated(np.full(count, 0.1), np.zeros(count, int)),
        evaluation.tagging.measure_tags(
            tags, tags, names=["a", "b"], baselines={"none": none}
        ),
    ]

    for scores, figure in zip(found, ("RMSE", "RMSE", "macro F1"), strict=True):
        assert better(scores)[figure] is is_better


def test_answers_without_knowledge_are_not_better_at_any_size():
    random = np.random.default_rng(0)
    found = {
        count: np.mean(
            [
                any(
                    better(
                        classified(
                            random.choice(3, count, p=[0.8, 0.15, 0.05]),
                            random.choice(3, count, p=[0.6, 0.3, 0.1]),
                        )
                    ).values()
                )
                for _ in range(40)
            ]
        )
        for count in (60, 3000)  # shuffled, and by the formula
    }

    assert max(found.values()) <= 0.125  # 5 of 40; two in a hundred exceed it


def test_shuffles_and_the_formula_agree():
    rows = np.array([[500, 80, 20], [90, 60, 10], [25, 8, 7]])
    counts, called = rows.sum(axis=1), rows.sum(axis=0)
    truths, answers = (np.repeat(np.arange(3), n) for n in (counts, called))
    random = np.random.default_rng(0)

    found = [
        np.sum((random.permutation(answers) == truths) / counts[truths])
        for _ in range(4000)
    ]
    mean, variance = evaluation.baseline._shuffled(rows, 1 / counts)

    assert mean == pytest.approx(1.0)  # the mean recall of chance is 1 / 3
    assert np.mean(found) == pytest.approx(mean, abs=0.01)
    assert np.var(found) == pytest.approx(variance, rel=0.1)


def test_a_model_that_knows_rare_rows_is_not_called_useless():
    scores = matrix([[920, 60], [2, 18]], ["no", "yes"])

    said = evaluation.judgement.judge(scores)

    assert better(scores) == {"accuracy": False, "balanced accuracy": True}
    assert "no use" not in said and "Accuracy (0.938) is lower than" in said
    assert "balanced accuracy (0.919, by chance 0.500)" in said


def test_a_risk_that_orders_rows_is_seen_where_one_class_is_called():
    labels = np.repeat([0, 1], [80, 20])
    risks = np.where(labels, 0.3, 0.1) + np.linspace(0, 0.1, 100)
    rows = np.stack([1 - risks, risks], axis=1)
    of = {"class_names": ["no", "yes"]}
    scores = measure_classification(labels, rows, **of)
    risk = measure_risk(labels, rows, positive="yes", resample_count=50, **of)

    said = evaluation.judgement.judge(scores, risk)

    assert better(scores, risk)["ROC AUC"]
    assert said.startswith("The model calls every row `no`.")
    assert "ROC AUC (1.000, by chance 0.500)" in said


def test_an_auc_of_two_rows_a_class_is_not_certain():
    labels, risks = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4])
    rows = np.stack([1 - risks, risks], axis=1)
    of = {"class_names": ["no", "yes"]}
    risk = measure_risk(labels, rows, positive="yes", resample_count=9, **of)

    assert risk.roc_auc == risk.roc_auc_low == 1.0
    scores = measure_classification(labels, rows, **of)
    assert not better(scores, risk)["ROC AUC"]


def test_a_split_of_one_class_is_said_to_show_nothing():
    said = evaluation.judgement.judge(matrix([[5, 1], [0, 0]], ["a", "b"]))

    assert said.startswith("All rows are of `a`")


def rated(errors, ranks):
    truth = np.resize([1.0, 5.0], len(errors))
    return evaluation.measure_recommendation(
        truth,
        truth + errors,
        ranks,
        baselines={
            "biases": (truth + 1.0, np.full(len(truth), 9)),
            "popularity": (None, np.full(len(truth), 5)),
        },
    )


def test_ratings_stand_beside_the_best_baseline_row_for_row():
    random = np.random.default_rng(0)
    scores = rated(random.normal(0, 0.5, 200), np.zeros(200, int))

    rmse, ndcg = evaluation.baseline.compare_with_baselines(scores)
    mean, error = scores.gains["biases"]["rmse"]

    assert rmse.baseline == 1.0 and rmse.name == "biases" and rmse.is_better
    assert ndcg.name == "popularity" and ndcg.is_better
    assert mean == pytest.approx(1 - scores.rmse**2)
    assert 0 < error < 0.1
    assert evaluation.judgement.judge(scores) == ""


def test_ratings_no_better_than_biases_are_said_to_be():
    scores = rated(np.full(20, 1.2), np.full(20, 30))

    said = evaluation.judgement.judge(scores)

    assert said.startswith("The model is not better than no model.")
    assert "ratings are worse than biases of users and items" in said
    assert "ranking is worse than the popularity" in said


def report(scores, **settings):
    return Report("clothes", "2026-01-31", scores, **settings)


def test_the_report_says_it_at_the_top_and_in_its_file():
    useless = report(matrix([[150, 0, 0], [12, 0, 0], [4, 0, 0]]))

    text, content = useless.to_text(), json.loads(json.dumps(useless.to_json()))

    head = text.partition("\n\ntest\n")[0]
    assert "0.9036, every row called `common`; not better" in head
    assert "The model is of no use" in head
    assert content["verdict"] == useless.verdict
    assert content["baselines"][1]["baseline"] == pytest.approx(1 / 3)
    assert Report.from_json(content) == useless
    assert max(map(len, text.splitlines())) <= 80


def test_a_report_of_ratings_of_an_older_version_is_read():
    content = report(rated(np.zeros(4), np.zeros(4, int))).to_json()
    del content["test"]["gains"], content["mistakes"]

    revived = Report.from_json(content)

    assert revived.test.gains == {} and revived.mistakes == ()
    assert revived.baselines[0].is_better


def test_small_errors_are_shown_with_their_digits():
    assert figure_text(0.0000123) == shown_number(0.0000123) == "1.23e-05"
    assert (figure_text(0.0), shown_number(0.0)) == ("0.0000", "0.000")
    assert (figure_text(0.25), shown_number(0.25)) == ("0.2500", "0.250")
