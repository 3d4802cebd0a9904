"""Is a column taken for what a person would take it for?"""

import numpy as np
import pandas
import pytest

from aet_keras.data import _column_kinds as kinds

COUNT = 30


def column(cells):
    """Returns a column of strings; None is a missing cell."""
    return pandas.Series(list(cells), dtype=object)


CASES = {
    "measures": ("mass", [f"{i / 3:.3f}" for i in range(COUNT)], "number"),
    "few whole numbers": ("rooms", ["1", "2", "3"] * 10, "number"),
    "words": ("branch", ["north", "south"] * 15, "category"),
    "days": ("opened", [f"2024-01-{i + 1:02}" for i in range(COUNT)], "date"),
    "a running number": ("nr", [str(i) for i in range(7, 37)], "ignore"),
    "an id": ("patient_id", [str(i * 97) for i in range(COUNT)], "ignore"),
    "one value": ("country", ["de"] * COUNT, "ignore"),
    "no value": ("fax", [None] * COUNT, "ignore"),
    "free text": ("remark", [f"said {i}" for i in range(COUNT)], "ignore"),
    "one value and gaps": ("vip", ["yes", None] * 15, "category"),
    "some odd cells": ("age", [*map(str, range(40)), *"?", "40"], "number"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_column_is_known_by_its_cells(case):
    name, cells, expected = CASES[case]

    assert kinds.find_kind(name, column(cells))[0] == expected


def test_whole_numbers_that_repeat_are_no_id():
    cells = [str(i * 97) for i in range(COUNT)] + ["97"]

    assert kinds.find_kind("patient_id", column(cells))[0] == "number"


@pytest.mark.parametrize(
    ("cell", "advice"),
    [("{}.03.2024", "2024-03-17"), ("{},5", "with a point")],
    ids=["German dates", "decimal commas"],
)
def test_a_column_in_another_form_is_left_out_with_advice(cell, advice):
    cells = [cell.format(i + 1) for i in range(COUNT)]

    kind, why = kinds.find_kind("x", column(cells))

    assert kind == "ignore" and advice in why


def test_numbers_and_gaps_become_float32():
    found = kinds.to_numbers(column(["1.5", None, "?", "inf", "1e99"]))

    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, [1.5, *[np.nan] * 4])


def test_dates_become_days_since_1970():
    cells = column(["1970-01-02", "2024/3/17 08:30", "17.3.2024", None])

    found = kinds.to_days(cells)

    # 54 years of 365 days, 13 leap days before 2024, 31 + 29 + 16 in it.
    expected = [1, 54 * 365 + 13 + 76, np.nan, np.nan]
    np.testing.assert_array_equal(found, np.float32(expected))
