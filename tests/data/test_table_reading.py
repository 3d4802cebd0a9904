"""Does a table become what a model can learn from, and say what was odd?"""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from aet_keras import data
from aet_keras.errors import DataError

COUNT = 40


@pytest.fixture
def write(tmp_path):
    """Returns a function that writes columns and returns the file's path."""

    def write(columns, name="credit.csv", encoding="utf-8"):
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, r)) for r in rows)]
        path = tmp_path / name
        path.write_text("\n".join(lines), encoding=encoding)
        return path

    return write


def credit(**more):
    """Returns columns whose last row is like no other."""
    return {
        "age": [20 + i % 37 + i / 100 for i in range(COUNT)],
        "branch": ["north", "south"] * (COUNT // 2),
        "paid": ["yes", "yes", "no", "yes"] * (COUNT // 4),
        **more,
    }


def test_splits_hold_raw_cells_by_column(write):
    dataset = data.read_table(write(credit()), target="paid")

    train = dataset.train
    assert train.inputs["age"].dtype == "float32"
    assert set(train.inputs["branch"]) == {"north", "south"}
    counts = [s.count for s in (train, dataset.validation, dataset.test)]
    assert counts == [28, 6, 6]  # 15 % of 10 and of 30 rows, each rounded
    assert dataset.specification.class_names == ("no", "yes")


def test_missing_cells_are_nan_and_empty_strings(write):
    columns = credit()
    columns["age"][3] = columns["branch"][3] = ""

    dataset = data.read_table(write(columns), target="paid")

    splits = (dataset.train, dataset.validation, dataset.test)
    ages = np.concatenate([s.inputs["age"] for s in splits])
    assert np.isnan(ages).sum() == 1
    assert sum((s.inputs["branch"] == "").sum() for s in splits) == 1


@pytest.mark.parametrize(
    ("values", "positive"),
    [(("0", "1"), "1"), (("yes", "no"), "yes"), (("good", "bad"), "bad")],
    ids=["numbers", "yes and no", "the rarer"],
)
def test_the_positive_class_follows_the_rule(write, values, positive):
    often, seldom = values
    cells = [often] * 30 + [seldom] * 10

    dataset = data.read_table(write(credit(paid=cells)), target="paid")

    assert dataset.specification.positive == positive


def test_a_kind_can_be_said(write):
    path = write(credit(zip=[str(10 + i % 3) for i in range(COUNT)]))

    dataset = data.read_table(
        path, target="paid", kinds={"zip": "category", "age": "ignore"}
    )

    kinds = {c.name: c.kind for c in dataset.specification.columns}
    assert kinds == {"branch": "category", "zip": "category"}


def test_a_column_of_splits_decides(write):
    said = ["test", *["train"] * 20, *["val"] * 19]

    dataset = data.read_table(
        write(credit(part=said)), target="paid", split_column="part"
    )

    assert dataset.test.names == ("row 1",)
    assert dataset.validation.count == 19
    assert "part" not in dataset.train.inputs


def test_a_column_that_no_row_to_learn_from_has_is_noted(write):
    said = [*["train"] * 20, *["val"] * 10, *["test"] * 10]
    cells = [f"{i}.5" if each != "train" else "" for i, each in enumerate(said)]

    dataset = data.read_table(
        write(credit(part=said, sum=cells)), target="paid", split_column="part"
    )

    note = "`sum`: the rows to learn from have no value in it"
    assert sum(note in each for each in dataset.notes) == 1


def test_a_name_that_no_signature_can_have_is_changed_and_said(write):
    columns = credit(**{"mean (cm)": range(0, 2 * COUNT, 2)})

    dataset = data.read_table(write(columns), target="paid")

    assert dataset.specification.columns[-1].name == "mean_cm"
    said = "`mean (cm)` is called `mean_cm` there."
    assert any(note.endswith(said) for note in dataset.notes)


NOTES = {
    "only missing": ({"fax": [""] * COUNT}, "`fax` is left out: it holds miss"),
    "constant": ({"land": ["de"] * COUNT}, "all its cells are `de`"),
    "a date far from all others": (
        {
            "end": [
                "9999-12-31",
                *(f"2024-01-{1 + i % 28:02}" for i in range(38)),
                "9999-12-31",
            ]
        },
        "`end`: 2 cells are 9999-12-31, far from all other dates. If that "
        "means a missing cell, say `--missing 9999-12-31`.",
    ),
    "a column that is the target": (
        {"receipt": ["a", "a", "b", "c"] * (COUNT // 4)},
        "Column `receipt` alone says `paid` in all 40 rows.",
    ),
    "an id": ({"no": range(COUNT)}, "its whole numbers name the row"),
    "an id with gaps": (
        {"customerID": ["", *range(5, 3 * COUNT + 2, 3)]},
        "`customerID` is left out: its whole numbers name the row",
    ),
    "rows that pandas numbered, and of which some are gone": (
        {"Unnamed: 0": [2 * i + (i > 4) for i in range(COUNT)]},
        "`Unnamed: 0` is left out: its whole numbers name the row",
    ),
    "an id of several rows": (
        {"customer_id": [1000 + i // 2 for i in range(COUNT)]},
        "`customer_id` is a number: it is called an id, but its cells stand",
    ),
    "odd cells": (
        {"sum": [*(f"{i}.5" for i in range(COUNT - 1)), "?"]},
        "`sum`: 1 cell counts as missing, because it is no number: `?` (1).",
    ),
    "NaN targets": ({"paid": ["", *["yes", "no"] * 19, "no"]}, "1 row has no"),
    "floats for classes": (
        {"paid": ["", *["1.0", "0.0", "1.0"] * 13]},
        "In `paid` `1.0` is read as `1`.",
    ),
    "twins": ({"age": [7] * COUNT}, "cell for cell, in an earlier split"),
    "large beside the spread": (  # milliseconds, in steps of 131,072
        {"sent": [1700000000123 + 60000 * (i * i) for i in range(COUNT)]},
        "`sent`: its numbers are large beside their spread",
    ),
    "all rounded to one": (  # float32 has steps of 64 there
        {"sent": [1e9 + 0.25 * i for i in range(COUNT)]},
        "`sent`: its numbers are large beside their spread",
    ),
    "an accent apart": (
        {"branch": ["Caf\u00e9", "Cafe\u0301"] * (COUNT // 2)},
        "categories of `branch` differ in Unicode or spaces only, and stay "
        "separate: `Caf\\xe9` and `Cafe\\u0301`.",
    ),
    "a sign that nobody sees apart": (
        {
            "branch": ["New York", "New\u00a0York", "New York\u200b"] * 13
            + ["x"]
        },
        "`New York` and `New\\xa0York` and `New York\\u200b`.",
    ),
    "a number that may mean a gap": (
        {"age": [-999 if i % 9 == 0 else 20 + i for i in range(COUNT)]},
        "`age`: 5 cells are -999, far from all other numbers. If that means a "
        "missing cell, say `--missing -999`.",
    ),
    "days written as whole numbers": (
        {"sent": [f"202401{1 + i % 28:02}" for i in range(COUNT)]},
        "`sent` is a number: its cells may be days such as `20240101`",
    ),
}


@pytest.mark.parametrize("case", NOTES)
def test_what_is_odd_is_noted(write, case):
    columns, note = NOTES[case]

    dataset = data.read_table(write(credit(**columns)), target="paid")

    assert any(note in each for each in dataset.notes), dataset.notes


REFUSED = {
    "not there": ({}, "payed", "no column `payed` .target.*Nearest: `paid`"),
    "one value": ({"paid": ["yes"] * COUNT}, "paid", "Name another column"),
    "no value": ({"paid": [""] * COUNT}, "paid", "Name another column"),
    "two lines": (
        {"paid": ['"a\nb"', "c"] * (COUNT // 2)},
        "paid",
        "one line of text.*Rename it: without line breaks",
    ),
    "null": (
        {"paid": ["null", "bad"] * (COUNT // 2)},
        "paid",
        "missing cells left out",
    ),
    "a word of its own in each row": (
        {"age": [f"a{i}" for i in range(COUNT)]},
        "age",
        "Cut it into ranges first",
    ),
    "too few": (
        {"paid": ["no", *["yes"] * (COUNT - 1)]},
        "paid",
        "at least 3 rows.*`no` with 1, of 40",
    ),
    "nothing to see": (
        {"age": ["1"] * COUNT, "branch": ["a"] * COUNT},
        "paid",
        "a usable column beside the target",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_learned_from_is_refused(write, case):
    columns, target, advice = REFUSED[case]

    with pytest.raises(DataError, match=advice):
        data.read_table(write(credit(**columns)), target=target)


def test_ones_written_as_floats_are_the_risk_all_the_same(write):
    columns = credit(paid=["", *["1.0", "0.0", "1.0"] * 13])

    specification = data.read_table(write(columns), target="paid").specification

    assert specification.class_names == ("0", "1")
    assert specification.positive == "1"


def test_classes_of_an_earlier_model_stay_as_they_were_written(write):
    old = data.read_table(write(credit()), target="paid").specification
    old = dataclasses.replace(old, class_names=("0.0", "1.0"), positive="1.0")
    columns = credit(paid=["1.0", "0.0"] * (COUNT // 2))

    dataset = data.read_table(write(columns), target="paid", like=old)

    assert dataset.specification.class_names == ("0.0", "1.0")


def test_a_split_without_a_class_is_noted(write):
    places = ["train"] * 24 + ["validation"] * 8 + ["test"] * 8
    paid = ["yes", "no"] * 16 + ["yes"] * 8
    path = write(credit(paid=paid, place=places))

    dataset = data.read_table(path, target="paid", split_column="place")

    assert "test has no rows of `no`." in dataset.notes


@pytest.mark.parametrize(
    "twice", [{"kinds": {"paid": "number"}}, {"split_column": "paid"}]
)
def test_the_target_has_no_other_use(write, twice):
    with pytest.raises(DataError, match="`paid` in .*, too. Leave it out"):
        data.read_table(write(credit()), target="paid", **twice)


def test_one_long_cell_takes_the_room_of_one(write):
    remarks = ["", "x" * 1_000_000, *["short", "other"] * (COUNT // 2 - 1)]
    path = write(credit(remark=remarks))

    tracemalloc.start()
    dataset = data.read_table(path, target="paid", kinds={"remark": "category"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert dataset.train.count > 20
    assert peak < 30e6  # 4 MB a row, three splits, otherwise


def test_another_encoding_is_told_and_can_be_said(write):
    columns = credit(branch=["süd", "nord"] * (COUNT // 2))
    path = write(columns, encoding="latin-1")

    guessed = data.read_table(path, target="paid")
    said = data.read_table(path, target="paid", encoding="latin-1")

    assert "süd" in guessed.train.inputs["branch"]
    assert "read as `cp1252`" in guessed.notes[0]
    assert "süd" in said.train.inputs["branch"]
    assert "cp1252" not in " ".join(said.notes)


def test_a_kind_that_is_none_is_refused(write):
    with pytest.raises(ValueError, match="'number', 'category'"):
        data.read_table(write(credit()), target="paid", kinds={"age": "float"})


def test_a_table_like_another_keeps_its_columns_and_says_what_differs(write):
    old = data.read_table(write(credit()), target="paid").specification
    columns = credit(job=["clerk", "cook"] * (COUNT // 2))
    del columns["age"]

    dataset = data.read_table(write(columns), target="paid", like=old)

    assert dataset.specification.columns == old.columns
    assert np.isnan(dataset.train.inputs["age"]).all()
    assert "`age` of the earlier model is not there" in dataset.notes[0]
    assert "`job`" in dataset.notes[1]


def test_a_class_that_an_earlier_model_lacks_is_refused(write):
    old = data.read_table(write(credit()), target="paid").specification
    columns = credit(paid=["yes", "maybe"] * (COUNT // 2))

    with pytest.raises(DataError, match="with `maybe`.*or train anew"):
        data.read_table(write(columns), target="paid", like=old)


@pytest.mark.parametrize(
    ("words", "positive"),
    [
        (["Yes", "yes", "no"], "yes"),
        (["Yes", "YES", "No", "no"], "YES"),
        (["TRUE", "False"], "TRUE"),
        (["No", "no", "Yes"], "Yes"),
        (["Nein", "Ja", "ja"], "ja"),
        (["-1", "1"], "1"),
        (["negative", "Positive"], "Positive"),
        (["neg", "pos"], "pos"),
    ],
    ids=" ".join,
)
def test_the_risk_is_a_yes_however_it_is_spelt(write, words, positive):
    paid = [words[i % len(words)] for i in range(COUNT)]
    paid[:3] = [positive] * 3  # the more frequent spelling

    dataset = data.read_table(write(credit(paid=paid)), target="paid")

    assert dataset.specification.positive == positive


def test_classes_of_two_spellings_are_noted(write):
    paid = (["Yes", "yes", "no"] * COUNT)[:COUNT]

    dataset = data.read_table(write(credit(paid=paid)), target="paid")

    assert "`Yes` and `yes`" in " ".join(dataset.notes)


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_with_few_rows_is_left_out_and_noted(write, count):
    paid = ["yes", "no"] * (COUNT // 2)
    paid[:count] = ["odd"] * count

    dataset = data.read_table(write(credit(paid=paid)), target="paid")

    assert dataset.specification.class_names == ("no", "yes")
    assert f"`odd` with {count}" in " ".join(dataset.notes)
    parts = dataset.train, dataset.validation, dataset.test
    assert sum(part.count for part in parts) == COUNT - count
    assert all(set(part.labels) == {0, 1} for part in parts)


def test_a_hundred_classes_are_told_apart(write):
    columns = {
        "x": [i % 7 for i in range(600)],
        "kind": [f"k{i % 100}" for i in range(600)],
    }

    dataset = data.read_table(write(columns), target="kind")

    assert len(dataset.specification.class_names) == 100


def test_costs_of_two_classes_do_not_go_with_three(write):
    path = write(credit(paid=["yes", "late", "no", "yes"] * (COUNT // 4)))

    with pytest.raises(DataError, match="two classes.*cost_false_negative=5"):
        data.read_table(path, target="paid", cost_false_negative=5)
