"""Are numbers measured as scikit-learn does, and judged by baselines?"""

import json

import numpy as np
import pytest
from sklearn import metrics

from aet_keras import evaluation
from aet_keras.evaluation.regression import find_misses, measure_regression


@pytest.fixture
def numbers():
    """Returns true numbers, good predictions, and poor ones."""
    random = np.random.default_rng(0)
    true = random.normal(50, 10, 600)
    return true, true + random.normal(size=600), random.normal(50, 10, 600)


def report_of(test):
    return evaluation.Report("prices", "2026-01-31T12:00:00", test)


def test_figures_are_those_of_scikit_learn(numbers):
    true, good, poor = numbers

    found = measure_regression(true, good, baselines={"poor": poor})

    for score, said in ((found, good), (found.baselines["poor"], poor)):
        assert score.rmse == pytest.approx(
            metrics.root_mean_squared_error(true, said)
        )
        assert score.mae == pytest.approx(
            metrics.mean_absolute_error(true, said)
        )
        assert score.r2 == pytest.approx(metrics.r2_score(true, said))
    gains = (poor - true) ** 2 - (good - true) ** 2
    assert found.gains["poor"] == pytest.approx(
        (gains.mean(), gains.std() / np.sqrt(600))
    )
    assert len(found.points) == 400


def test_a_report_of_numbers_survives_its_file(numbers, tmp_path):
    true, good, poor = numbers
    test = measure_regression(true, good, baselines={"poor": poor})
    misses = find_misses(true, good, names=[f"row {i}" for i in range(600)])
    report = evaluation.Report("a", "b", test, validation=test, mistakes=misses)

    path = report.save(tmp_path / "report.json")
    content = json.loads(path.read_text())

    assert evaluation.Report.from_json(content) == report
    assert content["rmse"] == content["test"]["rmse"] == test.rmse
    assert "points" not in content
    assert "RMSE" in report.to_text() and "most wrong" in report.to_text()


def test_a_verdict_says_which_baseline_is_not_beaten(numbers):
    true, good, poor = numbers

    both = {"the mean": np.full(600, true.mean()), "a linear model": good}
    best = measure_regression(true, good, baselines=both)
    worst = measure_regression(true, poor, baselines=both)

    assert "as good as that of a linear model" in report_of(best).verdict
    assert report_of(worst).verdict.startswith("The model is not better than")
    assert "worse than that of the mean" in report_of(worst).verdict


def test_the_rows_that_are_most_wrong_come_first():
    true, said = np.arange(20.0), np.arange(20.0)
    said[[3, 7]] += [1.0, -5.0]

    found = find_misses(true, said, names=[f"row {i + 1}" for i in range(20)])

    assert [(each.row, each.error) for each in found] == [(7, -5), (3, 1)]
    assert found[0].name == "row 8"


def test_rows_that_do_not_vary_have_no_r2():
    found = measure_regression([3.0, 3.0], [3.0, 4.0])

    assert found.r2 is None and found.mae == 0.5


@pytest.mark.parametrize(
    ("true", "said", "advice"),
    [
        ([], [], "at least one row"),
        ([1.0, 2.0], [1.0], "one number a row"),
        ([1.0, 2.0], [1.0, np.inf], "lower rate"),
    ],
    ids=["no rows", "too few", "not finite"],
)
def test_what_cannot_be_measured_is_refused(true, said, advice):
    with pytest.raises(ValueError, match=advice):
        measure_regression(true, said)


def test_a_chart_of_numbers_is_drawn(numbers, tmp_path):
    true, good, _ = numbers
    test = measure_regression(true, good, baselines={"the mean": good})

    path = evaluation.draw_report(report_of(test), tmp_path / "report.png")

    assert path.read_bytes().startswith(b"\x89PNG")
