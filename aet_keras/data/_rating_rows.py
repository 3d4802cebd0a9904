"""Which rows of a table are ratings?"""

import collections

import numpy as np

from aet_keras.data import _cells, _numbers
from aet_keras.data import _rating_cells as read_cells
from aet_keras.data._table_target import labelled
from aet_keras.data.cell_format import CellFormat
from aet_keras.data.csv_file import check_columns
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
    twice = sorted({name for name in roles if roles.count(name) > 1})
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
        rows = "1 row is" if odd.total() == 1 else f"{odd.total()} rows are"
        empty = odd.pop("", 0)
        said = [f"{empty} empty"] * bool(empty)
        said += [_cells.listed(odd)] * bool(odd)
        notes.append(
            f"{rows} left out: a rating that is no number ({', '.join(said)})."
        )
    frame = frame.assign(**{rating: numbers})[is_there]
    for what, column in ids.items():
        found = labelled(
            frame,
            column,
            missing=reading.missing,
            what="an id",
            read=_id_reader(what, column),
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


def _id_reader(what, column):
    return lambda cells: read_cells.read_ids(
        OWNER, f"`{column}` ({what})", cells
    )


def _numbers_of(cells, reading):
    """Returns ratings, NaN where there is none, and how they were read."""
    counts = collections.Counter(cells[cells != ""].tolist())
    counts = {
        t: n for t, n in counts.items() if t.lower() not in _cells.MARKERS
    }
    base = CellFormat(missing=reading.missing)
    decimal = reading.decimal or reading.hint or None
    form = _numbers.find_number_form(counts, base)
    if form.rival is not None and decimal:
        form = _numbers.find_number_form(counts, base, decimal)
    notes = _cells.note_format(cells.name, cells, form.format)
    return _numbers.to_numbers(cells, form.format), notes


def check_ratings(ratings, rating):
    """Raises unless the ratings differ."""
    if np.ptp(ratings) == 0:
        raise DataError(
            f"{OWNER}: ratings must differ, because it is learned who likes "
            f"what more. Received: rating={rating!r}, {ratings[0]:g} in every "
            "row. Name another column."
        )
