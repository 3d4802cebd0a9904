"""Finds the ratings in a table, with their ids and times."""

import collections
import functools
from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras._wording import counted, repeated
from aet_keras.data import date_cells, number_cells, table_cells
from aet_keras.data.names import check_one_line, has_floats, read_names
from aet_keras.data.specifications import CellFormat
from aet_keras.data.table_file import check_columns
from aet_keras.data.table_target import labelled
from aet_keras.errors import DataError

OWNER = "read_ratings"


def check_roles(frame, user, item, rating, time, user_features, item_features):
    """Raises unless each column is there, and has one meaning."""
    features = (*user_features, *item_features)
    check_columns(OWNER, frame, user=user, item=item, rating=rating, time=time)
    for name in user_features:
        check_columns(OWNER, frame, user_features=name)
    for name in item_features:
        check_columns(OWNER, frame, item_features=name)
    roles = [user, item, rating, *features]
    twice = repeated(roles)
    if twice:
        raise DataError(
            f"{OWNER}: user, item, rating and features must be columns of "
            f"their own. Received: `{twice[0]}` twice. Name another one."
        )


def rated_rows(frame, ids, rating, least, reading):
    """Returns the rows that say who rated what how, at least so many.

    Args:
        frame: `pandas.DataFrame` of stripped cells.
        ids: dict of what a column of ids is of, and its name.
        rating: str. The column of the ratings.
        least: int. So many rows there must be.
        reading: `Reading`, what the user says of the cells.
    """
    numbers, notes = _numbers_of(frame[rating], reading)
    is_there = np.isfinite(numbers)
    odd = collections.Counter(frame[rating][~is_there].tolist())
    if odd:
        rows = counted(odd.total(), "row is", "rows are")
        empty = odd.pop("", 0)
        parts = [f"{empty} empty"] * bool(empty)
        parts += [table_cells.listed(odd)] * bool(odd)
        notes.append(
            f"{rows} left out: a rating that is no number ({', '.join(parts)})."
        )
    frame = frame.assign(**{rating: numbers})[is_there]
    for what, column in ids.items():
        found = labelled(
            frame,
            column,
            missing=reading.missing,
            what="an id",
            read=functools.partial(read_ids, OWNER, f"`{column}` ({what})"),
        )
        frame, notes = found.frame, [*notes, *found.notes]
    if len(frame) < least:
        raise DataError(
            f"{OWNER}: there must be at least {least} rows with a user, "
            "an item and a number, because three splits are made of them. "
            f"Received: {' '.join([f'{len(frame)}.', *notes])} Add rows, or "
            f"name the column of the ratings (rating={rating!r})."
        )
    return frame, notes


def _numbers_of(cells, reading):
    """Returns ratings, NaN where there is none, and how they were read."""
    counts = collections.Counter(cells[cells != ""].tolist())
    counts = {
        t: n for t, n in counts.items() if t.lower() not in table_cells.MARKERS
    }
    base = CellFormat(missing=reading.missing)
    decimal = reading.decimal or reading.hint or None
    form = number_cells.find_number_form(counts, base)
    if form.rival is not None and decimal:
        form = number_cells.find_number_form(counts, base, decimal)
    notes = table_cells.note_format(cells.name, cells, form.format)
    return number_cells.to_numbers(cells, form.format), notes


def check_ratings(ratings, rating):
    """Raises unless the ratings differ."""
    if np.ptp(ratings) == 0:
        raise DataError(
            f"{OWNER}: ratings must differ, because it is learned who likes "
            f"what more. Received: rating={rating!r}, {ratings[0]:g} in every "
            "row. Name another column."
        )


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
    whole, changes = read_names(cells)
    if not changes:
        odd = cells[cells.str.contains(r"\.0*[1-9]|[eE]")]
        raise DataError(
            f"{owner}: ids must be names or whole numbers, because each stands "
            f"for one user or item. Received: {what} with `{odd.iloc[0]}`. "
            "Name the column that holds the ids, or write them as text."
        )
    return whole, changes


def read_numbers(cells: Any) -> np.ndarray:
    """Returns float64, NaN where a cell is missing or no finite number."""
    pandas = optional("pandas", extra="training")

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
        date_formats: tuple of str. How dates are written, if that is given.

    Raises:
        DataError: if a cell is neither, or the order of day and month is not
            clear.
    """
    times = read_numbers(cells)
    if np.isnan(times).any():
        dates = _moments(owner, column, cells, date_formats)
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


def _moments(owner, column, cells, date_formats):
    """Returns moments, NaT for what is none."""
    pandas = optional("pandas", extra="training")

    def read(date_format):
        # Summer and winter time differ in what they are ahead of UTC.
        return pandas.to_datetime(
            cells, errors="coerce", format=date_format, utc=True
        )

    dates = read("ISO8601")
    if not dates.isna().any():
        return dates
    form = date_cells.find_date_form(collections.Counter(cells), date_formats)
    if form is None:
        return dates
    if form.rival:
        raise date_cells.refuse_ambiguous(owner, column, form)
    dates = read(form.date_format)
    for time in ("%H:%M", "%H:%M:%S"):
        dates = dates.fillna(read(f"{form.date_format} {time}"))
    return dates
