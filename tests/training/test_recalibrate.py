"""Does a version that is calibrated anew say what is true of its sets?"""

import json

import numpy as np

from aet_keras import evaluation
from aet_keras.evaluation.conformal import measure_coverage
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.training import recalibrate


def test_what_was_said_of_earlier_sets_is_not_said_again(tmp_path):
    version, made = tmp_path / "2", tmp_path / "3"
    kept = ["A note.", "Version 1, adapted."]
    gone = [
        "It answers without sets.",
        "Version 1, its sets or intervals calibrated on 9 rows of a: nothing.",
    ]
    for folder in (version, made):
        folder.mkdir()
    record = {"sets": gone[0]}
    (version / "adaptation.json").write_text(json.dumps(record))
    scores = evaluation.measure_classification(
        [0, 1], np.eye(2), class_names=["a", "b"]
    )
    report = evaluation.Report("x", "", scores, notes=(*gone, *kept))
    report.save(version / "report.json")

    limit = Guarantee(0.8, 0.2, 20, "classes", "b")
    recalibrate._write_report(version, made, limit, None)

    found = json.loads((made / "report.json").read_text())["notes"]
    assert found[:-1] == kept and "calibrated on 20 rows of b" in found[-1]


def test_coverage_of_tags_is_said_to_be_of_a_rows_tags(tmp_path):
    limit = Guarantee(0.8, 0.2, 20, "tags", thresholds=(0.5,))
    before = measure_coverage(
        np.array([[1], [1]]), np.array([[0.9], [0.1]]), limit
    )

    found = recalibrate.Recalibrated(before, limit, None, tmp_path)

    assert "before: 0.500 of a row's tags covered" in found.to_text()
