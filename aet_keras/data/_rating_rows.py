"""Which rows of a table are ratings?"""

import numpy as np

from aet_keras.data import _rating_cells as read_cells
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


def rated_rows(frame, ids, rating, least):
    """Returns the rows that say who rated what how, at least so many."""
    numbers = read_cells.read_numbers(frame[rating])
    odd = frame[rating][np.isnan(numbers) & frame[rating].notna().to_numpy()]
    is_there = ~np.isnan(numbers) & frame[[*ids.values()]].notna().all(axis=1)
    left_out, notes = int((~is_there).sum()), []
    if left_out:
        such = f", such as `{odd.iloc[0]}`" if len(odd) else ""
        rows = "1 row is" if left_out == 1 else f"{left_out} rows are"
        notes.append(
            f"{rows} left out: no id, or a rating that is no number{such}."
        )
    frame = frame.assign(**{rating: numbers})[is_there]
    if len(frame) < least:
        raise DataError(
            f"{OWNER}: there must be at least {least} rows with a user, "
            "an item and a number, because three splits are made of them. "
            f"Received: {len(frame)}. Add rows, or name the column of the "
            f"ratings (rating={rating!r})."
        )
    for what, column in ids.items():
        named = f"`{column}` ({what})"
        read, said = read_cells.read_ids(OWNER, named, frame[column])
        frame, notes = frame.assign(**{column: read}), [*notes, *said]
    return frame, notes


def check_ratings(ratings, rating):
    """Raises unless the ratings differ."""
    if np.ptp(ratings) == 0:
        raise DataError(
            f"{OWNER}: ratings must differ, because it is learned who likes "
            f"what more. Received: rating={rating!r}, {ratings[0]:g} in every "
            "row. Name another column."
        )
