"""Are the classes of new rows read as those of the training data were?"""

import json

import numpy as np
import pandas
import pytest

from aet_keras.cli import _late_labels, _new_rows, _truths
from aet_keras.cli._new_rows import Asked
from aet_keras.data.specifications import CellFormat
from aet_keras.errors import DataError


@pytest.fixture
def asked(tmp_path):
    """Returns what is asked of a version of texts of the classes 1 and 2."""
    version = tmp_path / "1"
    (version / "assets").mkdir(parents=True)
    (version / "assets" / "labels.txt").write_text("1\n2\n")
    recipe = {"kind": "text", "missing": ["none given"]}
    (version / "recipe.json").write_text(json.dumps(recipe))
    return Asked("watch", version, None, [], is_labelled=True)


def test_classes_are_those_that_training_read(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(_truths, "are_tags", lambda asked: False)
    # What pandas writes of whole numbers with a missing cell; words that
    # `--missing` names, and a mark that no number can be.
    cells = ["1.0", "2", "none given", "", "-", "3.0", "1.5", "x"]
    path = tmp_path / "new.csv"
    rows = [f"film,{cell}" for cell in cells]
    # Training leaves rows out whose text is missing.
    path.write_text("\n".join(["text,label", *rows, "none given,1"]))

    read = list(_new_rows._text_rows(asked, str(path)))

    classes = [each[-1] for each in read]
    assert classes == ["1", "2", "", "", "", "3", "1.5", "x"]


def test_a_word_that_is_a_class_stays_one(asked):
    labels = asked.path / "assets" / "labels.txt"
    labels.write_text("none given\nNA\n")

    assert asked.classes_of(["none given", "NA", "1.0"]) == [
        "none given",
        "NA",
        "1.0",
    ]


def test_an_empty_label_that_comes_late_is_none(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("id,label\na,1\nb,\n")

    assert _late_labels._read(str(path), "auto", print) == {"a": "1"}


def test_new_rows_may_have_no_tag_at_all(asked, monkeypatch):
    monkeypatch.setattr(_truths, "are_tags", lambda asked: True)
    frame = pandas.DataFrame({"label": ["", "none given", "[]"]})

    assert _truths.truths(asked, frame, "label") == ["\n", "", "\n"]


def test_late_tags_stand_in_one_column_or_in_one_each(asked, monkeypatch):
    monkeypatch.setattr(_truths, "are_tags", lambda asked: True)
    names = ["Paris, France", "wool"]  # so that no comma separates tags
    (asked.path / "assets" / "labels.txt").write_text("\n".join(names))
    one = pandas.DataFrame({"label": [names[0], "wool", "", "n/a"]})
    each = pandas.DataFrame({names[0]: [*"100", "?"], "wool": [*"010", ""]})

    found = [
        _truths.truths(asked, frame, "label", is_late=True)
        for frame in (one, each.replace("?", ""))
    ]

    assert found[0][:3] == found[1][:3] == ["Paris, France\n", "wool\n", "\n"]
    assert found[1][3] == ""
    with pytest.raises(DataError, match="wool"):
        _truths.truths(asked, each[names[:1]], "label", is_late=True)


def test_a_column_of_a_tag_that_was_not_learned_is_not_looked_at(
    asked, monkeypatch
):
    monkeypatch.setattr(_truths, "are_tags", lambda asked: True)
    asked.recipe["label_columns"] = ["1", "rare", "2"]
    frame = pandas.DataFrame(
        {"2": ["0", "1"], "rare": ["1", "?"], "1": ["1", "1"]}
    )

    assert _truths.truths(asked, frame, "") == ["1\n", "1\n2\n"]


def test_a_row_without_a_number_is_named_by_its_file(asked):
    rows = _new_rows.NewRows(
        None, ["a.csv:1", "b.csv:7"], [], [], ["1.5", "much"]
    )
    asked.__dict__["target_format"] = CellFormat()

    with pytest.raises(DataError, match="`much` in b.csv:7"):
        _truths.true_numbers(asked, rows)


def test_a_number_that_means_a_missing_cell_is_none(asked):
    names = ["a.csv:1", "b.csv:7"]
    rows = _new_rows.NewRows(None, names, [], [], ["1.5", "-999"])
    asked.__dict__.update(target_format=CellFormat(), missing=("-999",))

    found = _truths.true_numbers(asked, rows, has_unknown=True)

    assert found[0] == 1.5 and np.isnan(found[1])
    with pytest.raises(DataError, match="`-999` in b.csv:7"):
        _truths.true_numbers(asked, rows)
