"""Are texts and classes what the table says they are?"""

import pytest

from aet_keras.data.text_reading import read_text_table
from aet_keras.errors import DataError


def write(path, rows, header="text,label", encoding="utf-8"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def plain(count=10):
    return [f"film {i},{('bad', 'good')[i % 2]}" for i in range(count)]


def test_each_text_keeps_its_label(tmp_path):
    dataset = read_text_table(write(tmp_path / "a.csv", plain(40)))

    names = dataset.specification.class_names
    assert dataset.specification.kind == "text" and names == ("bad", "good")
    parts = dataset.train, dataset.validation, dataset.test
    assert [part.count for part in parts] == [28, 6, 6]
    for part in parts:
        numbers = [int(text.split()[1]) for text in part.inputs]
        assert [number % 2 for number in numbers] == part.labels.tolist()
        assert part.names == tuple(f"a.csv[{number}]" for number in numbers)


def test_columns_may_have_other_names(tmp_path):
    path = write(tmp_path / "a.csv", plain(), "Review,Stars")

    dataset = read_text_table(path, text_column="Review", label_column="Stars")

    assert dataset.specification.class_names == ("bad", "good")


def test_labels_that_are_numbers_are_sorted_by_size(tmp_path):
    rows = [f"film {i},{(2, 10, -1)[i % 3]}" for i in range(12)]

    dataset = read_text_table(write(tmp_path / "a.csv", rows))

    assert dataset.specification.class_names == ("-1", "2", "10")


def test_labels_written_as_floats_are_read_as_whole(tmp_path):
    rows = [f"film {i},{(1.0, 0.0, '')[i % 3]}" for i in range(12)]

    dataset = read_text_table(write(tmp_path / "a.csv", rows))

    assert dataset.specification.class_names == ("0", "1")
    assert "In `label` `1.0` is read as `1`." in dataset.notes


def test_a_word_to_some_is_a_class_and_a_marker_is_none(tmp_path):
    rows = [f"film {i},{('None', 'good', 'N/A')[i % 3]}" for i in range(30)]
    path = write(tmp_path / "a.csv", [*rows, "null,good", "NA,good"])

    dataset = read_text_table(path)
    other = read_text_table(path, missing=["good"])

    assert dataset.specification.class_names == ("None", "good")
    assert other.specification.class_names == ("N/A", "None")
    said = " ".join(dataset.notes)
    assert "10 rows have no `label` (`N/A` (10)) and are left out" in said
    assert "`None` (10) is kept as a class of its own" in said
    assert "`text`: 1 cell counts as missing: `null` (1)" in said
    assert "`NA` (1) is kept as a text of its own" in said
    assert "NA" in [
        *dataset.train.inputs,
        *dataset.validation.inputs,
        *dataset.test.inputs,
    ]


def test_what_is_left_out_or_doubled_is_counted(tmp_path):
    rows = [*plain(), ",good", "   ,bad", "lonely,", *["again,good"] * 20]

    dataset = read_text_table(write(tmp_path / "a.csv", rows))

    said = " ".join(dataset.notes)
    assert "1 row has no `label` and is left out" in said
    assert "2 texts were left out: they are empty" in said
    assert "texts are in more than one split" in said
    assert "more than one class" not in said


def test_a_text_of_two_classes_is_named(tmp_path):
    rows = [*plain(), "so so,good", "so so,bad", "so so,bad"]

    dataset = read_text_table(write(tmp_path / "a.csv", rows))

    said = next(note for note in dataset.notes if "more than one class" in note)
    of = len(plain())
    assert said.startswith("1 text has more than one class, such as ")
    assert f"a.csv[{of}]" in said
    assert f"a.csv[{of + 1}]" in said or f"a.csv[{of + 2}]" in said


def test_another_encoding_is_read_if_it_is_named(tmp_path):
    rows = [f"naïve {i},{('bad', 'good')[i % 2]}" for i in range(10)]
    path = write(tmp_path / "a.csv", rows, encoding="latin-1")

    with pytest.raises(DataError, match="`latin-1`, `cp1252`"):
        read_text_table(path, encoding="utf-8")
    dataset = read_text_table(path, encoding="latin-1")

    assert dataset.train.inputs[0].startswith("naïve")


@pytest.mark.parametrize(
    ("rows", "columns", "advice"),
    [
        (plain(), {"text_column": "txt"}, "Nearest: `text`"),
        (plain(), {"label_column": "lable"}, "Nearest: `label`"),
        (plain(), {"label_column": "text"}, "Name the other one"),
        (["a,good", "b,good"] * 5, {}, "one class, `good`. Add texts of"),
        (["a,good", "b,bad", "c,bad"], {}, "Add texts to the class"),
        ([",good", ",bad"] * 5, {}, "10, all empty. Name the column"),
        (["a,", "b,"], {}, "only missing cells. Name the column"),
    ],
    ids=[
        "text column",
        "label column",
        "same column",
        "one class",
        "few rows",
        "no texts",
        "no labels",
    ],
)
def test_a_table_that_cannot_be_learned_from_says_what_to_do(
    tmp_path, rows, columns, advice
):
    with pytest.raises(DataError, match=advice):
        read_text_table(write(tmp_path / "a.csv", rows), **columns)


def test_a_class_with_one_text_is_left_out_and_noted(tmp_path):
    rows = [f"film {i},{('bad', 'good')[i % 2]}" for i in range(10)]
    path = write(tmp_path / "a.csv", [*rows, "odd one,odd"])

    dataset = read_text_table(path)

    assert dataset.specification.class_names == ("bad", "good")
    assert "`odd` with 1" in " ".join(dataset.notes)
    parts = dataset.train, dataset.validation, dataset.test
    assert "odd one" not in [t for part in parts for t in part.inputs]
