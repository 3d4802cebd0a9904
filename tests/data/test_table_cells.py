"""Do the cells of a table mean what its writer meant, and is that said?"""

import numpy as np
import pytest

from aet_keras import data
from aet_keras.data.names import note_alike

COUNT = 40


@pytest.fixture
def write(tmp_path):
    """Returns a function that writes columns and returns the file's path."""

    def write(columns):
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, r)) for r in rows)]
        path = tmp_path / "credit.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


def credit(**more):
    """Returns two columns, and more, of a table of forty rows."""
    return {
        "age": [20 + i % 37 + i / 100 for i in range(COUNT)],
        "paid": ["yes", "yes", "no", "yes"] * (COUNT // 4),
        **more,
    }


def kept(dataset, name):
    """Returns the cells of a column of all splits."""
    splits = (dataset.train, dataset.validation, dataset.test)
    return np.concatenate([split.inputs[name] for split in splits])


def quoted(cells):
    return [f'"{cell}"' for cell in cells]


def test_a_class_that_is_spelt_none_is_kept_unless_it_is_said_to_be_missing(
    write,
):
    columns = credit(paid=["None", "yes", "no", "n/a"] * (COUNT // 4))
    path = write(columns)

    dataset = data.read_table(path, target="paid")
    other = data.read_table(path, target="paid", missing=["None", "n/a"])

    assert dataset.specification.class_names == ("None", "no", "yes")
    said = " ".join(dataset.notes)
    assert "10 rows have no `paid` (`n/a` (10)) and are left out" in said
    assert "`--missing None`" in said
    assert other.specification.class_names == ("no", "yes")
    assert "20 rows have no `paid`" in other.notes[0]


def test_a_word_among_numbers_is_no_class(write):
    columns = credit(paid=["0", "1", "1", "NA"] * (COUNT // 4))

    dataset = data.read_table(write(columns), target="paid")

    assert dataset.specification.class_names == ("0", "1")
    assert "10 rows have no `paid` (`NA` (10))" in dataset.notes[0]


def test_a_word_that_is_a_category_is_said_and_can_be_made_missing(write):
    path = write(credit(allergy=["None", "nuts", "NaN", "milk"] * (COUNT // 4)))

    dataset = data.read_table(path, target="paid")
    other = data.read_table(path, target="paid", missing=["None", "-"])

    assert set(kept(dataset, "allergy")) == {"None", "nuts", "", "milk"}
    assert set(kept(other, "allergy")) == {"NaN", "nuts", "", "milk"}
    said = " ".join(dataset.notes)
    assert "`allergy`: 10 cells count as missing: `NaN` (10)" in said
    assert "`None` (10) is kept as a category of its own" in said


def test_numbers_without_the_unit_of_the_others_are_said(write):
    shares = [f"{i}%" if i % 8 else f"0.{i}" for i in range(COUNT)]

    path, said = write(credit(share=shares)), []
    dataset = data.read_table(path, target="paid")
    later = data.read_table(path, target="paid", like=dataset.specification)
    data.table_reading.read_table_rows(
        path, dataset.specification, say=said.append
    )

    for notes in (dataset.notes, later.notes, said):
        (note,) = [each for each in notes if "without" in each]
        assert "5 cells are without `%`, such as `0.0`" in note


@pytest.mark.parametrize(
    ("beside", "given", "expected", "note"),
    [
        ("0.{}", {}, 1234, "which is 1234."),
        ("{},5", {}, 1.234, "which is 1.234."),
        ("{}", {}, 1234, "if it is 1.234, say `--decimal ,`"),
        ("{}", {"decimal": ","}, 1.234, "which is 1.234."),
        ("{}", {"decimal": "."}, 1234, "which is 1234."),
    ],
    ids=["a point", "a comma", "neither", "said: a comma", "said: a point"],
)
def test_another_column_shows_what_a_comma_means(
    write, beside, given, expected, note
):
    numbers = quoted(f"{1 + i % 9},234" for i in range(COUNT))
    others = quoted(beside.format(i % 7 + 1) for i in range(COUNT))

    dataset = data.read_table(
        write(credit(sum=numbers, other=others, age=others)),
        target="paid",
        **given,
    )

    assert min(kept(dataset, "sum")) == np.float32(expected)
    assert any("`sum`" in n and note in n for n in dataset.notes), dataset.notes


def test_days_and_months_are_asked_for_and_taken_as_said(write):
    days = [f"0{i % 9 + 1}.0{i % 7 + 1}.2022" for i in range(COUNT)]
    path = write(credit(opened=days))

    dataset = data.read_table(path, target="paid")
    said = data.read_table(path, target="paid", date_formats=["%d.%m.%Y"])

    assert "opened" not in dataset.train.inputs
    assert any("--date-format %d.%m.%Y" in note for note in dataset.notes)
    (column,) = [c for c in said.specification.columns if c.kind == "date"]
    assert column.format.date_format == "%d.%m.%Y"
    first = np.datetime64("2022-01-01").astype(int)
    assert min(kept(said, "opened")) == first


def test_a_later_table_is_read_as_the_earlier_one(write):
    euros = quoted(f"1.{100 + i},5" for i in range(COUNT))
    words = ["n/a", "JA", "nein", "ja"] * (COUNT // 4)
    path = write(credit(sum=euros, vip=words))
    old = data.read_table(path, target="paid").specification
    few = quoted(["1.234", *["2,5"] * (COUNT - 1)])

    dataset = data.read_table(
        write(credit(sum=few, vip=words)), target="paid", like=old
    )

    assert set(kept(dataset, "sum")) == {1234, 2.5}
    assert set(kept(dataset, "vip")) == {"", "ja", "nein"}


@pytest.mark.parametrize(
    ("arguments", "error", "advice"),
    [
        ({"date_formats": ["%d.%m"]}, ValueError, "year, month and day"),
        ({"decimal": "'"}, ValueError, "one of '.', ','"),
        ({"missing": [0]}, TypeError, "`str`"),
    ],
    ids=["a format", "a sign", "a word"],
)
def test_what_cannot_be_said_of_cells_is_refused(
    write, arguments, error, advice
):
    with pytest.raises(error, match=advice):
        data.read_table(write(credit()), target="paid", **arguments)


def test_categories_that_differ_by_case_only_are_noted(write):
    path = write(credit(colour=["red", "Red", "blue", "Blue"] * (COUNT // 4)))

    dataset = data.read_table(path, target="paid")

    assert {*kept(dataset, "colour")} == {"red", "Red", "blue", "Blue"}
    (note,) = [each for each in dataset.notes if "by case only" in each]
    assert note.startswith("These categories of `colour` differ")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("1", "01", "2"), "differ in how a number is written only"),
        (("true", "0", "Yes"), "separate: `true` and `yes`."),
        (("yes", "no"), ""),
        (("1", "yes", "maybe"), ""),
        ((f"{10**30 + 1}", f"{10**30 + 2}"), ""),
        (("1e9999999", "10e9999998", f"1e{10**30}"), "a number is written"),
    ],
)
def test_names_that_may_mean_the_same_are_noted(names, said):
    notes = list(note_alike("classes", names))

    assert len(notes) == bool(said)
    assert said in "".join(notes)
