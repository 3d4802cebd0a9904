"""Chooses from which probability on a row is said to have a tag."""

from typing import Any

import numpy as np


def choose_thresholds(labels: Any, probabilities: Any) -> tuple[float, ...]:
    """Chooses from which probability on a row is said to have a tag.

    Of each tag the threshold with the highest F1 on these rows, in the middle
    between two probabilities that differ; of equal ones the nearest to 0.5,
    which it is where nothing is better, or no row has the tag.

    Args:
        labels: 0 or 1, `(rows, tags)`.
        probabilities: floats `(rows, tags)`.

    Returns:
        tuple of floats, one a tag.

    Example:

    >>> from aet_keras.evaluation.tag_thresholds import choose_thresholds
    >>> choose_thresholds([[1], [1], [0]], [[0.4], [0.3], [0.2]])
    (0.25,)
    """
    labels = np.asarray(labels, "float64")
    probabilities = np.asarray(probabilities, "float64")
    pairs = zip(labels.T, probabilities.T, strict=True)
    return tuple(_threshold(true, shares) for true, shares in pairs)


def _threshold(true, shares):
    if not true.any():
        return 0.5
    values = np.unique(shares)
    tried = np.concatenate([[0.5], (values[1:] + values[:-1]) / 2])
    order = np.argsort(shares, kind="stable")
    # How many rows, and how many of the tag, are at least each threshold.
    places = np.searchsorted(shares[order], tried, side="left")
    called = len(shares) - places
    hits = np.append(np.cumsum(true[order][::-1])[::-1], 0)[places]
    f1 = 2 * hits / np.maximum(called + true.sum(), 1)
    best = tried[f1 >= f1.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])
