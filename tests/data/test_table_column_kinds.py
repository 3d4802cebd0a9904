"""Is a column taken for what a person would take it for?"""

import numpy as np
import pandas
import pytest

from aet_keras.data import table_cells
from aet_keras.data import table_column_kinds as kinds
from aet_keras.data.specifications import CellFormat

COUNT = 30


def column(cells):
    """Returns a column of strings; an empty one is a missing cell."""
    return pandas.Series(list(cells), dtype=object)


def find(name, cells, **said):
    base = CellFormat(missing=said.pop("missing", CellFormat().missing))
    cells = table_cells.words_of(column(cells), base)
    return kinds.find_meaning(
        name, cells, base=base, markers=table_cells.MARKERS, **said
    )


CASES = {
    "measures": ("mass", [f"{i / 3:.3f}" for i in range(COUNT)], "number"),
    "few whole numbers": ("rooms", ["1", "2", "3"] * 10, "number"),
    "words": ("branch", ["north", "south"] * 15, "category"),
    "days": ("opened", [f"2024-01-{i + 1:02}" for i in range(COUNT)], "date"),
    "a running number": ("nr", [str(i) for i in range(7, 37)], "ignore"),
    "an id": ("patient_id", [str(i * 97) for i in range(COUNT)], "ignore"),
    "one value": ("country", ["de"] * COUNT, "ignore"),
    "no value": ("fax", [""] * COUNT, "ignore"),
    "free text": ("remark", [f"said {i}" for i in range(COUNT)], "ignore"),
    "one value and gaps": ("vip", ["yes", ""] * 15, "category"),
    "some odd cells": ("age", [*map(str, range(40)), *"?", "40"], "number"),
    "a marker in most cells": ("age", ["-", "-", "n.a.", "7"] * 9, "number"),
    "a word nobody knows": (
        "pulse",
        [*map(str, range(60, 80)), *["not measured"] * 9],
        "number",
    ),
    "a room that is no number": ("rooms", ["1", "2", "studio"] * 9, "category"),
    "codes, mostly digits": (
        "diagnosis",
        ["V45", "E11", "V10", *["250", "401", "414", "428"] * 20],
        "category",
    ),
    "postcodes": ("zip", ["01067", "10115", "80331"] * 9, "category"),
    "two drives": ("drive", ["2WD", "4WD"] * 9, "category"),
    "several units": (
        "size",
        [f"{i}{unit}" for i in range(12) for unit in ("mm", "cm", "in")],
        "ignore",
    ),
    "a word beside dates": (
        "left",
        [*["still here"] * 40, *(f"2024-01-{i}" for i in range(10, 29))],
        "date",
    ),
    "a gap in dates": (
        "left",
        [*["unknown", ""] * 9, *(f"2024-01-{i}" for i in range(10, 29))],
        "date",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_column_is_known_by_its_cells(case):
    name, cells, expected = CASES[case]

    assert find(name, cells).kind == expected


def test_whole_numbers_that_repeat_are_no_id():
    cells = [str(i * 97) for i in range(COUNT)] + ["97"]

    assert find("patient_id", cells).kind == "number"


def test_numbers_in_several_units_are_named():
    cells = [f"{i}{unit}" for i in range(9) for unit in ("mm", "cm", "in")]

    assert "`0mm` and `0cm`: write them alike" in find("size", cells).why
    assert "`0mm` and `0cm`" in find("size", cells * 3).why


def test_a_column_of_many_numbers_and_words_says_how_to_have_numbers():
    odd = [f"1.{i}-" for i in range(9)]

    why = find("sum", [*odd, *(f"{i}.5" for i in range(30))]).why

    assert "9 are not, such as `1.0-`; `--kind sum=number`" in why


@pytest.mark.parametrize(
    "form", ["'{}", '="{}"', "{}\u200b", "1_0{}", "0x{}f"], ids=ascii
)
def test_signs_that_keep_numbers_from_being_read_are_named(form):
    why = find("sum", [form.format(i) for i in range(10, 40)]).why

    assert "are numbers but for signs that are not read: write" in why
    for part in ("A{}", "0x" + "f" * 9999 + "{}"):  # the bytes of a file
        assert not find("part", [part.format(i % 20) for i in range(40)]).why


def test_codes_say_how_to_be_numbers():
    meaning = find("zip", ["01067", "10115", "80331"] * 9)

    assert "`--kind zip=number`" in meaning.why
    assert find("zip", ["01067", "10115"] * 9, kind="number").kind == "number"


def test_a_word_of_a_boolean_may_be_written_large_or_small():
    cells = column(["TRUE", "True", "false", "true", "true"])

    form = find("vip", cells).format

    words = table_cells.words_of(cells, form).tolist()
    assert words == ["true", "true", "false", "true", "true"]
    assert find("vip", ["True", "maybe"] * 9).format.spellings == ()


def test_a_word_that_stands_for_a_gap_in_dates_is_written_down():
    cells = ["open", "0000-00-00", *(f"2024-01-{i}" for i in range(10, 29))]

    meaning = find("left", cells * 3, kind="date")

    assert {"open", "0000-00-00"} <= set(meaning.format.missing)


def test_a_date_that_is_said_to_be_one_must_be_known():
    cells = [f"0{i % 9 + 1}/0{i % 7 + 1}/2020" for i in range(COUNT)]

    with pytest.raises(kinds.DataError, match="--date-format %d/%m/%Y"):
        find("opened", cells, kind="date")
    with pytest.raises(kinds.DataError, match="`soon`.*--date-format"):
        find("opened", ["soon"] * 9, kind="date")


def test_numbers_that_mean_a_gap_are_missing_however_they_are_written():
    form = CellFormat(missing=("-999", "none"))

    found = table_cells.read_values(
        column(["-999", "-999.0", "none", "-99.9", ""]), "number", form
    )

    np.testing.assert_array_equal(
        found, np.float32([*[np.nan] * 3, -99.9, np.nan])
    )


def test_addresses_are_not_called_numbers():
    cells = [f"10.0.{i * 7 % 256}.{100 + i}" for i in range(40)]

    assert "40 of 40 cells differ" in find("host", cells).why


@pytest.mark.parametrize("step", [1, 2, 977])
def test_whole_numbers_that_a_float_cannot_tell_apart_are_no_measure(step):
    cells = [str(2**53 + 1 + step * i) for i in range(40)]

    meaning = find("card", cells)

    assert meaning.kind == "ignore"
    assert "`--kind card=category` keeps them as names" in meaning.why
    assert find("card", cells, kind="number").kind == "number"
    assert (
        find("sent", [str(10**12 + 7 * i) for i in range(40)]).kind == "number"
    )


NO_DATES = {
    "two orders": (
        ["2024-01-13", "14.01.2024"] * 15,
        "in several ways, such as `2024-01-13` and `14.01.2024`: write them",
    ),
    "swapped in half of the cells": (
        ["13/01/2024", "01/14/2024"] * 15,
        "in several ways, such as `13/01/2024` and `01/14/2024`: write them",
    ),
    "months in French": (
        ["1 mars 2024", "2 avril 2024"] * 15,
        "`1 mars 2024`, have months in words that are not English: write",
    ),
    "whole numbers": (
        ["20231230", "20231231", "20240101"] * 10,
        "days such as `20231230`; `--kind left=date --date-format %Y%m%d`",
    ),
}


@pytest.mark.parametrize("case", NO_DATES)
def test_dates_that_are_not_read_say_how_they_would_be(case):
    cells, said = NO_DATES[case]

    meaning = find("left", cells)

    assert meaning.kind in ("category", "number") and said in meaning.why


def test_what_only_resembles_dates_is_not_called_so():
    prices = [str(20000000 + 7 * i * i) for i in range(COUNT)] * 2

    assert find("price", prices).why == ""
    assert find("size", ["1.5.2", "2.10", "3.1"] * 10).why == ""
    assert find("made", ["20231230", "20240101"], kind="number").why == ""
