"""Are tags read as they stand there, and refused where they cannot be?"""

import csv

import numpy as np
import pandas
import pytest

from aet_keras import data
from aet_keras.data import tag_target
from aet_keras.data.tag_cells import tags_in
from aet_keras.errors import DataError

COUNT = 60


def write(path, **columns):
    columns = {"size": [i % 17 + 0.5 for i in range(COUNT)], **columns}
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def cycled(*values):
    return [values[i % len(values)] for i in range(COUNT)]


@pytest.mark.parametrize("sign", [";", "|", ","])
def test_a_column_with_a_separator_holds_tags(tmp_path, sign):
    cells = cycled(f"red{sign}wool", f"wool {sign} red", "red", "", "old")
    path = write(tmp_path / "a.csv", tags=cells)

    dataset = data.read_table(path, target="tags")

    specification = dataset.specification
    assert specification.target_kind == "tags"
    assert specification.class_names == ("old", "red", "wool")
    counts = sum(
        each.labels.sum(axis=0)
        for each in (dataset.train, dataset.validation, dataset.test)
    )
    assert counts.tolist() == [12, 36, 24]
    (note,) = [each for each in dataset.notes if "holds tags" in each]
    assert f"separated by `{sign}`" in note and "--target-kind classes" in note
    assert any("12 rows have no tag" in each for each in dataset.notes)


@pytest.mark.parametrize(
    "cells",
    [
        cycled("Paris, France", "Rome, Italy"),
        cycled("red", "wool"),
        [f"{i * 37:,}" for i in range(COUNT)],
        cycled(*[f"{a}, {b}" for a in ("Doe", "Roe") for b in "xyz"], ""),
    ],
    ids=[
        "names with a comma",
        "one word each",
        "numbers with thousands",
        "names of two parts that come again",
    ],
)
def test_what_only_looks_like_tags_is_not_taken_for_them(tmp_path, cells):
    path = write(tmp_path / "a.csv", y=cells)

    dataset = data.read_table(path, target="y")

    assert dataset.specification.target_kind != "tags"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_lists_hold_tags(tmp_path, ending):
    # pandas writes them into CSV files as Python does: `['red', 'a, b']`.
    cells = cycled(["red", "a, b"], ["a, b"], [], ["red", "7"])
    frame = pandas.DataFrame({"size": np.arange(COUNT) / 7, "kind": cells})
    path = tmp_path / f"t.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)

    dataset = data.read_table(path, target="kind")

    assert dataset.specification.class_names == ("7", "a, b", "red")
    assert "3, in a list in each cell" in str(dataset.notes)
    for split in (dataset.train, dataset.validation, dataset.test):
        for name, row in zip(split.names, split.labels, strict=True):
            has = set(cells[int(name.split()[1]) - 1])
            assert row.tolist() == [x in has for x in ("7", "a, b", "red")]


def test_lists_of_numpy_are_not_one_word_and_what_is_none_is_a_name():
    cells = ["['red' 'a, b'\n 'wool']", '["a" "b"]', "['a\\d', 'x']"]
    odd = ["[{[]: 1}]", "[" * 5000 + "]" * 5000, "[1 2]", "[a]"]

    assert [tags_in(cell, ()) for cell in cells] == [
        ["red", "a, b", "wool"],
        ["a", "b"],
        ["a\\d", "x"],
    ]
    assert [tags_in(cell, ()) for cell in odd] == [[cell] for cell in odd]


def test_a_word_that_may_mean_no_tag_is_said(tmp_path):
    cells = cycled("red;wool", "none", "red;null", "wool")

    dataset = data.read_table(
        write(tmp_path / "a.csv", tags=cells),
        target="tags",
        target_kind="tags",
    )

    assert dataset.specification.class_names == ("none", "null", "red", "wool")
    kept = "`none` (15), `null` (15) are each kept as a tag of its own"
    assert any(kept in note for note in dataset.notes)


def test_two_separators_in_one_column_are_refused(tmp_path):
    path = write(
        tmp_path / "a.csv", y=cycled("red;wool", "red|wool", "red", "wool;old")
    )

    with pytest.raises(DataError, match="Write one of them everywhere"):
        data.read_table(path, target="y")


@pytest.mark.parametrize(
    "words", [("0", "1"), ("no", "YES"), ("false", "true")]
)
def test_columns_of_yes_and_no_are_tags(tmp_path, words):
    cells = [words[i % 3 == 0] for i in range(COUNT)]
    path = write(tmp_path / "a.csv", a=cells, b=cells[::-1], c=[words[0]] * 60)

    dataset = data.read_table(path, label_columns=["a", "b", "c"])

    assert dataset.specification.class_names == ("a", "b")
    assert list(dataset.train.inputs) == ["size"]
    assert any("`c` with 0 of 60" in each for each in dataset.notes)
    assert dataset.train.labels.dtype == np.float32


def test_rows_whose_labels_are_missing_are_left_out(tmp_path):
    cells = cycled("1", "0", "1", "0", "NaN")
    path = write(tmp_path / "a.csv", a=cells)

    dataset = data.read_table(path, label_columns=["a"])

    splits = (dataset.train, dataset.validation, dataset.test)
    assert sum(each.count for each in splits) == 48
    assert any("12 rows have no `a`" in each for each in dataset.notes)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"label_columns": ["word"]}, "must hold 0 and 1, or no and yes"),
        ({"label_columns": ["one"]}, "`one` with 60 of 60"),
        ({"label_columns": ["a", "a"]}, "Name each once"),
        ({"label_columns": ["a"], "target": "word"}, "either `target` or"),
        ({}, "either `target` or"),
        ({"label_columns": ["a"], "positive": "1"}, "tags have none"),
    ],
    ids=["words", "one value", "twice", "both", "neither", "a risk"],
)
def test_what_cannot_be_learned_is_refused(tmp_path, settings, sentence):
    path = write(
        tmp_path / "a.csv",
        a=cycled("0", "1"),
        one=cycled("1"),
        word=cycled("red", "blue", "1"),
    )

    with pytest.raises(DataError, match=sentence):
        data.read_table(path, **settings)


def test_rare_tags_are_in_every_split(tmp_path):
    random = np.random.default_rng(0)
    rare = np.zeros(COUNT)
    rare[random.choice(COUNT, 5, replace=False)] = 1
    often = random.integers(0, 2, COUNT)
    path = write(tmp_path / "a.csv", rare=rare.astype(int), often=often)

    for seed in range(5):
        dataset = data.read_table(
            path, label_columns=["rare", "often"], seed=seed
        )
        for split in (dataset.train, dataset.validation, dataset.test):
            assert split.labels.sum(axis=0).min() > 0


def test_strata_that_are_too_small_join_the_largest():
    labels = np.zeros((9, 2))
    labels[:2, 0] = 1  # two rows cannot be cut in three
    labels[2:5, 1] = 1

    assert tag_target.strata_of(labels).tolist() == [0] * 2 + [1] * 3 + [0] * 4
