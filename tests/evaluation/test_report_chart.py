import dataclasses
import math
import os
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from aet_keras.evaluation import (
    Report,
    chart_fonts,
    draw_report,
    measure_classification,
    measure_risk,
    report_chart,
    score_charts,
)
from aet_keras.evaluation.features import FeatureImportance
from aet_keras.evaluation.forgetting import Forgetting
from aet_keras.evaluation.rating_scores import (
    Recommendation,
    measure_recommendation,
)
from aet_keras.evaluation.regression import measure_regression
from aet_keras.evaluation.tagging import measure_tags

CURVES = ("macro_f1", "mae", "rmse", "ndcg", "hit_rate")


def report(epochs, groups=6, classes=3, names=None, loss=None):
    labels = np.arange(classes)
    scores = measure_classification(
        labels,
        np.eye(classes),
        class_names=names or [f"class {i}" for i in labels],
    )
    falling = [1 / epoch for epoch in range(1, epochs + 1)]
    return Report(
        "clothes",
        "2026-01-31",
        scores,
        history={"loss": loss or falling, "val_loss": falling},
        rates=[1e-3] * epochs,
        group_names=tuple(f"a long group name {i}" for i in range(groups)),
        trained_groups=[(True,) * groups] * epochs,
        best_epoch=epochs,
    )


@pytest.mark.parametrize("epochs", [0, 1, 60])
def test_chart_of_any_length_opens(tmp_path, epochs):
    path = draw_report(report(epochs), tmp_path / "new" / "report.png")

    with Image.open(path) as drawn:
        drawn.load()
        assert drawn.format == "PNG"
        assert drawn.width > 1000
    assert os.listdir(path.parent) == ["report.png"]


FEATURES = (FeatureImportance("age", None, 0.1), FeatureImportance("b", 0.5, 0))
OTHERS = {
    "tags": dataclasses.replace(
        measure_tags(
            [[1, 0], [1, 1], [0, 1]],
            [[0.9, 0.2], [0.4, 0.7], [0.1, 0.8]],
            names=["red", "wool"],
        ),
        importance=FEATURES,
    ),
    "a number": dataclasses.replace(
        measure_regression(
            [1, 2, 3, 6], [1, 2, 3, 4], baselines={"the mean": [3, 3, 3, 3]}
        ),
        importance=FEATURES,
    ),
    "ratings": measure_recommendation(
        [4, 2], [3, 2], [0, 12], baselines={"popularity": (None, [2, 30])}
    ),
    "interactions": Recommendation(None, 0.1, 0.05, k=10, count=3),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_not_of_classes_is_drawn_too(kind, tmp_path):
    plain = report(2)
    falling = {
        f"{v}{name}": [2.0, 1.0] for v in ("", "val_") for name in CURVES
    }
    other = dataclasses.replace(
        plain, test=OTHERS[kind], history={**plain.history, **falling}
    )

    path = draw_report(other, tmp_path / "report.png")

    with Image.open(path) as drawn:
        assert drawn.width > 1000


def test_the_title_says_what_became_of_the_old_task():
    plain = report(2)
    record = Forgetting(0.9, 0.8, 3, 1, 20)
    old = dataclasses.replace(plain, old_task=record)

    with chart_fonts.lettered([]) as spell:
        bare, told = (report_chart._title(each, spell) for each in (plain, old))

    (said,) = {text for text, *_ in told} - {text for text, *_ in bare}
    assert "0.900" in said and "0.800" in said


def axes_of(scores):
    axes = Figure().add_subplot()
    with chart_fonts.lettered([]) as spell:
        score_charts.draw_confusions(axes, scores, spell)
    return axes


def test_of_more_than_forty_classes_the_largest_confusions_are_listed(tmp_path):
    called = np.arange(41)
    called[[3, 5, 6]] = 7
    labels = np.arange(41).repeat([3 if i == 5 else 1 for i in range(41)])
    scores = measure_classification(
        labels,
        np.eye(41)[called[labels]],
        class_names=[f"class {i}" for i in range(41)],
    )

    axes = axes_of(scores)

    bars = [bar.get_width() for bar in axes.patches]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert bars == [3, 1, 1]
    assert rows[0] == "class 5\n\N{RIGHTWARDS ARROW} class 7"
    assert [bar.get_y() + bar.get_height() / 2 for bar in axes.patches] == (
        pytest.approx(axes.get_yticks())
    )
    assert draw_report(report(2, classes=41), tmp_path / "a.png").exists()


def test_up_to_forty_classes_are_a_matrix_that_says_what_its_colours_mean():
    axes = axes_of(report(1, classes=40).test)

    bar = axes.figure.axes[1]
    assert axes.images and len(axes.get_yticklabels()) == 40
    assert bar.get_ylabel() == "colour: share of the true class (row)"


@pytest.mark.parametrize("attention", [None, 0.2])
def test_bars_of_features_stand_at_their_ticks(attention):
    labels, rows = [0, 1], [[0.9, 0.1], [0.2, 0.8]]
    risk = measure_risk(
        labels,
        rows,
        class_names=["no", "yes"],
        positive="yes",
        importance=[FeatureImportance(n, attention, 0.1) for n in "abc"],
        resample_count=2,
    )
    axes = Figure().add_subplot()

    with chart_fonts.lettered([]) as spell:
        score_charts.draw_features(axes, risk.importance, spell)

    middles = [bar.get_y() + bar.get_height() / 2 for bar in axes.patches]
    pairs = np.reshape(middles, (-1, 3)).mean(axis=0)
    assert pairs == pytest.approx(axes.get_yticks())


def test_the_title_says_that_a_model_is_of_no_use(tmp_path):
    scores = measure_classification(
        [0] * 9 + [1], [[0.9, 0.1]] * 10, class_names=["hat", "shoe"]
    )
    useless = dataclasses.replace(report(1), test=scores)

    with chart_fonts.lettered([]) as spell:
        lines = report_chart._title(useless, spell)
        plain = report_chart._title(report(1, classes=30), spell)

    texts = [text for text, _, _ in lines]
    assert "accuracy 0.900 (every row called `hat`: 0.900)" in texts[1]
    assert texts[2].startswith("The model is of no use")
    assert len(plain) == 2


def test_names_are_no_formulas_and_odd_numbers_no_trouble(tmp_path):
    names = ["$x$", "$", "帽子"]
    odd = report(3, names=names, loss=[1.0, math.nan, math.inf])

    assert draw_report(odd, tmp_path / "a.png").stat().st_size > 0


def test_drawing_leaves_pyplot_alone(tmp_path):
    before = "matplotlib.pyplot" in sys.modules

    draw_report(report(1), tmp_path / "a.png")

    assert ("matplotlib.pyplot" in sys.modules) == before
