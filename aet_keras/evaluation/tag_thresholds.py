"""Chooses from which probability on a row is said to have a tag."""

from collections.abc import Sequence
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


def first_tag(probabilities: Any, is_said: Any) -> int:
    """Returns the likeliest tag of a row, of those that it is said to have.

    Args:
        probabilities: floats `(tags,)`.
        is_said: bools `(tags,)`. Where none is, the likeliest of all.

    Example:

    A tag may be said from 0.2 on, and another one from 0.6:

    >>> from aet_keras.evaluation.tag_thresholds import first_tag
    >>> first_tag([0.5, 0.3], [False, True])
    1
    """
    probabilities = np.asarray(probabilities, "float64")
    return int(np.where(is_said, 1 + probabilities, probabilities).argmax())


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


def move_thresholds(
    labels: Any, probabilities: Any, thresholds: Sequence[float], least: int
) -> tuple[float, ...]:
    """Moves thresholds to where the mean F1 of a row's tags is highest.

    One tag after the other, twice, given those of the others. Of equal ones
    the nearest to the old one.

    Args:
        labels: 0 or 1, `(rows, tags)`.
        probabilities: floats `(rows, tags)`.
        thresholds: sequence of floats, one a tag. The old ones.
        least: int >= 1. A tag that fewer rows have keeps its threshold.

    Returns:
        tuple of floats, one a tag.

    Example:

    >>> from aet_keras.evaluation.tag_thresholds import move_thresholds
    >>> move_thresholds([[1], [1], [0]], [[0.4], [0.3], [0.2]], [0.5], 1)
    (0.25,)
    """
    labels = np.asarray(labels) > 0
    probabilities = np.asarray(probabilities, "float64")
    found = list(map(float, thresholds))
    called = probabilities >= found
    counts = labels.sum(axis=1)
    for tag in (*range(len(found)), *range(len(found))):
        true, shares = labels[:, tag], probabilities[:, tag]
        if true.sum() < least:
            continue
        values = np.unique(shares)
        old = float(thresholds[tag])
        tried = np.append((values[1:] + values[:-1]) / 2, [old, found[tag]])
        others = np.delete(called, tag, axis=1)
        hits = (others & np.delete(labels, tag, axis=1)).sum(axis=1)
        said = others.sum(axis=1) + counts
        more = _f1(hits + true, said + 1) - _f1(hits, said)
        # The F1 that rows gain which have the tag from each threshold on.
        order = np.argsort(shares, kind="stable")
        gained = np.append(np.cumsum(more[order][::-1])[::-1], 0)
        gained = gained[np.searchsorted(shares[order], tried, side="left")]
        best = tried[gained >= gained.max() - 1e-9]
        found[tag] = float(best[np.abs(best - old).argmin()])
        called[:, tag] = shares >= found[tag]
    return tuple(found)


def _f1(hits, said):
    """Returns the F1 of rows; `said` counts their tags, true and called."""
    return np.where(said > 0, 2 * hits / np.maximum(said, 1), 1.0)
