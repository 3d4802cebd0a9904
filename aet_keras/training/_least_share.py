"""Chooses how much of something new is taken."""

from collections.abc import Mapping

import numpy as np


def least_share(losses: Mapping[float, np.ndarray]) -> float:
    """Returns the first share that is about as good as the best one.

    Its mean loss is at most one standard error of the paired differences
    above the lowest: rows that were held out ask for no more.

    Args:
        losses: mapping from each share, in the order of preference, to floats
            `(rows,)`: what each row held out loses by it.
    """
    best = min(losses.values(), key=np.mean)
    for share, found in losses.items():
        worse = found - best
        if worse.mean() <= worse.std() / np.sqrt(len(worse)):
            return share
    raise AssertionError("the best one is near itself")
