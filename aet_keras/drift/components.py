"""Finds the directions in which features vary most."""

import numpy as np
import scipy.linalg

_COMPONENTS = 16


def principal_components(
    features: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean, and the directions in which rows vary most.

    Args:
        features: float array `(rows, width)`, at least one row.

    Returns:
        The mean `(width,)`, and up to 16 principal components as columns of
        length 1, float32 `(width, components)`, the first varying most.
    """
    center = features.mean(axis=0)
    rest = (features - center).astype("float64")
    rows, width = rest.shape
    count = min(_COMPONENTS, width, max(1, rows - 1))
    wide = width > rows
    square = rest @ rest.T if wide else rest.T @ rest
    size = len(square)
    _, vectors = scipy.linalg.eigh(
        square, subset_by_index=[size - count, size - 1]
    )
    vectors = rest.T @ vectors if wide else vectors
    vectors = vectors[:, ::-1]
    lengths = np.maximum(np.linalg.norm(vectors, axis=0), 1e-12)
    return center, (vectors / lengths).astype("float32")
