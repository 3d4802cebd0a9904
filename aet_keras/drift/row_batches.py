"""Reads rows batch by batch, of whatever `fit` takes."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras import reading
from aet_keras.data.streamed_images import StreamedImages

UNKNOWN = -1  # the label of a row whose class is not known
_OWNER = "read_outputs"


def batches_of(
    data: Any, size: int, most: int | None = None
) -> Iterator[tuple[Any, Any]]:
    """Yields inputs and labels, or None for these, batch by batch.

    Args:
        data: array, dict of arrays, `tf.data.Dataset` of batches or
            `keras.utils.PyDataset`, with labels or without.
        size: int >= 1. Rows of a batch of arrays.
        most: optional int >= 1. If there are more rows, only about so many
            come: of arrays a sample, of others batches evenly spread.

    Raises:
        TypeError: if `data` is of another kind.
        ValueError: if it has no end.
    """
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                f"{_OWNER}: the data must have an end, because all of it is "
                "read. Received: an infinite `tf.data.Dataset`. Use "
                "`dataset.take(batches)`."
            )
        yield from map(_parts, _spread(data, int(data.cardinality()), most))
    elif isinstance(data, keras.utils.PyDataset):
        count = data.num_batches or 0
        batches = (data[place] for place in range(count))
        yield from map(_parts, _spread(batches, count, most))
    else:
        yield from _slices(data, size, most)


def _spread(batches, count, most):
    """Yields so many batches that they hold about `most` rows."""
    step = None
    for place, batch in enumerate(batches):
        if step is None:
            rows = len(keras.tree.flatten(batch)[0])
            step = max(1, count * rows // most) if most and rows else 1
        if place % step == 0:
            yield batch


def _slices(data, size, most):
    inputs, labels = _parts(data)
    columns = [_indexable(each) for each in keras.tree.flatten(inputs)]
    counts = {len(each) for each in columns if each.ndim}
    if len(counts) != 1 or not all(each.ndim for each in columns):
        raise TypeError(
            f"{_OWNER}: the data must be an array, a dict of arrays of as "
            "many rows, a tf.data.Dataset or a keras.utils.PyDataset. "
            f"Received: {type(data).__name__} of {sorted(counts)} rows."
        )
    inputs = keras.tree.pack_sequence_as(inputs, columns)
    rows = np.arange(counts.pop())
    if most is not None and len(rows) > most:
        random = np.random.default_rng(0)
        rows = np.sort(random.permutation(rows)[:most])
    labels = None if labels is None else np.asarray(labels)
    for start in range(0, len(rows), size):
        chosen = rows[start : start + size]
        batch = keras.tree.map_structure(partial(_rows, rows=chosen), inputs)
        yield batch, None if labels is None else labels[chosen]


def _indexable(leaf):
    """Returns an array; images that are streamed stay what they are."""
    return leaf if isinstance(leaf, StreamedImages) else np.asarray(leaf)


def _rows(array, *, rows):
    return array[rows]


def _parts(batch):
    """Returns the inputs and the labels of a batch as `fit` takes it."""
    if not isinstance(batch, tuple) or not batch:
        return batch, None
    return batch[0], batch[1] if len(batch) > 1 else None


def sample_inputs(data: Any, most_rows: int) -> Any:
    """Returns the inputs alone of about so many rows, as arrays.

    Args:
        data: as of `read_outputs`.
        most_rows: int >= 1.

    Raises:
        ValueError: if there are no rows.

    Example:

    >>> rows = np.arange(1000)[:, None]
    >>> len(aet_keras.drift.row_batches.sample_inputs(rows, 100))
    100
    """
    batches = [each for each, _ in batches_of(data, most_rows, most_rows)]
    if not batches:
        raise no_rows(_OWNER)
    return reading.join(batches)


def checked_row_count(owner: str, inputs: Any, what: str = "the data") -> int:
    """Returns how many rows arrays have.

    Args:
        owner: str. Who is named in an error.
        inputs: array, or dict of arrays.
        what: str. What the inputs are called there.

    Raises:
        ValueError: if there are none, or not as many in each array.
    """
    shapes = {np.shape(each)[:1] for each in keras.tree.flatten(inputs)}
    if len(shapes) > 1 or () in shapes:
        raise ValueError(
            f"{owner}: {what} must be arrays of as many rows. Received: "
            f"{check.shown(type(inputs).__name__)}, with "
            f"{sorted(sum(shapes, ()))} rows. Give arrays of one length."
        )
    count = sum(shapes.pop()) if shapes else 0
    if not count:
        raise no_rows(owner, what)
    return count


def no_rows(owner: str, what: str = "the data") -> ValueError:
    """Returns the error for data that have no rows.

    Args:
        owner: str. Who is named in it.
        what: str. What is given without rows.
    """
    return ValueError(
        f"{owner}: {what} must have at least one row, because nothing can be "
        "said of none. Received: no rows. Name data that has some."
    )
