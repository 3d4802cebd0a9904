"""Calibrates sets of tags by conformal risk control."""

from typing import Any

import numpy as np

from aet_keras.evaluation.guarantee import SLACK, check_rows


def find_limit(
    labels: Any,
    probabilities: Any,
    *,
    coverage: float,
    thresholds: Any,
) -> float:
    """Finds how low a probability may be for a tag to be in a row's set.

    Conformal risk control
    ([Angelopoulos et al., 2024](https://arxiv.org/abs/2208.02814)). The loss
    of a row is the share of its tags that its set misses; it rises with the
    limit, from 0 to at most 1. Of n rows with mean loss R, the limit is the
    highest with (n R + 1) / (n + 1) <= 1 - coverage. Then the expected loss
    of another row is at most 1 - coverage, if it comes as these rows did.

    Rows without tags have nothing to miss. They are left out, or they would
    pay for what others miss: n counts rows that have a tag, and the guarantee
    is for rows that have one.

    Args:
        labels: 0 or 1, `(rows, tags)`.
        probabilities: floats `(rows, tags)`.
        coverage: float above 0, at most 0.999.
        thresholds: float, or one a tag, from which on a tag is in the set
            whatever the limit is.

    Returns:
        float from 0 to 1; 1 where the tags that reach their thresholds are
        enough.

    Raises:
        ValueError: if there are too few rows that have a tag.

    Example:

    >>> from aet_keras.evaluation.tag_risk import find_limit
    >>> said = np.linspace(0.1, 0.9, 9)[:, None]
    >>> round(find_limit(np.ones((9, 1)), said, coverage=0.8, thresholds=1), 3)
    0.2
    """
    labels = np.asarray(labels) > 0
    probabilities = np.asarray(probabilities, "float32")
    has = labels.any(axis=1)
    count = int(has.sum())
    check_rows(
        "calibrate",
        coverage,
        count,
        advice="Rows without a tag do not count. Give more, or ask for less.",
    )
    rows, tags = np.nonzero(labels[has])
    said = probabilities[has][rows, tags]
    limits = np.broadcast_to(np.float32(thresholds), labels.shape[1])
    weights = 1 / labels[has].sum(axis=1)[rows]
    # What reaches its threshold is never missed, whatever the limit is.
    weights = np.where(said >= limits[tags], 0.0, weights)
    order = np.argsort(said, kind="stable")
    said, weights = said[order], weights[order]
    # A limit at one of these misses all below it.
    values, first = np.unique(said, return_index=True)
    missed = np.concatenate([[0.0], np.cumsum(weights)])[first]
    missed, values = np.append(missed, weights.sum()), np.append(values, 1.0)
    allowed = (1 - coverage) * (count + 1) - 1
    is_allowed = missed <= allowed + 1e-9
    return max(0.0, float(values[is_allowed][-1]) - SLACK)
