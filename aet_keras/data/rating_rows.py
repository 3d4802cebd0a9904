"""Finds the ratings in a table, with their ids and times."""

import collections
import functools
from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras._wording import counted, quoted, repeated
from aet_keras.data import (
    date_cells,
    number_cells,
    number_columns,
    table_cells,
)
from aet_keras.data.names import (
    by_number,
    check_one_line,
    has_floats,
    note_alike,
    read_names,
)
from aet_keras.data.specifications import CellFormat, RatingSpecification
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
    roles = [user, item, *([] if rating is None else [rating]), *features]
    twice = repeated(roles)
    if twice:
        raise DataError(
            f"{OWNER}: user, item, rating and features must be columns of "
            f"their own. Received: `{twice[0]}` twice. Name another one."
        )


USUAL_RATING = "rating"


def rating_column(columns, rating, like):
    """Returns the column of the ratings; `None` where rows are interactions.

    Args:
        columns: what columns the file has.
        rating: optional str. What the user named.
        like: optional `RatingSpecification` that is followed.
    """
    has_ratings = USUAL_RATING in columns if like is None else like.has_ratings
    if rating is not None and like is not None and not has_ratings:
        raise DataError(
            f"{OWNER}: `rating` must be left out, because the earlier model "
            f"has learned interactions. Received: rating={rating!r}. Leave "
            "it out, or train anew on the ratings."
        )
    return rating or (USUAL_RATING if has_ratings else None)


def met_rows(frame, ids, used, reading):
    """Returns the rows that say who met what.

    Args:
        frame: `pandas.DataFrame` of stripped cells.
        ids: dict of what a column of ids is of, and its name.
        used: the other columns that are looked at.
        reading: `Reading`, what the user says of the cells.
    """
    others = [c for c in frame.columns if c not in (*ids.values(), *used)]
    named = f" Not looked at: {quoted(others, 3)}." if others else ""
    notes = [
        f"There is no column `{USUAL_RATING}`: each row is an interaction, "
        f"that a user met an item. Else name the ratings (`--rating`).{named}"
    ]
    for what, column in ids.items():
        frame, more = _with_ids(frame, what, column, reading)
        notes += more
    return frame, notes


def first_meetings(frame, ids):
    """Says which rows are the first of their user and item, and a note."""
    is_again = frame.duplicated(list(ids.values())).to_numpy()
    if not is_again.any():
        return ~is_again, []
    rows = counted(int(is_again.sum()), "row repeats", "rows repeat")
    return ~is_again, [
        f"{rows} an earlier pair of user and item: the pair counts once."
    ]


def check_count(frame, least, rating, notes):
    """Raises unless there are so many rows."""
    if len(frame) >= least:
        return
    number = " and a number" if rating else ""
    what = f" (rating={rating!r})" if rating else ""
    raise DataError(
        f"{OWNER}: there must be at least {least} rows with a user, an "
        f"item{number}, because three splits are made of them. Received: "
        f"{' '.join([f'{len(frame)}.', *notes])} Add rows, or name the column "
        f"of the ratings{what}."
    )


def _with_ids(frame, what, column, reading):
    found = labelled(
        frame,
        column,
        missing=reading.missing,
        what="an id",
        read=functools.partial(read_ids, OWNER, f"`{column}` ({what})"),
    )
    return found.frame, found.notes


def note_alike_ids(frame, ids, specification, like):
    """Notes users, items and values of features that a person takes for one.

    Args:
        frame: `pandas.DataFrame` of stripped cells.
        ids: dict of what a column of ids is of, and its name.
        specification: `RatingSpecification`, of the features.
        like: optional `RatingSpecification` of what is known, and not noted.
    """
    columns = {f"{what}s": column for what, column in ids.items()}
    known = {what: getattr(like, what, ()) for what in columns}
    features = (*specification.user_features, *specification.item_features)
    for feature in features:
        what = f"values of `{feature.column}`"
        columns[what] = feature.column
        known[what] = () if like is None else feature.values
    notes: list[str] = []
    for what, column in columns.items():
        there = distinct(frame[column])
        new = set(there) - set(known[what])
        named = [name for name in there if name in new]
        notes += note_alike(what, named, known[what])
    return notes


def rated_rows(frame, ids, rating, reading):
    """Returns the rows that say who rated what how.

    Args:
        frame: `pandas.DataFrame` of stripped cells.
        ids: dict of what a column of ids is of, and its name.
        rating: str. The column of the ratings.
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
    notes += table_cells.note_far(rating, numbers)
    frame = frame.assign(**{rating: numbers})[is_there]
    for what, column in ids.items():
        frame, more = _with_ids(frame, what, column, reading)
        notes = [*notes, *more]
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
    return number_columns.to_numbers(cells, form.format), notes


def check_ratings(ratings, rating):
    """Raises unless the ratings differ."""
    if np.ptp(ratings) == 0:
        raise DataError(
            f"{OWNER}: ratings must differ, because it is learned who likes "
            f"what more. Received: rating={rating!r}, {ratings[0]:g} in every "
            "row. Name another column, or take this one out of the file: "
            "without it each row is an interaction."
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
) -> tuple[np.ndarray, list[str]]:
    """Returns float64 that grow with time: numbers as they are, or dates.

    Args:
        owner: str. Who asks.
        column: str. The name of the column.
        cells: `pandas.Series` of str.
        date_formats: tuple of str. How dates are written, if that is given.

    Returns:
        The times, and notes of formats that they are not written in.

    Raises:
        DataError: if a cell is neither, or the order of day and month is not
            clear.
    """
    form = _given_form(cells, date_formats)
    notes = [
        f"`--date-format {each}` is not used: `{column}` is not written so."
        for each in date_formats
        if form is None or each != form.date_format
    ]
    times = read_numbers(cells)
    # Days such as 31012024 are numbers, too, but in another order.
    if form is not None or np.isnan(times).any():
        dates = _moments(owner, column, cells, form, date_formats)
        if dates.isna().any():
            odd = cells[dates.isna().to_numpy()].iloc[0]
            raise DataError(
                f"{owner}: times must be numbers, or dates such as "
                "2024-03-17 12:30, because rows are ordered by them. "
                f"Received: time={column!r} with `{odd}`. Say how "
                "they are written (`--date-format`), mend the cell, or leave "
                "`time` out."
            )
        times = dates.astype("int64").to_numpy("float64")
    return times, notes


def _given_form(cells, date_formats):
    """Returns the given format in which nearly all cells are, or None."""
    if not date_formats:
        return None
    least = date_cells.LEAST_SHARE
    counts = collections.Counter(cells)
    form = date_cells.find_date_form(counts, date_formats, least_share=least)
    is_given = form and form.date_format in date_formats
    return form if is_given and form.share >= least else None


def _moments(owner, column, cells, form, date_formats):
    """Returns moments, NaT for what is none."""
    pandas = optional("pandas", extra="training")

    def read(date_format):
        # Summer and winter time differ in what they are ahead of UTC.
        return pandas.to_datetime(
            cells, errors="coerce", format=date_format, utc=True
        )

    dates = read("ISO8601")
    is_iso = form is None or form.date_format == date_cells.ISO
    if is_iso and not dates.isna().any():
        return dates
    form = form or date_cells.find_date_form(
        collections.Counter(cells), date_formats
    )
    if form is None:
        return dates
    if form.rival:
        raise date_cells.refuse_ambiguous(owner, column, form)
    dates = read(form.date_format)
    for time in ("%H:%M", "%H:%M:%S"):
        dates = dates.fillna(read(f"{form.date_format} {time}"))
    return dates


def distinct(cells: Any) -> tuple[str, ...]:
    """Returns the distinct cells, numbers by size and before words."""
    return tuple(sorted(cells[cells != ""].unique(), key=by_number))


def codes_of(
    frame: Any, user: str, item: str, specification: RatingSpecification
) -> dict[str, np.ndarray]:
    """Returns the codes of users, items and features of rows, int32."""

    def codes(column, values):
        number = {value: code for code, value in enumerate(values, start=1)}
        return frame[column].map(number).fillna(0).to_numpy("int32")

    inputs = {
        "user": codes(user, specification.users)[:, None],
        "item": codes(item, specification.items)[:, None],
    }
    for name in ("user_features", "item_features"):
        features = getattr(specification, name)
        columns = [codes(each.column, each.values) for each in features]
        if columns:
            inputs[name] = np.stack(columns, axis=1)
    return inputs
