"""Reads a table of ratings into a `Dataset`."""

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from aet_keras import _check as check
from aet_keras._choices import RATING_SPLITS
from aet_keras._wording import counted, quoted, short
from aet_keras.data import rating_rows, table_cells
from aet_keras.data import splits as splitting
from aet_keras.data.dataset import Dataset
from aet_keras.data.names import by_number
from aet_keras.data.specifications import (
    CellFormat,
    RatingFeature,
    RatingSpecification,
)
from aet_keras.data.table_columns import make_reading, read_stripped
from aet_keras.errors import DataError

_OWNER = rating_rows.OWNER
_MOST_VALUES = 200


def read_ratings(
    path: str | PathLike,
    *,
    user: str = "user",
    item: str = "item",
    rating: str | None = None,
    split: str | None = None,
    time: str | None = None,
    user_features: Sequence[str] = (),
    item_features: Sequence[str] = (),
    missing: Sequence[str] | None = None,
    decimal: str | None = None,
    date_formats: Sequence[str] = (),
    like: RatingSpecification | None = None,
    encoding: str = "auto",
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset[RatingSpecification]:
    """Reads ratings: a user, an item and a number in each row.

    Without a rating, each row is an interaction: the user met the item, such
    as bought or watched it. A pair of both counts once, the first time.

    Ids are strings. A feature may change from row to row, such as the age of
    a user at the time of the rating. Each of its values is a category.

    Args:
        path: str or path of a file that `read_csv` reads.
        user: str. The column of the users' ids.
        item: str. The column of the items' ids.
        rating: optional str. The column of the ratings, numbers. Defaults to
            `"rating"`, and to interactions where there is no such column.
        split: `"random"`; `"leave_last_out"`: the last rating of each user
            who has three is for the test, the one before for validation; or
            `"time"`: what comes after a moment is for the test, and what
            comes after an earlier one for validation. Only the last of them
            learns nothing that was not known at the time. Defaults to
            `"time"` where `time` is given, else to `"random"`.
        time: optional str. A column of numbers or dates that rows are ordered
            by. Without it, the last rating of a user is drawn at random.
        user_features: sequence of str. Columns about users.
        item_features: sequence of str. Columns about items.
        missing: optional sequence of str. Words that mean a missing cell, as
            of `read_table`. A row without an id or a rating is left out.
        decimal: optional `"."` or `","`. The decimal sign of the ratings,
            where no cell shows it.
        date_formats: sequence of str. As of `read_table`, of `time`.
        like: optional `RatingSpecification` of an earlier data set, whose
            features and codes of items are used; users must be new, and are
            coded again; three rows are enough.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Of a split at random or by time.
        test_ratio: float in (0, 1). Likewise.

    Returns:
        A `Dataset`. Inputs are a dict of int32 codes: `user` and `item`,
        `(count, 1)`, and `user_features` and `item_features`,
        `(count, features)`, where there are any; labels are float32. Its
        specification is a `RatingSpecification`. Its notes say what was left
        out, and how many pairs are in more than one split.

    Raises:
        DataError: if the file cannot be read, a column is not there, ids are
            floats, there are too few rows, all ratings are alike, or a user
            is one of `like`.
        ValueError: if an argument is out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "films.csv"
    >>> rows = [f"u{i % 4},f{i % 5},{i % 3}" for i in range(20)]
    >>> _ = path.write_text("user,item,rating\\n" + "\\n".join(rows))
    >>> dataset = aet_keras.data.read_ratings(path)
    >>> dataset.train.count, dataset.specification.items
    (14, ('f0', 'f1', 'f2', 'f3', 'f4'))
    """
    split = split or ("random" if time is None else "time")
    check.one_of(_OWNER, split=split, among=RATING_SPLITS)
    if split == "time" and time is None:
        raise DataError(
            f'{_OWNER}: split="time" must go with `time`, because rows are '
            "ordered by it. Received: no `time`. Name its column (`--time`)."
        )
    check.whole(_OWNER, seed=seed)
    ratios = splitting.check_ratios(_OWNER, validation_ratio, test_ratio)
    if like is not None:
        user_features = [each.column for each in like.user_features]
        item_features = [each.column for each in like.item_features]
    user_features, item_features = tuple(user_features), tuple(item_features)
    reading = make_reading(_OWNER, missing, decimal, date_formats)
    frame, reading, of_file = read_stripped(_OWNER, path, encoding, reading)
    rating = rating_rows.rating_column(frame.columns, rating, like)
    rating_rows.check_roles(
        frame, user, item, rating, time, user_features, item_features
    )
    ids = {"user": user, "item": item}
    if rating is None:
        used = (time, *user_features, *item_features)
        frame, notes = rating_rows.met_rows(frame, ids, used, reading)
    else:
        frame, notes = rating_rows.rated_rows(frame, ids, rating, reading)
    times = np.arange(len(frame))
    if time is not None:
        times, of_times = rating_rows.read_times(
            _OWNER, time, frame[time], reading.date_formats
        )
        notes += of_times
        order = np.argsort(times, kind="stable")
        frame, times = frame.iloc[order], times[order]
    if rating is None:
        is_first, more = rating_rows.first_meetings(frame, ids)
        frame, times, notes = frame[is_first], times[is_first], notes + more
    least = LEAST_ROWS if like is None else len(splitting.SPLITS)
    rating_rows.check_count(frame, least, rating, notes)
    form = CellFormat(missing=reading.missing)
    for name in (*user_features, *item_features):
        frame = frame.assign(**{name: table_cells.words_of(frame[name], form)})
    if rating is None:
        ratings = np.ones(len(frame), "float32")
    else:
        ratings = frame[rating].to_numpy("float32")
    if like is not None:
        check_new_users(_OWNER, like.users, frame[user])
    elif rating is not None:
        rating_rows.check_ratings(ratings, rating)
    random = np.random.RandomState(seed)
    if split == "random":
        parts = random_rows(_OWNER, len(frame), ratios, random)
        if rating is None:
            notes.append(
                "The rows to validate and test on are drawn at random. With a "
                "column of times, name it (`--time`): then they are the last."
            )
    elif split == "time":
        parts = rows_by_time(_OWNER, times, ratios)
        notes.append(
            "The rows to test on are the last in time, those to validate on "
            "come before them."
        )
    else:
        numbers = np.unique(frame[user], return_inverse=True)[1]
        parts = last_rows(_OWNER, numbers, time is not None, random)
        if time is None:
            notes.append(
                "Without `time`, the last rating of each user is drawn at "
                "random, by the seed."
            )
    train = frame.iloc[parts["train"]]
    specification = RatingSpecification(
        kind="rating",
        class_names=(),
        image_size=None,
        source=str(path),
        users=rating_rows.distinct(train[user]),
        items=like.items if like else rating_rows.distinct(train[item]),
        has_ratings=rating is not None,
        user_features=like.user_features
        if like
        else _features(train, user_features),
        item_features=like.item_features
        if like
        else _features(train, item_features),
    )
    inputs = rating_rows.codes_of(frame, user, item, specification)
    splits = splitting.split_columns(inputs, ratings, frame.index, parts)
    notes += rating_rows.note_alike_ids(frame, ids, specification, like)
    pairs = list(zip(frame[user], frame[item], strict=True))
    notes += _shared({n: [pairs[r] for r in p] for n, p in parts.items()})
    return Dataset(
        **splits,
        specification=specification,
        notes=(
            *of_file,
            *notes,
            *_strangers(splits),
            *(_not_learned(frame, item, like) if like else ()),
        ),
    )


def check_new_users(
    owner: str, known: Sequence[str], users: Sequence[str]
) -> None:
    """Checks that no user is known to the earlier model.

    Raises:
        DataError: if one is.
    """
    both = sorted(set(known).intersection(users), key=by_number)
    if both:
        raise DataError(
            f"{owner}: new users must be new, because rows of the old ones "
            f"stay as they are. Received: {quoted(both, 1)}, known already. "
            "Leave their rows out, or train anew."
        )


def _features(frame, columns):
    features = tuple(
        RatingFeature(c, rating_rows.distinct(frame[c])) for c in columns
    )
    for feature in features:
        if len(feature.values) > _MOST_VALUES:
            raise DataError(
                f"{_OWNER}: a feature must have at most {_MOST_VALUES} "
                "values, because each is learned on its own. Received: "
                f"`{feature.column}` with {len(feature.values)}. Cut it into "
                "ranges first, or leave it out."
            )
    return features


def _shared(pairs):
    count = splitting.shared_rows(pairs)
    if not count:
        return []
    rows = counted(count, "rating")
    return [
        f"{rows} to validate or test on have a user and an item that an "
        "earlier split pairs, too: the model scores too well on them."
    ]


def _strangers(splits):
    for role in ("user", "item"):
        count = int((splits["test"].inputs[role] == 0).sum())
        if count:
            of = "to test on"
            rows = counted(count, f"rating {of} is", f"ratings {of} are")
            yield f"{rows} of {role}s with none to learn from."


def _not_learned(frame, item, like):
    """Notes items and features of which an earlier model knows nothing."""
    features = (*like.user_features, *like.item_features)
    known = {item: like.items} | {each.column: each.values for each in features}
    for column, values in known.items():
        cells = frame[column]
        odd = cells[(cells != "") & ~cells.isin(values)]
        if len(odd):
            rows = counted(len(odd), "row has", "rows have")
            yield (
                f"{rows} in `{column}` what the earlier model has not learned, "
                f"such as `{short(odd.iloc[0])}`: it stays unknown. Train anew "
                "to have it learned."
            )


LEAST_ROWS = 10
_LEAST_RATINGS = 3  # of a user, so that each split gets one


def random_rows(
    owner: str,
    count: int,
    ratios: Mapping[str, float],
    random: np.random.RandomState,
) -> dict[str, np.ndarray]:
    """Returns the rows of each split, in ascending order."""
    order = random.permutation(count)
    test = max(1, round(ratios["test"] * count))
    both = test + max(1, round(ratios["validation"] * count))
    if both >= count:
        raise DataError(
            f"{owner}: there must be rows left to learn from. Received: "
            f"{count} rows, {both} of them to validate and test on. Give "
            "smaller ratios."
        )
    parts = order[both:], order[test:both], order[:test]
    return {n: np.sort(p) for n, p in zip(splitting.SPLITS, parts, strict=True)}


def rows_by_time(
    owner: str, times: np.ndarray, ratios: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Returns the rows of each split, cut where time changes.

    Rows of the same moment stay together, in the earlier split.

    Args:
        owner: str. Who asks.
        times: float array `(count,)`, ascending.
        ratios: the share of `"validation"` and `"test"`.
    """
    count = len(times)
    wanted = 1 - ratios["test"] - ratios["validation"], 1 - ratios["test"]
    ends = [
        int(
            np.searchsorted(times, times[max(0, round(w * count) - 1)], "right")
        )
        for w in wanted
    ]
    parts = np.split(np.arange(count), ends)
    if not all(len(part) for part in parts):
        raise DataError(
            f"{owner}: times must differ enough to cut the rows into three, "
            "because rows of the same moment stay together. Received: "
            f"{counted(len(np.unique(times)), 'moment')} in {count} rows. Give "
            'other ratios, finer times, or split="random".'
        )
    return dict(zip(splitting.SPLITS, parts, strict=True))


def last_rows(
    owner: str, users: np.ndarray, is_timed: bool, random: np.random.RandomState
) -> dict[str, np.ndarray]:
    """Returns the last row of each user for the test, and the one before.

    Args:
        owner: str. Who asks.
        users: int array `(count,)`, in the order of time if there is one.
        is_timed: bool. Otherwise chance says which rows are the last.
        random: where chance comes from.
    """
    rank = np.arange(len(users)) if is_timed else random.permutation(len(users))
    order = np.lexsort((rank, users))
    counts = np.bincount(users)
    ends = np.cumsum(counts)[counts >= _LEAST_RATINGS]
    if not len(ends):
        raise DataError(
            f"{owner}: a user must have {_LEAST_RATINGS} ratings, because one "
            "is left out to validate and one to test. Received: at most "
            f'{counts.max()} a user. Use split="random".'
        )
    test, validation = order[ends - 1], order[ends - 2]
    train = np.setdiff1d(order, np.concatenate([test, validation]))
    parts = train, np.sort(validation), np.sort(test)
    return dict(zip(splitting.SPLITS, parts, strict=True))
