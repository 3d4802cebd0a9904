"""What do the cells of a column of ids, ratings or times mean?"""

import collections
from typing import Any

import numpy as np

from aet_keras.data import _days
from aet_keras.data._names import check_one_line, has_floats, read_names
from aet_keras.errors import DataError


def read_ids(owner: str, what: str, cells: Any) -> tuple[Any, list[str]]:
    """Returns ids as they are, `17.0` as `17`, and a note if there were any.

    Args:
        owner: str. Who asks.
        what: str. The column, and what it is for.
        cells: `pandas.Series` of str without missing ones.
    """
    check_one_line(owner, what, cells.unique())
    if not has_floats(cells):
        return cells, []
    whole, said = read_names(cells)
    if not said:
        odd = cells[cells.str.contains(r"\.0*[1-9]|[eE]")]
        raise DataError(
            f"{owner}: ids must be names or whole numbers, because each stands "
            f"for one user or item. Received: {what} with `{odd.iloc[0]}`. "
            "Name the column that holds the ids, or write them as text."
        )
    return whole, said


def read_numbers(cells: Any) -> np.ndarray:
    """Returns float64, NaN where a cell is missing or no finite number."""
    import pandas

    numbers = pandas.to_numeric(cells, errors="coerce").to_numpy("float64")
    return np.where(np.isfinite(numbers), numbers, np.nan)


def read_times(
    owner: str, column: str, cells: Any, date_formats: tuple[str, ...] = ()
) -> np.ndarray:
    """Returns float64 that grow with time: numbers as they are, or dates.

    Args:
        owner: str. Who asks.
        column: str. The name of the column.
        cells: `pandas.Series` of str.
        date_formats: tuple of str. How dates are written, if that is said.

    Raises:
        DataError: if a cell is neither, or the order of day and month is not
            clear.
    """
    times = read_numbers(cells)
    if np.isnan(times).any():
        dates = _dates(owner, column, cells, date_formats)
        if dates.isna().any():
            odd = cells[dates.isna().to_numpy()].iloc[0]
            raise DataError(
                f"{owner}: times must be numbers, or dates such as "
                "2024-03-17 12:30, because the last rating of each user is "
                f"looked for. Received: time={column!r} with `{odd}`. Say how "
                "they are written (`--date-format`), mend the cell, or leave "
                "`time` out."
            )
        times = dates.astype("int64").to_numpy("float64")
    return times


def _dates(owner, column, cells, date_formats):
    """Returns moments, NaT for what is none."""
    import pandas

    def read(date_format):
        # Summer and winter time differ in what they are ahead of UTC.
        return pandas.to_datetime(
            cells, errors="coerce", format=date_format, utc=True
        )

    dates = read("ISO8601")
    if not dates.isna().any():
        return dates
    form = _days.find_date_form(collections.Counter(cells), date_formats)
    if form is None:
        return dates
    if form.rival:
        raise _days.refuse_ambiguous(owner, column, form)
    dates = read(form.date_format)
    for time in ("%H:%M", "%H:%M:%S"):
        dates = dates.fillna(read(f"{form.date_format} {time}"))
    return dates
