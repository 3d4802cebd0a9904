"""Does an adapted version keep what the version before was told?"""

import json

import numpy as np
import pytest
import table_data

from aet_keras.training import adapted_files
from aet_keras.training.incoming import Incoming


def test_thresholds_of_a_version_without_a_report_are_in_its_record(tmp_path):
    (tmp_path / "adaptation.json").write_text('{"thresholds": [0.25, 0.5]}')

    alone = adapted_files.thresholds_of(tmp_path)
    tags = [{"threshold": 0.75}, {"threshold": 0.5}]
    report = json.dumps({"test": {"per_tag": tags}})
    (tmp_path / "report.json").write_text(report)

    assert alone == (0.25, 0.5)
    assert adapted_files.thresholds_of(tmp_path) == (0.75, 0.5)


@pytest.mark.parametrize(
    ("costs", "names", "is_lost"),
    [
        ((5.0, 1.0), ("no", "yes", "late"), True),
        ((5.0, 1.0), ("no", "yes"), False),
        ((1.0, 1.0), ("no", "yes", "late"), False),
    ],
)
def test_a_third_class_ends_the_costs_of_two_and_that_is_said(
    costs, names, is_lost, tmp_path, monkeypatch
):
    specification = table_data.with_costs(*costs)
    rows = Incoming(np.zeros((3, 1)), ["a"] * 3, np.arange(3), names, 2)
    monkeypatch.setattr(adapted_files, "read_kind", lambda *_: "table")
    monkeypatch.setattr(
        adapted_files.table_manifest,
        "read_table_manifest",
        lambda version: specification,
    )

    said = adapted_files._lost_costs(tmp_path, rows)

    assert bool(said) is is_lost
