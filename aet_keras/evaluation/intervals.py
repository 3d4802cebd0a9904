"""Computes 95 % intervals of shares, and of means of rows drawn again."""

import math
from collections.abc import Iterator

import numpy as np

_RESAMPLES, _DRAWN_AT_ONCE = 1000, 1_000_000


def wilson(right: int, count: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share (Wilson, 1927).

    Args:
        right: int from 0 to `count`.
        count: int >= 0. Of 0 nothing is known: it is 0 to 1.

    Example:

    >>> from aet_keras.evaluation.intervals import wilson
    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    if not count:
        return 0.0, 1.0
    z = 1.959964
    share, more = right / count, z * z / count
    middle = (share + more / 2) / (1 + more)
    half = z * math.sqrt(share * (1 - share) / count + more / count / 4)
    half /= 1 + more
    return max(0.0, middle - half), min(1.0, middle + half)


def sizes_of_draws(count: int) -> Iterator[int]:
    """Yields how many draws to make at once, 1,000 in all.

    Args:
        count: int >= 1. How many rows are drawn.
    """
    at_once = max(1, min(_RESAMPLES, _DRAWN_AT_ONCE // count))
    for start in range(0, _RESAMPLES, at_once):
        yield min(at_once, _RESAMPLES - start)


def draws_of(count: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Yields how often each row is drawn with replacement, `(draws, rows)`.

    Args:
        count: int >= 1. How many rows there are, and are drawn.
        random: `numpy.random.Generator`.
    """
    for size in sizes_of_draws(count):
        yield random.multinomial(count, np.full(count, 1 / count), size)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Returns the mean of some rows' values, and its standard error.

    Args:
        values: floats `(rows,)`, at least one; of one the error is 0.
    """
    error = values.std() / np.sqrt(len(values))
    return float(values.mean()), float(error)


def interval_of_shares(values: np.ndarray) -> tuple[float, float]:
    """Returns the middle 95 % of the mean of rows that are drawn again.

    Where all rows are 0, or all are 1, draws do not differ, and it is the
    interval of `wilson`.

    Args:
        values: floats from 0 to 1, `(rows,)`, at least one.
    """
    if values.min() == values.max() and values[0] in (0.0, 1.0):
        return wilson(int(values.sum()), len(values))
    draws = draws_of(len(values), np.random.default_rng(0))
    means = [weights @ values / len(values) for weights in draws]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)
