import dataclasses
import math
import os
import sys

import numpy as np
import pytest
from PIL import Image

from aet_keras.evaluation import (
    Forgetting,
    Report,
    draw_report,
    measure_classification,
)


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
def test_picture_of_any_length_opens(tmp_path, epochs):
    path = draw_report(report(epochs), tmp_path / "new" / "report.png")

    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.width > 1000
    assert os.listdir(path.parent) == ["report.png"]


def test_the_title_says_what_became_of_the_old_task(tmp_path):
    plain = report(2)
    record = Forgetting(0.9, 0.8, 3, 1, 20)
    old = dataclasses.replace(plain, old_task=record)

    bare = draw_report(plain, tmp_path / "bare.png").read_bytes()
    told = draw_report(old, tmp_path / "told.png").read_bytes()

    assert told != bare


def test_many_classes_leave_the_matrix_out(tmp_path):
    few = draw_report(report(2, classes=20), tmp_path / "few.png")
    many = draw_report(report(2, classes=21), tmp_path / "many.png")

    with Image.open(few) as wide, Image.open(many) as narrow:
        assert narrow.width < wide.width


def test_names_are_no_formulas_and_odd_numbers_no_trouble(tmp_path):
    names = ["$x$", "$", "帽子"]
    odd = report(3, names=names, loss=[1.0, math.nan, math.inf])

    assert draw_report(odd, tmp_path / "a.png").stat().st_size > 0


def test_drawing_leaves_pyplot_alone(tmp_path):
    before = "matplotlib.pyplot" in sys.modules

    draw_report(report(1), tmp_path / "a.png")

    assert ("matplotlib.pyplot" in sys.modules) == before
