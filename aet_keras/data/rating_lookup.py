"""Looks up what users and items did by their codes."""

import dataclasses
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from aet_keras import _check as check
from aet_keras.data.batching import batched_rows
from aet_keras.data.dataset import Split
from aet_keras.data.specifications import RatingSpecification
from aet_keras.errors import DataError


@dataclasses.dataclass(frozen=True, eq=False)
class RatingTables:
    """Holds a row for each code of a user or an item; row 0 is unknown.

    Args:
        history_items: int32 `(users, history_length)`. The items that a user
            rated last, the last one at the end, 0 where there are fewer.
        history_ratings: float32 of that shape; `None` of interactions.
        rated_items: int32 `(ratings,)`. All items that users rated, user by
            user.
        rated_starts: int64 `(users + 1,)`. Where those of each user begin.
        item_counts: int64 `(items,)`. How often each item was rated.
        user_features: int32 `(users, features)`. The most frequent value of
            each feature.
        item_features: int32 `(items, features)`.

    Example:

    Two users, who rated one and two items:

    >>> rows = np.zeros((3, 1), "int32")
    >>> tables = aet_keras.data.rating_lookup.RatingTables(
    ...     history_items=rows, history_ratings=rows, item_counts=rows,
    ...     user_features=rows, item_features=rows,
    ...     rated_items=np.asarray([5, 7, 5]),
    ...     rated_starts=np.asarray([0, 0, 1, 3]),
    ... )
    >>> tables.rated(2).tolist()
    [7, 5]
    """

    history_items: np.ndarray
    history_ratings: np.ndarray | None
    rated_items: np.ndarray
    rated_starts: np.ndarray
    item_counts: np.ndarray
    user_features: np.ndarray
    item_features: np.ndarray

    def rated(self, user: int) -> np.ndarray:
        """Returns the codes of all items that a user rated."""
        start, end = self.rated_starts[user : user + 2]
        return self.rated_items[start:end]

    def rows(
        self, inputs: Mapping[str, np.ndarray], takes: Container[str] = ()
    ) -> dict[str, np.ndarray]:
        """Returns inputs with the histories of their users beside them.

        The item of a row is left out of its history, because its rating is
        what a model predicts. Features that are not given get their most
        frequent values.

        Args:
            inputs: dict of codes, of `user` and `item` at least.
            takes: what a model takes. If `met_items` is in it, the rows have
                a 1 for each item that the user met, `(rows, items)`.
        """
        users, items = inputs["user"][:, 0], inputs["item"]
        past = self.history_items[users]
        rows = {**inputs, **self._features(inputs)}
        rows["history_items"] = np.where(past == items, 0, past)
        if self.history_ratings is not None:
            rows["history_ratings"] = self.history_ratings[users]
        if "met_items" in takes:
            met = self.met()[users].toarray().astype("float32")
            met[np.arange(len(users)), items[:, 0]] = 0
            rows["met_items"] = met
        return rows

    def met(self) -> scipy.sparse.csr_matrix:
        """Returns a 1 for each user and item that met, `(users, items)`."""
        shape = len(self.rated_starts) - 1, len(self.item_counts)
        ones = np.ones(len(self.rated_items), "uint8")
        return scipy.sparse.csr_matrix(
            (ones, self.rated_items, self.rated_starts), shape=shape
        )

    def comparisons(
        self, negatives: int | None, random: np.random.Generator
    ) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Returns what says of each item whether a row compares it.

        Args:
            negatives: optional int. How many are drawn; all if `None`.
            random: where chance comes from, anew at each call.

        Returns:
            Function of the codes of users and items `(rows,)` that returns
            uint8 `(rows, items)`: 2 for the item of the row, 1 for a
            negative, 0 for the unknown item and for others that the user met.
        """
        met = self.met()
        shape = met.shape

        def compare(users, items):
            is_met = met[users].toarray() > 0
            is_met[:, 0] = True
            is_met[np.arange(len(items)), items] = True
            labels = (~is_met).astype("uint8")
            if negatives is not None and negatives < shape[1]:
                keys = np.where(is_met, 2.0, random.random(is_met.shape))
                last = np.partition(keys, negatives - 1, axis=1)
                labels &= keys <= last[:, negatives - 1 : negatives]
            rows = np.flatnonzero(items)  # an unknown item has no column
            labels[rows, items[rows]] = 2
            return labels

        return compare

    def _features(self, inputs):
        made = {}
        for role, table in (
            ("user", self.user_features),
            ("item", self.item_features),
        ):
            name = f"{role}_features"
            if table.shape[1] and name not in inputs:
                made[name] = table[inputs[role][:, 0]]
        return made


def make_rating_tables(
    splits: Sequence[Split],
    specification: RatingSpecification,
    *,
    history_length: int = 50,
    item_features: np.ndarray | None = None,
) -> RatingTables:
    """Collects histories, counts and features of each user and item.

    Args:
        splits: sequence of `Split`, the older ratings first. To train and to
            measure that is the split to learn from; to serve, all of them.
        specification: `RatingSpecification`.
        history_length: int >= 1. Defaults to `50`.
        item_features: optional int32 `(items, features)`, those of earlier
            tables, so that ratings of new users do not change them. Defaults
            to the most frequent values.

    Returns:
        `RatingTables`.

    Raises:
        DataError: if the splits are of another specification.
        ValueError: if `history_length` is below 1.

    Example:

    >>> specification = aet_keras.data.specifications.RatingSpecification(
    ...     "rating", (), None, "films.csv", users=("ann",), items=("A", "B")
    ... )
    >>> split = aet_keras.data.Split(
    ...     {"user": np.array([[1], [1]]), "item": np.array([[2], [1]])},
    ...     np.array([5, 3], "float32"), ("row 1", "row 2"),
    ... )
    >>> tables = aet_keras.data.make_rating_tables(
    ...     [split], specification, history_length=3
    ... )
    >>> tables.history_items[1]
    array([0, 2, 1], dtype=int32)
    """
    check.positive_int("make_rating_tables", history_length=history_length)
    users, items = (
        np.concatenate([split.inputs[role][:, 0] for split in splits])
        for role in ("user", "item")
    )
    ratings = np.concatenate([split.labels for split in splits])
    counts = 1 + len(specification.users), 1 + len(specification.items)
    if max(users) >= counts[0] or max(items) >= counts[1]:
        raise DataError(
            "make_rating_tables: codes must be those of the specification. "
            f"Received: user {max(users)} and item {max(items)} of {counts}. "
            "Give the specification that the splits were read with."
        )
    known = (users > 0) & (items > 0)
    order = np.argsort(users[known], kind="stable")
    of, rated = users[known][order], items[known][order]
    starts = np.searchsorted(of, np.arange(counts[0] + 1))
    shape = (counts[0], history_length)
    past, past_ratings = np.zeros(shape, "int32"), np.zeros(shape, "float32")
    column = np.arange(len(of)) - starts[of + 1] + history_length
    seen = column >= 0  # the others are too long ago
    past[of[seen], column[seen]] = rated[seen]
    past_ratings[of[seen], column[seen]] = ratings[known][order][seen]
    return RatingTables(
        history_items=past,
        history_ratings=past_ratings if specification.has_ratings else None,
        rated_items=rated.astype("int32"),
        rated_starts=starts,
        item_counts=np.bincount(items[known], minlength=counts[1]),
        user_features=_usual(splits, "user", users, counts[0]),
        item_features=_usual(splits, "item", items, counts[1])
        if item_features is None
        else item_features,
    )


def _usual(splits, role, codes, count):
    """Returns the most frequent value of each feature; 0 for the unknown."""
    name = f"{role}_features"
    if name not in splits[0].inputs:
        return np.zeros((count, 0), "int32")
    features = np.concatenate([split.inputs[name] for split in splits])
    usual = np.zeros((count, features.shape[1]), "int32")
    for place, values in enumerate(features.T):
        pairs = codes.astype("int64") * (1 + values.max()) + values
        each, seen = np.unique(pairs, return_counts=True)
        each = each[np.argsort(seen, kind="stable")]  # the last one stays
        usual[each // (1 + values.max()), place] = each % (1 + values.max())
    usual[0] = 0
    return usual


def make_rating_batches(
    split: Split,
    tables: RatingTables,
    *,
    batch_size: int = 1024,
    shuffle_seed: int | None = None,
    negatives: int | None = None,
    takes: Container[str] = (),
) -> Any:
    """Feeds ratings to `fit`, histories looked up a batch at a time.

    Of interactions, the labels say of each item what it is to the row's user:
    2 is the item of the row, 1 a negative, and 0 is not compared. An item
    that the user met in the rows to learn from is never a negative.

    Args:
        split: `Split` of ratings.
        tables: `RatingTables`, of the split to learn from.
        batch_size: int >= 1. Defaults to `1024`.
        shuffle_seed: optional int >= 0. Another order in each epoch, and
            other negatives.
        negatives: optional int >= 1. How many items are drawn for each
            interaction. Defaults to all that the user has not met.
        takes: as of `RatingTables.rows`.

    Returns:
        A `tf.data.Dataset` of what `aet_keras.tasks.build_recommender` takes,
        and of a dict: `rating` `(batch, 1)` and `rank` `(batch, 1)`, the
        item; of interactions `rank` alone, uint8 `(batch, items)`.

    Raises:
        ValueError: if an argument is out of its range.

    Example: see `examples/13_recommend_films.py`.

    >>> split = aet_keras.data.Split(
    ...     {"user": np.array([[1]]), "item": np.array([[1]])},
    ...     np.array([5], "float32"), ("row 1",),
    ... )
    >>> specification = aet_keras.data.specifications.RatingSpecification(
    ...     "rating", (), None, "films.csv", users=("ann",), items=("Alien",)
    ... )
    >>> tables = aet_keras.data.make_rating_tables([split], specification)
    >>> from aet_keras.data.rating_lookup import make_rating_batches
    >>> x, y = next(iter(make_rating_batches(split, tables)))
    >>> x["history_items"].shape, y["rating"].numpy().item()
    (TensorShape([1, 50]), 5.0)
    """
    import tensorflow as tf

    owner = "make_rating_batches"
    if negatives is not None:
        check.positive_int(owner, negatives=negatives)
    rows = batched_rows(owner, split, batch_size, shuffle_seed)
    is_rated = tables.history_ratings is not None
    kind, width = tf.float32, 1
    if not is_rated:
        random = np.random.default_rng(shuffle_seed)
        compare = tables.comparisons(negatives, random)
        kind, width = tf.uint8, len(tables.item_counts)
    first = tables.rows({k: v[:1] for k, v in split.inputs.items()}, takes)
    widths = {name: column.shape[1] for name, column in first.items()}
    kinds = {name: tf.as_dtype(each.dtype) for name, each in first.items()}

    def read(index):
        part = {k: v[index] for k, v in split.inputs.items()}
        made = tables.rows(part, takes)
        if is_rated:
            labels = split.labels[index][:, None]
        else:
            labels = compare(part["user"][:, 0], part["item"][:, 0])
        return *(made[name] for name in widths), labels

    def gather(index):
        *columns, labels = tf.numpy_function(
            read, [index], [*kinds.values(), kind]
        )
        inputs = dict(zip(widths, columns, strict=True))
        for name, column in inputs.items():
            column.set_shape((None, widths[name]))
        labels.set_shape((None, width))
        if not is_rated:
            return inputs, {"rank": labels}
        return inputs, {"rating": labels, "rank": inputs["item"]}

    return rows.map(gather).prefetch(tf.data.AUTOTUNE)
