"""Fits a bias for each user and each item, as a baseline."""

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from aet_keras import _check as check

_STRENGTHS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 30.0)
_SWEEPS = 20


@dataclasses.dataclass(frozen=True, eq=False)
class Biases:
    """Holds a baseline for ratings: rating = mean + b_user + b_item.

    The biases minimise the sum of squared errors, plus `user_strength` times
    the squared user biases and `item_strength` times the squared item biases.

    Args:
        mean: float. Of all ratings.
        users: float array, one a code of a user; 0 for unknown ones.
        items: float array, one a code of an item.
        user_strength: float >= 0. Acts like so many further ratings of a
            user that are exactly the mean.
        item_strength: float >= 0. Likewise.

    Example:

    >>> biases = aet_keras.evaluation.rating_biases.Biases(
    ...     3.0, np.array([0.0, 0.5]), np.array([0.0, -1.0]), 5.0, 5.0
    ... )
    >>> biases.predict([1, 0], [1, 1])
    array([2.5, 2. ])
    """

    mean: float
    users: np.ndarray
    items: np.ndarray
    user_strength: float
    item_strength: float

    def predict(self, users: Any, items: Any) -> np.ndarray:
        """Returns the rating of each pair of codes, float64."""
        users, items = np.ravel(users), np.ravel(items)
        return self.mean + self.users[users] + self.items[items]


def fit_biases(
    users: Any,
    items: Any,
    ratings: Any,
    *,
    validation: tuple[Any, Any, Any],
    user_count: int,
    item_count: int,
    strengths: Iterable[tuple[float, ...]] | None = None,
) -> Biases:
    """Fits biases by regularised least squares, tuned on validation.

    Args:
        users: ints. The code of the user of each rating.
        items: ints. That of the item.
        ratings: floats.
        validation: tuple of users, items and ratings. The strengths, eight
            candidates each, are chosen on them.
        user_count: int >= 1. Codes of users there are, 0 for unknown ones
            included.
        item_count: int >= 1. Likewise.
        strengths: optional pairs of floats, of users and items, that are
            tried. Defaults to eight of each.

    Returns:
        `Biases`.

    Raises:
        ValueError: if there are no ratings, or the three differ in length.

    Example:

    >>> users, items = [1, 1, 2, 2], [1, 2, 1, 2]
    >>> biases = aet_keras.evaluation.rating_biases.fit_biases(
    ...     users, items, [5, 4, 2, 1], user_count=3, item_count=3,
    ...     validation=(users, items, [5, 4, 2, 1]),
    ... )
    >>> float(biases.users[1] - biases.users[2]) > 1
    True
    """
    owner = "fit_biases"
    check.positive_int(owner, user_count=user_count)
    check.positive_int(owner, item_count=item_count)
    users, items = np.ravel(users), np.ravel(items)
    ratings = np.ravel(ratings).astype("float64")
    if not len(users) == len(items) == len(ratings) > 0:
        raise ValueError(
            f"{owner}: there must be a user and an item for each rating. "
            f"Received: {len(users)} users, {len(items)} items, "
            f"{len(ratings)} ratings."
        )
    counts = user_count, item_count
    if strengths is None:
        strengths = itertools.product(_STRENGTHS, repeat=2)
    judged_users, judged_items, judged = map(np.ravel, validation)
    tried = (
        _solve((users, items), ratings, counts, pair) for pair in strengths
    )

    def error(biases):
        predicted = biases.predict(judged_users, judged_items)
        return float(np.mean((predicted - judged) ** 2))

    return min(tried, key=error)


def _solve(codes, ratings, counts, strengths):
    """Sweeps over users and items in turn, each solved exactly."""
    mean = ratings.mean()
    rest = ratings - mean
    biases = [np.zeros(count) for count in counts]
    rated = [
        np.bincount(rows, minlength=count)
        for rows, count in zip(codes, counts, strict=True)
    ]
    for role in [0, 1] * _SWEEPS:
        rest = rest + biases[role][codes[role]]
        sums = np.bincount(codes[role], rest, counts[role])
        biases[role] = sums / (rated[role] + strengths[role])
        rest = rest - biases[role][codes[role]]
    return Biases(float(mean), *biases, *strengths)
