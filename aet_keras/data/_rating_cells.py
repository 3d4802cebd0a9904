"""What do the cells of a column of ids, ratings or times mean?"""

from typing import Any

import numpy as np

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
    return whole, [f"Ids in {what} are written as floats: {e}." for e in said]


def read_numbers(cells: Any) -> np.ndarray:
    """Returns float64, NaN where a cell is missing or no finite number."""
    import pandas

    numbers = pandas.to_numeric(cells, errors="coerce").to_numpy("float64")
    return np.where(np.isfinite(numbers), numbers, np.nan)


def read_times(owner: str, column: str, cells: Any) -> np.ndarray:
    """Returns float64 that grow with time: numbers as they are, or dates."""
    import pandas

    times = read_numbers(cells)
    if np.isnan(times).any():
        # Summer and winter time differ in what they are ahead of UTC.
        dates = pandas.to_datetime(
            cells, errors="coerce", format="ISO8601", utc=True
        )
        if dates.isna().any():
            odd = cells[dates.isna().to_numpy()].iloc[0]
            raise DataError(
                f"{owner}: times must be numbers, or dates such as "
                "2024-03-17 12:30, because the last rating of each user is "
                f"looked for. Received: time={column!r} with `{odd}`. Mend "
                "the cell, or leave `time` out."
            )
        times = dates.astype("int64").to_numpy("float64")
    return times
