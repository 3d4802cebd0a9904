"""Reads the numbers of a whole column, plain ones all at once."""

from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras.data import number_cells
from aet_keras.data.specifications import CellFormat
from aet_keras.data.table_store import as_text, pool

# For RE2, where `$` is the end of a text.
_PLAIN = f"^(?:{number_cells.PLAIN.pattern})$"
_IN_GROUPS = CellFormat(decimal=",", thousands=".")  # 1.234 is 1234
_MOST_ODD = 100  # different cells that are no plain numbers
_MOST_DOUBTFUL = 10_000  # cells that are looked at for a proof


def to_numbers(cells: Any, form: CellFormat) -> np.ndarray:
    """Returns cells as float32, NaN where one is missing or no number.

    Args:
        cells: `pandas.Series` of str, missing ones NaN or empty.
        form: `CellFormat`.
    """
    with np.errstate(over="ignore"):
        numbers = _read_all(cells, form).astype("float32")
    is_odd = ~np.isfinite(numbers) | np.isin(
        numbers, number_cells.missing_numbers(form)
    )
    return np.where(is_odd, np.float32("nan"), numbers)


def are_rounded_to_one(
    cells: Any, values: np.ndarray, form: CellFormat
) -> bool:
    """Says whether cells differ, and float32 rounds them all to one number.

    Args:
        cells: `pandas.Series` of str.
        values: float32 array `(rows,)`, what `to_numbers` made of them.
        form: `CellFormat`.
    """
    is_known = np.isfinite(values)
    if not is_known.any() or np.ptp(values[is_known]):
        return False
    return bool(np.ptp(_read_all(cells, form)[is_known]))


def _read_all(cells, form):
    """Returns cells as float64; plain numbers all at once, where they are."""
    text = as_text(cells)
    if text is None or form.decimal != ".":
        return _read_each(cells, form)
    is_plain, values = _read_plain(text)
    if values is None:
        return _read_each(cells, form)
    numbers = np.empty(len(text))
    numbers[is_plain] = values
    if len(values) < len(numbers):
        numbers[~is_plain] = _read_each(cells[~is_plain], form)
    return numbers


def _read_each(cells, form):
    pandas = optional("pandas", extra="training")

    codes, distinct = pandas.factorize(cells)
    values = np.array(
        [number_cells.read_number(text, form) for text in distinct]
    )
    # A missing cell has code -1, which takes the last.
    return np.append(values, np.nan)[codes]


def _read_plain(text):
    """Returns which cells are plain numbers, and these as float64.

    The numbers are None where Arrow cannot read one: then Python has to.
    """
    pyarrow: Any = optional("pyarrow", extra="training")
    compute: Any = optional("pyarrow.compute", extra="training")

    is_plain = compute.match_substring_regex(text, _PLAIN, memory_pool=pool())
    is_plain = compute.fill_null(is_plain, False)
    if not compute.all(is_plain, min_count=0).as_py():
        text = compute.filter(text, is_plain, memory_pool=pool())
    try:
        values = compute.cast(
            text, pyarrow.float64(), memory_pool=pool()
        ).to_numpy()
    except pyarrow.ArrowInvalid:
        values = None
    return is_plain.to_numpy(), values


def plain_values(cells: Any) -> tuple[list[str], bool, np.ndarray] | None:
    """Returns plain numbers whose points can only be decimal signs.

    Args:
        cells: `pandas.Series` of str, missing ones empty.

    Returns:
        The different other cells, whether any number has a point, and all
        numbers as float64; or None if that is not proved, or there is none.
    """
    text = as_text(cells)
    if text is None:
        return None
    compute: Any = optional("pyarrow.compute", extra="training")

    is_plain, values = _read_plain(text)
    if values is None or not 10 * len(values) > len(text):
        return None
    others = cells[~is_plain]
    odd = [word for word in others.unique().tolist() if word]
    if len(odd) > _MOST_ODD:
        return None
    if len(others):
        cells, text = cells[is_plain], text.filter(is_plain)
    has_point = compute.any(compute.match_substring(text, ".")).as_py()
    some = cells.iloc[:_MOST_DOUBTFUL].tolist()
    grouped = (number_cells.read_number(cell, _IN_GROUPS) for cell in some)
    if has_point and not any(map(np.isnan, grouped)):
        return None
    return odd, has_point, values
