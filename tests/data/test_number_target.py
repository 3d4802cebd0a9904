"""Is a target taken for a number where it is one, and refused where not?"""

import numpy as np
import pytest

from aet_keras import data
from aet_keras.errors import DataError

COUNT = 120


def write(tmp_path, cells, **columns):
    columns = {"size": [i % 17 + 0.5 for i in range(len(cells))], **columns}
    columns["y"] = [f'"{cell}"' for cell in cells]
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def read(tmp_path, cells, **settings):
    path = write(tmp_path, cells)
    return data.read_table(path, target="y", **settings)


def cycled(values):
    return [values[i % len(values)] for i in range(COUNT)]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (cycled([0, 1]), "classes"),
        (cycled(["0.0", "1.0"]), "classes"),
        (cycled(["0.5", "1.5"]), "classes"),
        (cycled(["low", "high"]), "classes"),
        (cycled(range(20)), "classes"),
        (cycled(range(21)), "number"),
        (cycled(["1.5", "2", "3.25"]), "number"),
        ([i / 7 for i in range(COUNT)], "number"),
        ([*range(12), 5, 6], "number"),
        ([f"{i * 37:,}" for i in range(COUNT)], "number"),
    ],
    ids=[
        "two numbers",
        "two floats",
        "two fractions",
        "words",
        "20 whole numbers",
        "21 whole numbers",
        "three fractions",
        "fractions",
        "few rows, each with a value of its own",
        "thousands",
    ],
)
def test_the_kind_of_a_target_follows_the_rule(tmp_path, cells, kind):
    specification = read(tmp_path, cells).specification

    assert specification.target_kind == kind
    assert bool(specification.class_names) is (kind == "classes")


def test_what_is_decided_is_said_and_can_be_said_otherwise(tmp_path):
    cells = cycled(range(30))

    guessed = read(tmp_path, cells)
    said = read(tmp_path, cells, target_kind="number")
    classes = read(tmp_path, cells, target_kind="classes")

    (note,) = [each for each in guessed.notes if "is a number" in each]
    assert "30 values from 0 to 29" in note and "--target-kind classes" in note
    assert not any("is a number" in each for each in said.notes)
    assert len(classes.specification.class_names) == 30


@pytest.mark.parametrize(
    "written",
    ["2024-01-{:02}", "{:02}.01.2024", "202401{:02}", "1970-01-{:02}"],
)
def test_dates_are_no_target_unless_they_are_said_to_be_classes(
    tmp_path, written
):
    cells = cycled([written.format(day) for day in (1, 2, 30)])

    with pytest.raises(DataError, match=f"such as `{cells[0]}`.*as a number"):
        read(tmp_path, cells)
    classes = read(tmp_path, cells, target_kind="classes").specification

    assert classes.class_names == tuple(sorted(set(cells)))


def test_numbers_are_in_the_unit_of_the_file_in_every_split(tmp_path):
    cells = [f"{i * 37:,}" for i in range(COUNT)]

    dataset = read(tmp_path, cells)

    splits = (dataset.train, dataset.validation, dataset.test)
    numbers = np.concatenate([split.labels for split in splits])
    assert numbers.dtype == "float32"
    np.testing.assert_array_equal(np.sort(numbers), 37.0 * np.arange(COUNT))
    assert dataset.specification.target_format.thousands == ","
    # Of each tenth of the range a share is in each split.
    tenths = np.floor(dataset.test.labels / (37 * COUNT / 10)).astype(int)
    assert len(np.unique(tenths)) == 10


def test_rows_without_a_number_are_left_out(tmp_path):
    cells = [i / 7 for i in range(COUNT)]
    cells[3], cells[4] = "", "NA"

    dataset = read(tmp_path, cells)

    assert any("2 rows have no `y`" in each for each in dataset.notes)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert sum(split.count for split in splits) == COUNT - 2


@pytest.mark.parametrize(
    ("odd", "settings", "advice"),
    [
        ({5: "cheap"}, {}, "`cheap` .1. in 1 of 120 rows.*--missing WORD"),
        ({5: "inf", 9: "-inf"}, {}, "must be a finite one"),
        ({5: "1e60"}, {}, "`1e60`"),
        (dict.fromkeys(range(60), "w"), {"target_kind": "number"}, "`w` .60."),
        (dict.fromkeys(range(COUNT), 2.5), {"target_kind": "number"}, "2.5 in"),
        ({}, {"positive": "1"}, "`positive` must go with classes"),
        ({}, {"cost_false_negative": 5.0}, "`cost_false_negative` must go"),
    ],
    ids=[
        "a word",
        "infinity",
        "beyond float32",
        "half of them words",
        "one value",
        "a positive class",
        "a cost",
    ],
)
def test_what_is_no_number_is_refused(tmp_path, odd, settings, advice):
    cells = [odd.get(i, i / 7) for i in range(COUNT)]

    with pytest.raises(DataError, match=advice):
        read(tmp_path, cells, **settings)


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(DataError, match="at least 10 rows"):
        read(tmp_path, [i / 7 for i in range(9)], target_kind="number")


def test_a_split_of_one_row_is_refused(tmp_path):
    splits = ["test", *["train"] * (COUNT - 1)]
    path = write(tmp_path, [i / 7 for i in range(COUNT)], part=splits)

    with pytest.raises(DataError, match="1 row for test"):
        data.read_table(path, target="y", split_column="part")


@pytest.mark.parametrize(
    ("asked", "is_said"), [("auto", True), ("classes", False)]
)
def test_counts_that_become_classes_are_said(tmp_path, asked, is_said):
    found = read(tmp_path, cycled([0, 1, 4, 2]), target_kind=asked)

    assert found.specification.class_names == ("0", "1", "2", "4")
    said = "`y` is a class: 4 numbers from 0 to 4. If these are counts"
    assert (said in " ".join(found.notes)) is is_said


def test_an_offset_that_float32_rounds_off_is_noted(tmp_path):
    dataset = read(tmp_path, [1e9 + i for i in range(COUNT)])

    assert any("Subtract a constant" in each for each in dataset.notes)


def test_an_option_that_no_cell_needs_is_said(tmp_path):
    path = write(
        tmp_path,
        cycled(["yes", "no"]),
        split=cycled(["train", "train", "train", "test"]),
        code=cycled(["1.0", "2.0", "3.0"]),
    )

    notes = data.read_table(
        path,
        target="y",
        missing=["-99", "1", "odd"],
        decimal=",",
        date_formats=["%d.%m.%Y"],
        split_column="split",
        test_ratio=0.3,
    ).notes

    said = " ".join(each for each in notes if "--" in each)
    assert "`--missing`: no cell is `-99`, `odd`." in said
    assert "`--decimal ,` is not used for `size`" in said
    assert "`--date-format %d.%m.%Y` is not used" in said
    assert "(`--test-ratio`) is not used" in said


def test_many_columns_alike_are_noted_in_one_sentence(tmp_path):
    same = {f"c{i}": ["x"] * COUNT for i in range(20)}
    path = write(tmp_path, cycled(["yes", "no"]), **same)

    notes = data.read_table(path, target="y").notes

    said = [each for each in notes if "`c" in each]
    assert len(said) == 4 and said[0].startswith("Column `c0` is left out")
    assert said[3] == (
        "17 more columns have such a note: `c3`, `c4`, `c5` and 14 more."
    )


def test_a_column_that_is_the_number_in_another_unit_is_noted(tmp_path):
    euros = [1.5 + 7 * i % 40 for i in range(COUNT)]
    path = write(tmp_path, euros, cents=[100 * each for each in euros])

    notes = " ".join(data.read_table(path, target="y").notes)

    assert f"Column `cents` alone says `y` in all {COUNT} rows" in notes
    assert notes.count("alone says") == 1
