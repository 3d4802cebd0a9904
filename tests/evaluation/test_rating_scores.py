"""Are ratings and ranks measured as the definitions say?"""

import json

import numpy as np
import pytest

from aet_keras import evaluation


def measured():
    return evaluation.measure_recommendation(
        [4, 2, 5, 1],
        [3, 2, 5, 3],
        [0, 1, 9, 10],
        baselines={
            "biases": ([3, 3, 3, 3], [5, 50, 50, 50]),
            "popularity": (None, [50, 0, 50, 50]),
        },
    )


def test_the_figures_are_those_worked_by_hand():
    scores = measured()

    assert scores.rmse == pytest.approx(np.sqrt((1 + 0 + 0 + 4) / 4))
    assert scores.hit_rate == 0.75
    gains = 1 + 1 / np.log2(3) + 1 / np.log2(11)
    assert scores.ndcg == pytest.approx(gains / 4)
    assert scores.baselines["popularity"].rmse is None
    assert scores.baselines["popularity"].hit_rate == 0.25


def test_ndcg_is_that_of_scikit_learn():
    from sklearn.metrics import ndcg_score

    random = np.random.default_rng(0)
    scores, items = random.normal(size=(20, 30)), random.integers(0, 30, 20)
    ranks = evaluation.rating_scores.rank_items(
        scores, items, [np.array([], int)] * 20
    )

    ndcg = evaluation.measure_recommendation(ranks, ranks, ranks).ndcg

    assert ndcg == pytest.approx(ndcg_score(np.eye(30)[items], scores, k=10))


def test_what_was_rated_otherwise_is_not_shown():
    scores = np.array([[3.0, 2.0, 1.0]] * 2)

    ranks = evaluation.rating_scores.rank_items(
        scores, [2, 2], [np.array([0, 2]), np.array([0, 1, 2])]
    )

    assert ranks.tolist() == [1, 0]


def test_equal_scores_gain_nothing_and_the_unknown_miss():
    ranks = evaluation.rating_scores.rank_items(
        np.zeros((2, 40)), [0, -1], [np.array([], int)] * 2
    )

    assert ranks.tolist() == [19, 40]


def test_a_score_that_is_no_number_is_ranked_last():
    scores = np.array([[np.nan, np.nan, np.nan], [1.0, np.nan, 0.0]])

    ranks = evaluation.rating_scores.rank_items(
        scores, [0, 0], [np.array([], int)] * 2
    )

    assert ranks.tolist() == [2, 1]


def test_a_report_of_ratings_is_saved_loaded_printed_and_drawn(tmp_path):
    report = evaluation.Report(
        "films",
        "2026-01-31",
        measured(),
        validation=measured(),
        history={"loss": [1.0], "rating_rmse": [1.1]},
    )

    path = report.save(tmp_path / "report.json")
    content = json.loads(path.read_text())
    chart = evaluation.draw_report(report, tmp_path / "report.png")

    for name in ("rmse", "hit_rate", "ndcg"):
        assert content[name] == content["test"][name]
    assert evaluation.Report.from_json(content) == report
    assert "popularity       -    0.2500" in report.to_text()
    assert chart.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("predicted", "advice"),
    [([np.nan, 1.0], "lower rate"), ([1.0], "one number a rating")],
    ids=["NaN", "too few"],
)
def test_predictions_that_say_nothing_are_refused(predicted, advice):
    with pytest.raises(ValueError, match=advice):
        evaluation.measure_recommendation([1, 2], predicted, [0, 0])
