import dataclasses
import json
import math
import os

import pytest

from aet_keras import evaluation
from aet_keras.evaluation import Report, measure_classification
from aet_keras.evaluation.features import FeatureImportance
from aet_keras.evaluation.forgetting import Forgetting
from aet_keras.evaluation.ordinal import measure_order


def scores():
    return measure_classification(
        [0, 1, 1],
        [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]],
        class_names=["hat", "shoe"],
    )


def full_report():
    return Report(
        name="clothes",
        created="2026-01-31T12:00:00+00:00",
        test=scores(),
        validation=scores(),
        history={"loss": [0.9, 0.5], "elastic_freezing/trained_groups": [1, 2]},
        rates=[1e-3, 1e-4],
        group_names=("stem", "head"),
        trained_groups=[(False, True), (True, True)],
        events=["epoch 2: thawed stem, because validation stalled; 2.1 s"],
        best_epoch=2,
        seconds={"training": 61.23, "total": 72.9},
        versions={"keras": "3.15.1"},
        notes=("2 images were skipped.",),
        stopped="the loss became NaN in epoch 3",
        old_task=Forgetting(0.9, 0.8, 3, 1, 20),
    )


def test_report_survives_json():
    report = full_report()

    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_bare_report_survives_json():
    report = Report("clothes", "2026-01-31", scores())

    assert Report.from_json(report.to_json()) == report


def test_a_report_of_an_older_version_has_no_old_task():
    content = full_report().to_json()
    del content["old_task"]

    assert Report.from_json(content).old_task is None


def test_a_report_says_whether_a_solved_head_was_kept():
    solved = {
        "after_epoch": 1,
        "loss_before": 1.8245,
        "loss_after": 0.9357,
        "is_kept": True,
    }
    report = dataclasses.replace(
        full_report(), best_epoch=1, solved_head=solved
    )

    content = json.loads(json.dumps(report.to_json()))

    assert content["solved_head"] == solved
    assert Report.from_json(content) == report
    assert (
        "weights of epoch 1, with the head solved after it, kept"
        in report.to_text()
    )


def test_a_report_of_an_older_version_has_no_solved_head():
    content = full_report().to_json()
    del content["solved_head"]

    assert Report.from_json(content).solved_head is None


def test_script_finds_the_accuracy_of_the_test_split():
    content = full_report().to_json()

    assert content["test"]["accuracy"] == content["accuracy"]
    assert content["accuracy"] == pytest.approx(2 / 3)
    assert content["per_class"][1]["name"] == "shoe"
    assert content["confusion_matrix"] == [[1, 0], [1, 1]]


def test_infinite_numbers_are_null_in_the_file_and_nan_when_read(tmp_path):
    history = {"loss": [1.0, math.nan, math.inf]}
    report = dataclasses.replace(full_report(), history=history)

    path = report.save(tmp_path / "report.json")

    content = json.loads(path.read_text("utf-8"))
    assert content["history"]["loss"] == [1.0, None, None]
    revived = Report.from_json(content).history["loss"]
    assert revived[0] == 1.0 and math.isnan(revived[2])


def test_figures_that_are_not_known_are_nan_when_read():
    of = {"class_names": ["hat", "shoe"]}
    labels, said = [0, 0], [[0.9, 0.1], [0.8, 0.2]]  # a split without shoes
    unknown = FeatureImportance("age", None, math.nan)
    risk = evaluation.measure_risk(
        labels, said, positive="shoe", importance=[unknown], **of
    )
    test = dataclasses.replace(
        evaluation.measure_classification(labels, said, **of),
        order=measure_order(labels, said),
    )
    report = Report("shoes", "2026-01-31", test, risk=risk)

    revived = Report.from_json(json.loads(json.dumps(report.to_json())))

    assert math.isnan(revived.risk.roc_auc)
    assert math.isnan(revived.risk.importance[0].permutation)
    assert math.isnan(revived.test.order.kappa)
    assert revived.risk.cost == risk.cost
    assert revived.to_json() == report.to_json()
    assert revived.to_text() == report.to_text()


def test_saved_file_replaces_the_old_one_and_leaves_nothing_aside(tmp_path):
    path = tmp_path / "new" / "report.json"

    full_report().save(path)
    dataclasses.replace(full_report(), name="again ü").save(path)

    assert os.listdir(path.parent) == ["report.json"]
    assert json.loads(path.read_text("utf-8"))["name"] == "again ü"


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = full_report().save(tmp_path / "report.json")
    old = path.read_bytes()
    monkeypatch.setattr(
        os, "replace", lambda *_: (_ for _ in ()).throw(OSError)
    )

    with pytest.raises(OSError):
        dataclasses.replace(full_report(), name="again").save(path)

    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["report.json"]


def test_numbers_of_a_row_stand_on_one_line_of_the_file(tmp_path):
    odd = dataclasses.replace(full_report(), notes=("a [\n 1,  2 ] b",))

    text = odd.save(tmp_path / "report.json").read_text("utf-8")

    assert "[1, 0]," in text
    assert json.loads(text)["notes"] == ["a [\n 1,  2 ] b"]


def test_text_names_what_a_person_asks_for():
    text = full_report().to_text()

    assert "accuracy 0.6667" in text
    assert "weights of epoch 2 kept" in text
    assert "Ended early: the loss became NaN in epoch 3" in text
    assert "epoch 2: thawed stem" in text
    assert "2 images were skipped." in text
    assert "training 61.2" in text
    assert "old task\naccuracy 0.9000 before, 0.8000 after" in text


def test_text_of_long_events_fits_eighty_columns():
    report = dataclasses.replace(full_report(), events=["word " * 60])

    assert max(map(len, report.to_text().splitlines())) <= 80


def test_run_without_a_better_epoch_keeps_the_start():
    assert "weights of the start kept" in Report("a", "b", scores()).to_text()


def test_one_bool_a_group_is_asked_for():
    with pytest.raises(ValueError, match="1 bools in epoch 2 for 2 group"):
        Report(
            "clothes",
            "2026-01-31",
            scores(),
            group_names=("stem", "head"),
            trained_groups=[(True, True), (True,)],
        )
