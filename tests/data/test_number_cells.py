"""Is a number read as its writer meant it, and nothing else as one?"""

import collections

import numpy as np
import pandas
import pytest

from aet_keras.data import number_cells, number_columns, table_cells
from aet_keras.data.specifications import CellFormat

PLAIN = CellFormat()
CASES = {
    "plain": (["1.5", "-3", "+.5", "1e3", "\u22122"], [1.5, -3, 0.5, 1e3, -2]),
    "decimal commas": (["1,5", "0,123", "7"], [1.5, 0.123, 7]),
    "powers and commas": (["7,600E+01", "1,25e3", "3"], [76, 1250, 3]),
    "powers and points": (["7.600E+01", "1.250e3"], [76, 1250]),
    "thousands and a point": (["1,234.5", "12,345", "3"], [1234.5, 12345, 3]),
    "thousands and a comma": (["1.234,5", "12.345", "3"], [1234.5, 12345, 3]),
    "spaces": (["1 234,5", "12\u00a0345", "3"], [1234.5, 12345, 3]),
    "Swiss": (["1'234.5", "12’345", "3"], [1234.5, 12345, 3]),
    "Indian": (["12,34,567.8", "1,23,456", "3"], [1234567.8, 123456, 3]),
    "millions": (["1.234.567", "3", "12.345"], [1234567, 3, 12345]),
    "money": (["$1,234.00", "-$2.50", "$3", "4"], [1234, -2.5, 3, 4]),
    "money behind": (["1.234,00 €", "2,50 €", "€ 3"], [1234, 2.5, 3]),
    "books": (["(1,234.5)", "1", "(7)"], [-1234.5, 1, -7]),
    "shares": (["12.3%", "7 %", "0"], [12.3, 7, 0]),
    "weights": (["72kg", "80.5 kg", "81"], [72, 80.5, 81]),
    "speeds": (["72 km/h", "80 km/h", "81 km/h"], [72, 80, 81]),
}


@pytest.mark.parametrize("case", CASES)
def test_numbers_are_read_as_they_were_meant(case):
    texts, expected = CASES[case]

    form = number_cells.find_number_form(collections.Counter(texts), PLAIN)

    assert form.share == 1 and form.rival is None
    found = [number_cells.read_number(text, form.format) for text in texts]
    assert found == expected


@pytest.mark.parametrize(
    "text",
    ["", ".", "1,234", "0x10", "1_000", "inf", "(1", "--1", "-(1)", "1 2", "٣",
     "A12", "12:30", "1.2.3", "5 kg"],
)  # fmt: skip
def test_what_is_no_plain_number_is_none(text):
    assert np.isnan(number_cells.read_number(text, PLAIN))


def test_thousands_must_stand_in_threes():
    form = CellFormat(thousands=",")

    odd = [
        number_cells.read_number(t, form) for t in ("0,123", "1,23", "1234,567")
    ]
    assert np.isnan(odd).all()


@pytest.mark.parametrize(
    ("texts", "other"),
    [(["1,234", "2,345", "5"], 1234), (["1.234", "2.345", "5"], 1234)],
    ids=["a comma", "a point"],
)
def test_a_sign_that_may_mean_either_has_a_rival(texts, other):
    form = number_cells.find_number_form(collections.Counter(texts), PLAIN)

    values = {
        number_cells.read_number(texts[0], each)
        for each in (form.format, form.rival)
    }
    assert values == {1.234, other} and not form.proves


def test_numbers_that_resemble_codes_are_said():
    codes, powers = (
        table_cells.note_format("c", ["", *cells], PLAIN)
        for cells in (["1E5", "2E7"], ["1E5", "2.5E7"])
    )

    assert "`1E5`, are read as numbers, 100000; `--kind c=category`" in codes[0]
    assert powers == []


def test_a_unit_of_few_cells_is_none():
    texts = ["5%", *map(str, range(9))]

    form = number_cells.find_number_form(collections.Counter(texts), PLAIN)

    assert form.format.unit == "" and form.share == 0.9


def test_numbers_and_gaps_become_float32():
    cells = pandas.Series(["1.5", "", "?", "inf", "1e99"], dtype=object)

    found = number_columns.to_numbers(cells, PLAIN)

    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, np.float32([1.5, *[np.nan] * 4]))


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ([-999, -999], [(-999.0, 2)]),
        ([1e20], [(1e20, 1)]),
        ([-999], []),  # once: it may be true
        ([], []),
        ([99, 99], []),
        # Of two codes none is far from the other.
        ([998, 998, 999, 999], [(998.0, 2), (999.0, 2)]),
        ([-9e9, 8e9, 9e9], [(-9e9, 1), (8e9, 1), (9e9, 1)]),
        ([996, 997, 998, 999] * 2, []),  # so many may be a kind of rows
        ([150, 400] * 2, []),  # a long tail, such as of prices
    ],
)
def test_a_number_far_from_all_others_is_found(odd, expected):
    values = np.array([*range(20, 60), np.nan, *odd], "float64")

    assert number_cells.far_values(values) == expected
    assert number_cells.far_values(np.array([0, 0, 0, 1, *odd])) == []


def test_few_different_numbers_show_less_of_what_is_far():
    ratings = [1, 2, 3, 4, 5] * 9

    for odd, expected in (
        ([-99, -99], [(-99, 2)]),
        ([20, 20], []),
        ([-99], []),
    ):
        found = number_cells.far_values(np.array([*ratings, *odd]))
        assert found == expected


def test_a_gap_is_said_as_its_column_is_read():
    ages = np.array([*range(20, 60), -99.5, -99.5])

    (said,) = table_cells.note_far("age", ages, ",")
    two = table_cells.note_far("age", np.array([*ages[:-2], 998, 998, 999]))

    assert said.endswith("say `--missing -99,5`.")
    assert not two  # 999 is met once
    two = table_cells.note_far("age", np.array([*ages, 9e4]))
    assert "2 cells are -99.5 and 1 cell is 90000, far" in two[0]
    assert two[0].endswith("say `--missing -99.5 --missing 90000`.")
