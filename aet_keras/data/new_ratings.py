"""Reads ratings that a published recommender has not seen."""

import dataclasses
from collections.abc import Sequence
from os import PathLike

import numpy as np

from aet_keras._wording import counted
from aet_keras.data import rating_rows, table_cells
from aet_keras.data.dataset import Split
from aet_keras.data.names import by_number
from aet_keras.data.specifications import CellFormat, RatingSpecification
from aet_keras.data.table_columns import make_reading, read_stripped
from aet_keras.errors import DataError

_OWNER = "adapt"
_LEAST = 5  # ratings of a new item of which nothing else is known


@dataclasses.dataclass(frozen=True, eq=False)
class NewRatings:
    """Holds ratings that a recommender has not seen.

    Args:
        split: `Split`, in the order of time if there is one.
        specification: `RatingSpecification`, new users and items behind the
            known ones.
        notes: tuple of str. What was left out.
        paths: tuple of str. What was read.
    """

    split: Split
    specification: RatingSpecification
    notes: tuple[str, ...]
    paths: tuple[str, ...]


def read_new_ratings(
    paths: Sequence[str | PathLike],
    like: RatingSpecification,
    *,
    user: str,
    item: str,
    rating: str | None = None,
    time: str | None = None,
    missing: Sequence[str] | None = None,
    decimal: str | None = None,
    date_formats: Sequence[str] = (),
    encoding: str = "auto",
) -> NewRatings:
    """Reads new ratings of known users and items, and of new ones.

    A new item must have a feature that is known, or five ratings; ratings of
    others are left out.

    Args:
        paths: sequence of paths, as of `read_ratings`.
        like: `RatingSpecification` of what is known.
        user: str. As of `read_ratings`, and the others, too.

    Raises:
        DataError: if a column is not there, or no rating is left.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "new.csv"
    >>> _ = path.write_text("user,item,rating\\nann,A,4\\nbob,B,2\\nbob,C,5\\n")
    >>> known = aet_keras.data.specifications.RatingSpecification(
    ...     "rating", (), None, "films.csv", users=("ann",), items=("A", "B")
    ... )
    >>> from aet_keras.data.new_ratings import read_new_ratings
    >>> new = read_new_ratings([path], known, user="user", item="item")
    >>> new.specification.users, new.split.inputs["item"][:, 0]
    (('ann', 'bob'), array([1, 2], dtype=int32))
    """
    reading = make_reading(_OWNER, missing, decimal, date_formats)
    features = tuple(
        each.column for each in (*like.user_features, *like.item_features)
    )
    frames, notes = [], []
    for path in paths:
        frame, reading, of_file = read_stripped(
            *(_OWNER, path, encoding, reading), is_like=True
        )
        column = rating_rows.rating_column(frame.columns, rating, like)
        rating_rows.check_roles(frame, user, item, column, time, features, ())
        ids = {"user": user, "item": item}
        frame, more = rating_rows.rated_rows(frame, ids, column, reading)
        frames.append(frame)
        notes += [*of_file, *more]
    frame = type(frame)(
        {
            name: np.concatenate([each[name].to_numpy() for each in frames])
            for name in (
                user,
                item,
                column,
                *features,
                *([time] if time else []),
            )
        }
    )
    if time is not None:
        times, of_times = rating_rows.read_times(
            _OWNER, time, frame[time], reading.date_formats
        )
        notes += of_times
        frame = frame.iloc[np.argsort(times, kind="stable")]
    is_again = frame.duplicated([user, item, column]).to_numpy()
    if is_again.any():
        rows = counted(int(is_again.sum()), "rating is", "ratings are")
        notes.append(
            f"{rows} there before, of the same user and item, and left out: "
            "each counts once."
        )
        frame = frame[~is_again]
    form = CellFormat(missing=reading.missing)
    for name in features:
        frame = frame.assign(**{name: table_cells.words_of(frame[name], form)})
    if not frame[item].isin(like.items).any():
        raise DataError(
            f"{_OWNER}: some new ratings must be of items that the model "
            "knows, because a user's taste is known by them. Received: none "
            f"that is, in {counted(len(frame), 'rating')}. Look whether ids "
            "are written as before, or train anew on all ratings."
        )
    is_learnable = _are_learnable(frame, item, like)
    gone = int((~is_learnable).sum())
    if gone:
        notes.append(
            f"{counted(gone, 'rating is', 'ratings are')} left out: the model "
            f"does not know the items, and they have fewer than {_LEAST} "
            "ratings and no feature that it knows."
        )
    frame = frame[is_learnable]
    notes += rating_rows.note_alike_ids(frame, ids, like, like)
    users, items = (
        (*known, *sorted(set(frame[column]) - set(known), key=by_number))
        for column, known in ((user, like.users), (item, like.items))
    )
    given = tuple(map(str, paths))
    specification = dataclasses.replace(
        like, users=users, items=items, source=", ".join(given)
    )
    split = Split(
        rating_rows.codes_of(frame, user, item, specification),
        frame[column].to_numpy("float32"),
        tuple(f"rating {row + 1}" for row in frame.index),
    )
    return NewRatings(split, specification, tuple(notes), given)


def _are_learnable(frame, item, like):
    """Returns which rows are of items that are known, or can be learned."""
    found = frame[item].isin(like.items)
    found |= frame.groupby(item)[item].transform("size") >= _LEAST
    for feature in like.item_features:
        said = frame[feature.column].isin(feature.values)
        found |= said.groupby(frame[item]).transform("any")
    return found
