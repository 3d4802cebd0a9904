"""Tests whether two samples come from one distribution, column by column.

Rows of the first sample may have weights: the test then asks whether the
second is what the first would be with other shares of its classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special, stats

from aet_keras.drift.reference import as_cells
from aet_keras.drift.shift import ColumnShift

_LEAST_EXPECTED = 5  # of a cell, below which chi-squared is not trusted


def effective_count(weights: np.ndarray) -> float:
    """Returns how many rows of equal weights say as much (Kish).

    Example:

    >>> from aet_keras.drift.two_samples import effective_count
    >>> effective_count(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    weights = np.asarray(weights, "float64")
    return float(weights.sum() ** 2 / np.square(weights).sum())


def ks_p_values(
    first: np.ndarray, second: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns the p value of each column, by Kolmogorov and Smirnov.

    Two-sided and asymptotic: the distribution of the distance of one sample
    of n m / (n + m) rows from a continuous distribution. Where values are
    equal the p value is too high, never too low. Weights count with their
    effective number of rows (Monahan, Numerical Methods of Statistics, 12).
    Of few rows it is at least 2 / C(n + m, m), how often one sample lies below
    or above the whole other one by chance.

    Args:
        first: array `(n, columns)`. NaN is not allowed; -inf is.
        second: array `(m, columns)`.
        weights: optional array `(n,)` of numbers >= 0, of the first sample.

    Returns:
        float64 array `(columns,)`.

    Example:

    >>> from aet_keras.drift.two_samples import ks_p_values
    >>> rows = np.arange(100.0)[:, None]
    >>> p = ks_p_values(rows, rows + 50)
    >>> bool(p[0] < 1e-6)
    True
    """
    weights = np.ones(len(first)) if weights is None else weights
    distances = np.array(
        [
            _distance(first[:, column], second[:, column], weights)
            for column in range(first.shape[1])
        ]
    )
    known = effective_count(weights)
    count = both_counts(known, len(second))
    found = stats.kstwo.sf(distances, max(1, round(count)))
    both = known + len(second)  # 1 / C(n + m, m) = (n + m + 1) B(n + 1, m + 1)
    rarest = 2 * (both + 1) * special.beta(known + 1, len(second) + 1)
    return np.maximum(found, min(1.0, rarest))


def both_counts(first: float, second: float) -> float:
    """Returns n m / (n + m), the size of one sample that says as much."""
    return first * second / (first + second)


def distance_found(first: float, second: float, level: float) -> float:
    """Returns the distance from which on a column is found to have moved.

    Args:
        first: float > 0. Rows of the first sample, or what they count for.
        second: float > 0. Rows of the second.
        level: float from 0 to 1. The p value of one column.

    Example:

    >>> from aet_keras.drift.two_samples import distance_found
    >>> round(float(distance_found(300, 300, 0.05)), 2)
    0.11
    """
    count = max(1, round(both_counts(first, second)))
    return float(stats.kstwo.isf(level, count))


def chi_squared_p(
    first: Sequence[str] | np.ndarray,
    second: Sequence[str] | np.ndarray,
    weights: np.ndarray | None = None,
) -> float:
    """Returns the p value of two samples of categories having equal shares.

    Categories of which fewer than five are expected in a sample are counted
    as one.

    Args:
        first: `n` categories.
        second: `m` categories.
        weights: optional array `(n,)` of numbers >= 0, of the first sample.

    Example:

    >>> from aet_keras.drift.two_samples import chi_squared_p
    >>> p = chi_squared_p(["a"] * 50 + ["b"] * 50, ["a"] * 50)
    >>> bool(p < 1e-6)
    True
    """
    weights = np.ones(len(first)) if weights is None else weights
    names, places = np.unique(
        np.concatenate([np.asarray(first), np.asarray(second)]),
        return_inverse=True,
    )
    shares = np.bincount(places[: len(first)], weights, len(names))
    table = np.stack(
        [
            shares / shares.sum() * effective_count(weights),
            np.bincount(places[len(first) :], minlength=len(names)),
        ]
    )
    table = _merged(table)
    if table.shape[1] < 2:
        return 1.0
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def bonferroni(p_values: np.ndarray) -> float:
    """Returns the p value of the smallest of several.

    Example:

    >>> from aet_keras.drift.two_samples import bonferroni
    >>> bonferroni(np.array([0.01, 0.5]))
    0.02
    """
    return float(min(1.0, len(p_values) * np.min(p_values)))


def _distance(first, second, weights):
    """Returns the largest distance of two distribution functions."""
    order = np.argsort(first, kind="stable")
    first, second = first[order], np.sort(second)
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    points = np.concatenate([first, second])
    below_first = total[np.searchsorted(first, points, "right")] / total[-1]
    below_second = np.searchsorted(second, points, "right") / len(second)
    return np.abs(below_first - below_second).max()


def _merged(table):
    """Adds up the columns of categories of which too few are expected."""
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    is_rare = expected.min(axis=0) < _LEAST_EXPECTED
    rare = table[:, is_rare].sum(axis=1, keepdims=True)
    kept = table[:, ~is_rare]
    return np.concatenate([kept, rare], axis=1) if rare.sum() > 0 else kept


def column_shifts(
    reference: Mapping[str, np.ndarray],
    new: Mapping[str, np.ndarray],
    weights: np.ndarray | None = None,
) -> list[ColumnShift]:
    """Returns how far each raw column has moved, the farthest first.

    Args:
        reference: dict of column to array, as a `Reference` has them.
        new: dict of the same columns, of new rows.
        weights: optional float array, one a row of the reference.
    """
    found = []
    count = len(reference)
    for name, known in reference.items():
        cells = as_cells(new[name])
        if known.dtype.kind == "f":
            # A missing cell is a number below all others.
            old, now = (
                np.nan_to_num(x, nan=-np.inf)[:, None] for x in (known, cells)
            )
            p = ks_p_values(old, now, weights=weights)[0]
        else:
            p = chi_squared_p(known, cells, weights)
        test = "ks" if known.dtype.kind == "f" else "chi-squared"
        found.append(ColumnShift(name, float(min(1.0, count * p)), test))
    return sorted(found, key=lambda each: each.p)
