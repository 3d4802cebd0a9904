"""What do the cells of a column of ids, ratings or times mean?"""

import re
from typing import Any

import numpy as np

from aet_keras.errors import DataError

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_WHOLE = re.compile(r"([-+]?\d+)\.0*")


def read_ids(owner: str, what: str, cells: Any) -> tuple[Any, list[str]]:
    """Returns ids as they are, `17.0` as `17`, and a note if there were any.

    Args:
        owner: str. Who asks.
        what: str. The column, and what it is for.
        cells: `pandas.Series` of str without missing ones.
    """
    is_number = cells.map(lambda c: bool(_NUMBER.fullmatch(c)))
    is_float = cells.str.contains(".", regex=False)
    if not (is_number.all() and is_float.any()):
        return cells, []
    is_whole = cells.map(lambda c: bool(_WHOLE.fullmatch(c)))
    odd = cells[is_float & ~is_whole]
    if len(odd):
        raise DataError(
            f"{owner}: ids must be names or whole numbers, because each stands "
            f"for one user or item. Received: {what} with `{odd.iloc[0]}`. "
            "Name the column that holds the ids, or write them as text."
        )
    whole = cells.str.replace(_WHOLE, r"\1", regex=True)
    return whole, [
        f"{int(is_float.sum())} ids in {what} are written as floats: "
        f"`{cells[is_float].iloc[0]}` is read as "
        f"`{whole[is_float].iloc[0]}`."
    ]


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
        dates = pandas.to_datetime(cells, errors="coerce", format="ISO8601")
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
