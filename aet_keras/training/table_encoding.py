"""Encodes rows of a table as its network takes them, and runs them through.

A category has a column for each of its values, so a row is mostly zeros where
there are many. Such rows, if they would take more than 128 MiB, are kept as a
sparse matrix, and made dense a batch at a time: a million rows of 2,000
columns take some hundred megabytes in place of eight gigabytes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from aet_keras import data
from aet_keras.tasks import table_model

Rows: TypeAlias = "np.ndarray | sparse.csr_array"
_MOST_DENSE = 2**27  # bytes of a split
_MOST_FILLED = 0.5  # of the cells; a sparse matrix takes twice 4 bytes for one
_ROWS_AT_ONCE = 65536
_CELLS_AT_ONCE = 2**25


def encode(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns the rows of a split as the network takes them."""
    return np.concatenate(list(_encoded(model, split)))


def encode_lean(model: keras.Model, split: data.Split) -> Rows:
    """Returns the rows of a split, as a sparse matrix if they are many.

    Args:
        model: a table model.
        split: `aet_keras.data.Split`.

    Returns:
        float32 array `(count, columns)`, or a `scipy.sparse.csr_array` where
        the array would take more than 128 MiB and half of it is zeros.
    """
    cells = split.count * _width(model)
    if 4 * cells <= _MOST_DENSE:
        return encode(model, split)
    parts = [sparse.csr_array(rows) for rows in _encoded(model, split)]
    if sum(each.nnz for each in parts) > _MOST_FILLED * cells:
        return np.concatenate([each.toarray() for each in parts])
    return sparse.vstack(parts, format="csr")


def predict(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns the probabilities, or numbers, of the rows of a split."""
    network = model.get_layer(table_model.NETWORK)
    return _joined(network, _encoded(model, split))


def say(network: keras.Model, rows: Rows) -> np.ndarray:
    """Returns what a network puts out for encoded rows."""
    return _joined(network, dense_parts(rows))


def dense(rows: Rows) -> np.ndarray:
    """Returns encoded rows as an array."""
    return rows if isinstance(rows, np.ndarray) else rows.toarray()


def dense_parts(rows: Rows) -> Iterator[np.ndarray]:
    """Yields encoded rows as arrays, none of which takes much memory."""
    for start, stop in _stretches(*rows.shape):
        yield dense(rows[start:stop])


def stack(parts: Sequence[Rows]) -> Rows:
    """Returns rows below each other, sparse if one part is."""
    if any(map(sparse.issparse, parts)):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)


def beside(parts: Sequence[Rows]) -> Rows:
    """Returns columns beside each other, sparse if one part is."""
    if any(map(sparse.issparse, parts)):
        return sparse.hstack(parts, format="csr")
    return np.concatenate(parts, axis=1)


def batches(
    rows: sparse.csr_array,
    wanted: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    batch_size: int,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Returns batches of sparse rows, which are dense only in their batch.

    Args:
        rows: `scipy.sparse.csr_array` `(count, columns)`, float32.
        wanted: array `(count, ...)`, what the network shall put out.
        weights: optional float array `(count,)`. Defaults to none.
        batch_size: int >= 1.
        seed: optional int >= 0. Rows are shuffled by it, and again each
            epoch. Defaults to the order of the rows.

    Returns:
        A `tf.data.Dataset` of `(rows, wanted)`, or with the weights.

    Example:

    >>> from scipy import sparse
    >>> from aet_keras.training.table_encoding import batches
    >>> rows = sparse.csr_array(np.eye(3, 4, dtype="float32"))
    >>> first, _ = next(iter(batches(rows, np.arange(3), batch_size=2)))
    >>> first.numpy().tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    """
    count, width = rows.shape
    columns, values = (
        tf.RaggedTensor.from_row_splits(each, rows.indptr, validate=False)
        for each in (rows.indices, rows.data)
    )
    others = [
        tf.constant(each) for each in (wanted, weights) if each is not None
    ]

    def gathered(numbers):
        there = tf.gather(columns, numbers)
        at = tf.stack(
            [tf.cast(there.value_rowids(), "int32"), there.flat_values], axis=1
        )
        shape = [tf.shape(numbers)[0], width]
        row = tf.scatter_nd(at, tf.gather(values, numbers).flat_values, shape)
        return row, *(tf.gather(each, numbers) for each in others)

    numbers = tf.data.Dataset.range(count)
    if seed is not None:
        numbers = numbers.shuffle(count, seed=seed)
    return numbers.batch(batch_size).map(gathered, tf.data.AUTOTUNE).prefetch(2)


def fed(
    train: tuple,
    validation: tuple,
    *,
    batch_size: int,
    validation_batch_size: int,
    seed: int,
) -> dict[str, Any]:
    """Returns what `fine_tune` is given: arrays, or batches of sparse rows.

    Args:
        train: tuple of rows, targets and, if any, weights.
        validation: likewise.
        batch_size: int >= 1. Of rows to learn from.
        validation_batch_size: int >= 1. Of the others.
        seed: int >= 0. Of the order of sparse rows.

    Example:

    >>> from aet_keras.training.table_encoding import fed
    >>> pair = np.ones((4, 2), "float32"), np.zeros(4)
    >>> settings = {"batch_size": 2, "validation_batch_size": 4, "seed": 0}
    >>> sorted(fed(pair, pair, **settings))
    ['batch_size', 'train', 'validation_batch_size', 'validation_data']
    """
    if not any(sparse.issparse(each[0]) for each in (train, validation)):
        return {
            "train": train,
            "validation_data": validation,
            "batch_size": batch_size,
            "validation_batch_size": validation_batch_size,
        }
    (rows, *targets), (held, *wanted) = train, validation
    return {
        "train": batches(
            sparse.csr_array(rows), *targets, batch_size=batch_size, seed=seed
        ),
        "validation_data": batches(
            sparse.csr_array(held), *wanted, batch_size=validation_batch_size
        ),
        "shuffle": False,  # they are
    }


def _encoded(model, split):
    """Yields arrays of encoded rows."""
    encoder = keras.Model(
        model.input, model.get_layer(table_model.ENCODED).output
    )
    for start, stop in _stretches(split.count, _width(model)):
        cells = {name: c[start:stop] for name, c in split.inputs.items()}
        # Not by `predict`: what it traces would be used once.
        yield np.asarray(encoder(data.as_tensors(cells), training=False))


def _joined(network, parts):
    return np.concatenate(
        [np.asarray(network(part, training=False)) for part in parts]
    )


def _width(model):
    return model.get_layer(table_model.ENCODED).output.shape[-1]


def _stretches(count, width):
    """Returns where to cut rows, so that no call takes too many."""
    at_once = min(_ROWS_AT_ONCE, max(1, _CELLS_AT_ONCE // width))
    return [(start, start + at_once) for start in range(0, count, at_once)]
