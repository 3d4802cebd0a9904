"""Which ratings are to learn from, and which to be judged by?"""

from collections.abc import Mapping

import numpy as np

from aet_keras.data.splits import SPLITS
from aet_keras.errors import DataError

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
    return {n: np.sort(p) for n, p in zip(SPLITS, parts, strict=True)}


def last_rows(
    owner: str,
    users: np.ndarray,
    is_timed: bool,
    random: np.random.RandomState,
) -> dict[str, np.ndarray]:
    """Returns, for each user, the last row as test and the one before.

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
    return dict(zip(SPLITS, parts, strict=True))
