"""Reads batches from whatever `fit` takes."""

from collections.abc import Iterator, Sequence

import keras
import numpy as np


def batches(data, batch_size: int) -> Iterator[tuple]:
    """Yields `(x, y, sample_weight)`, `None` where there is none.

    Args:
        data: tuple of arrays, `(x, y)` or `(x, y, sample_weight)`, or a data
            set of batches.
        batch_size: int >= 1. Rows of a batch of arrays; a data set has its
            own.
    """
    if isinstance(data, tuple | list):
        whole = keras.utils.unpack_x_y_sample_weight(tuple(data))
        for start in range(0, row_count(whole), batch_size):
            yield take(whole, slice(start, start + batch_size))
        return
    if isinstance(data, keras.utils.PyDataset):
        data = map(data.__getitem__, range(len(data)))
    for batch in data:
        yield keras.utils.unpack_x_y_sample_weight(batch)


def spread_rows(data, most: int) -> Iterator[tuple]:
    """Yields at most so many batches of one row.

    Of arrays they are spread evenly, because rows may be sorted by class; of
    a data set they are the first.
    """
    if isinstance(data, tuple | list):
        whole = keras.utils.unpack_x_y_sample_weight(tuple(data))
        count = row_count(whole)
        rows = np.linspace(0, count, min(most, count), endpoint=False)
        for row in rows.astype(int):
            yield take(whole, slice(row, row + 1))
        return
    given = 0
    for batch in batches(data, 1):
        for row in range(row_count(batch)):
            if given == most:
                return
            given += 1
            yield take(batch, slice(row, row + 1))


def row_count(batch) -> int:
    """Returns how many rows a nested structure of arrays has."""
    return len(keras.tree.flatten(batch)[0])


def take(batch, rows: slice | np.ndarray):
    """Returns some rows of a nested structure of arrays."""
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else leaf[rows], batch
    )


def join(parts: Sequence):
    """Returns the rows of several nested structures of arrays as one.

    Args:
        parts: at least one structure; all are alike.
    """
    return keras.tree.map_structure(
        lambda *each: np.concatenate(list(map(np.asarray, each))), *parts
    )
