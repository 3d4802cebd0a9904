"""Reads the measurements of each group."""

import numpy as np

from aet_keras.policies.progress import Progress


def per_group(progress: Progress, name: str) -> np.ndarray:
    """Returns `progress.arrays[name]`, a float a group; NaN is not measured.

    Before the first batch there is no array at all.
    """
    count = len(progress.trainable)
    array = progress.arrays.get(name)
    if array is None:
        return np.full(count, np.nan)
    return np.asarray(array, "float64").reshape(count)
