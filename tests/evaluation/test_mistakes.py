"""Are the most wrong rows found, named, and drawn?"""

import json
import os

import numpy as np
import pytest
from PIL import Image

from aet_keras import evaluation
from aet_keras.evaluation import Report
from aet_keras.evaluation.mistake_chart import draw_mistakes

NAMES = ["shirt", "coat", "hat"]
LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
ROWS = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.3, 0.6, 0.1],
        [0.05, 0.9, 0.05],
        [0.2, 0.5, 0.3],
        [0.6, 0.4, 0.0],
        [0.1, 0.8, 0.1],
        [0.7, 0.29, 0.01],
    ]
)


def scores():
    return evaluation.measure_classification(LABELS, ROWS, class_names=NAMES)


def mistakes(**settings):
    return evaluation.mistakes.find_mistakes(
        LABELS,
        ROWS,
        class_names=NAMES,
        names=[f"photos/{row}.png" for row in range(7)],
        **settings,
    )


def report(**settings):
    return Report(
        "clothes", "2026-01-31", scores(), mistakes=mistakes(), **settings
    )


def test_the_most_confused_come_first():
    pairs = evaluation.mistakes.most_confused(scores())

    first, second, third = pairs
    assert (first.true, first.predicted) == ("shirt", "coat")
    assert first.count == 3 and first.share == 0.75
    assert second.true == "hat" and second.share == 1.0
    assert third.true == "coat" and third.share == 0.5


def test_the_lowest_probability_of_the_own_class_is_most_wrong():
    found = mistakes(content=lambda row: f"row {row} says so")

    assert [each.row for each in found] == [6, 2, 3, 1, 4]
    assert found[0].name == "photos/6.png" and found[0].true == "hat"
    assert found[0].predicted == "shirt" and found[0].probability == 0.7
    assert found[0].true_probability == 0.01
    assert found[1].content == "row 2 says so"


def test_a_pair_is_shown_though_its_rows_are_not_the_most_wrong():
    labels = np.repeat([0, 1], [20, 30])
    rows = np.repeat([[0.1, 0.9, 0.0], [0.45, 0.4, 0.15]], [20, 30], axis=0)

    found = evaluation.mistakes.find_mistakes(
        labels, rows, class_names=NAMES, names=[""] * 50
    )

    assert sum(each.true == "shirt" for each in found) == 12
    assert sum(each.true == "coat" for each in found) == 6


def test_cells_are_written_out_dates_as_dates_and_gaps_left_out():
    inputs = {
        "age": np.array([np.nan, 44.5], "float32"),
        "branch": np.array(["north", ""], object),
        "opened": np.array([19754.0, np.nan], "float32"),
    }

    said = [
        evaluation.mistakes.cells_of(inputs, i, dates=["opened"])
        for i in (0, 1)
    ]

    assert said == ["branch north, opened 2024-02-01", "age 44.5"]


def test_the_report_tells_them_and_keeps_them():
    whole = report()

    content = json.loads(json.dumps(whole.to_json()))
    text = whole.to_text()

    assert Report.from_json(content) == whole
    assert content["most_confused"][0]["count"] == 3
    assert content["mistakes"][0]["name"] == "photos/6.png"
    assert "shirt called coat: 3 of 4 (75%)" in text
    assert "hat called shirt: 70%  photos/6.png" in text


def test_the_images_are_drawn(tmp_path):
    images = {
        each.row: np.full((16, 12, 3), (250, 0, 250), "uint8")
        for each in mistakes()
    }

    path = draw_mistakes(report(), images, tmp_path / "a.png")

    with Image.open(path) as drawn:
        pixels = np.asarray(drawn.convert("RGB")).reshape(-1, 3)
    assert (pixels == (250, 0, 250)).all(axis=1).mean() > 0.1
    assert os.listdir(tmp_path) == ["a.png"]


def test_nothing_wrong_is_nothing_to_draw(tmp_path):
    right = Report("clothes", "2026-01-31", scores())

    with pytest.raises(ValueError, match="Draw nothing then"):
        draw_mistakes(right, {}, tmp_path / "a.png")
