"""What do the cells of a column of strings mean?"""

import re
from typing import Any

import numpy as np

NUMBER, CATEGORY, DATE, IGNORE = "number", "category", "date", "ignore"
KINDS = (NUMBER, CATEGORY, DATE, IGNORE)

_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T].*)?")
_OTHER_DATE = re.compile(r"\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_DECIMAL_COMMA = re.compile(r"-?\d+(\.\d{3})*,\d+")
_ID_NAME = re.compile(r"(^|.*[_\s-])(id|ids|uuid|key|index|row)$", re.I)
_LEAST_SHARE = 0.95  # of cells that must fit; a few odd ones are missing cells
_LEAST_ROWS = 20  # below, that all cells differ says nothing
_MOST_DIFFERENT = 0.5  # of rows; above, a category is met too seldom


def find_kind(name: str, cells: Any) -> tuple[str, str]:
    """Returns what a column is, and why it is left out, if it is.

    Args:
        name: str. The column's.
        cells: `pandas.Series` of str, missing ones NaN.
    """
    there = cells.dropna()
    distinct = there.nunique()
    if not len(there):
        return IGNORE, "it holds missing cells only"
    if distinct == 1 and len(there) == len(cells):
        return IGNORE, f"all its cells are `{_short(there.iloc[0])}`"
    if _share(np.isfinite(to_numbers(there))) >= _LEAST_SHARE:
        why = _why_id(name, there) if distinct == len(cells) else ""
        return (IGNORE, why) if why else (NUMBER, "")
    if _share(np.isfinite(to_days(there))) >= _LEAST_SHARE:
        return DATE, ""
    if distinct > _MOST_DIFFERENT * len(there) and len(there) >= _LEAST_ROWS:
        return IGNORE, _why_different(there, distinct)
    return CATEGORY, ""


def to_numbers(cells: Any) -> np.ndarray:
    """Returns cells as float32, NaN where one is missing or no number."""
    import pandas

    numbers = pandas.to_numeric(cells, errors="coerce").to_numpy("float64")
    with np.errstate(over="ignore"):
        numbers = numbers.astype("float32")
    return np.where(np.isfinite(numbers), numbers, np.float32("nan"))


def to_days(cells: Any) -> np.ndarray:
    """Returns `2024-03-17` as days since 1970-01-01, NaN for what is no date.

    A time of the day is passed over.
    """
    import pandas

    text = cells.where(cells.map(_is_date))
    text = text.str.slice(0, 10).str.replace(r"[ T].*", "", regex=True)
    dates = pandas.to_datetime(
        text.str.replace("/", "-"), errors="coerce", format="%Y-%m-%d"
    )
    days = (dates - pandas.Timestamp(0)) / pandas.Timedelta(days=1)
    return days.to_numpy("float32")


def odd_cells(cells: Any, values: np.ndarray) -> list[str]:
    """Returns the cells that say something, but not what their column does."""
    is_odd = ~np.isfinite(values) & cells.notna().to_numpy()
    return cells[is_odd].tolist()


def _is_date(cell):
    return isinstance(cell, str) and bool(_DATE.fullmatch(cell))


def _share(fits):
    return float(np.mean(fits))


def _why_id(name, cells):
    """Says why whole numbers, different in every row, name the row."""
    values = to_numbers(cells).astype("float64")
    if len(values) < _LEAST_ROWS or (values != np.rint(values)).any():
        return ""
    is_run = np.ptp(values) == len(values) - 1
    if is_run or _ID_NAME.match(name):
        return "its whole numbers name the row: each stands once"
    return ""


def _why_different(cells, distinct):
    first = cells.iloc[0]
    if cells.map(lambda c: bool(_OTHER_DATE.fullmatch(c))).mean() > 0.9:
        return f"write its dates as 2024-03-17, not `{_short(first)}`"
    if cells.map(lambda c: bool(_DECIMAL_COMMA.fullmatch(c))).mean() > 0.9:
        return f"write its numbers with a point, not as `{_short(first)}`"
    return (
        f"{distinct} of {len(cells)} cells differ, as in an id or a free text"
    )


def _short(cell):
    return cell if len(cell) <= 24 else f"{cell[:23]}…"
