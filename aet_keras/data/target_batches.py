"""Feeds the rows of a split in batches, with targets that stand beside them."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras._keras.proofs import promise_by_row
from aet_keras.data.batching import make_batches
from aet_keras.data.dataset import Split


def make_target_batches(
    split: Split,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    augment: Any = None,
    **settings: Any,
) -> tf.data.Dataset:
    """Returns a split in batches, its labels replaced by targets.

    Args:
        split: `Split`.
        targets: float array `(count, ...)`, row by row.
        weights: optional float array `(count,)`. Of the rows.
        augment: as of `make_batches`.
        **settings: `batch_size` and `shuffle_seed`, as of `make_batches`.

    Returns:
        A `tf.data.Dataset` as of `make_batches`: the same rows in the same
        order.

    Example:

    >>> digits = aet_keras.data.read_digits()
    >>> targets = np.zeros((digits.train.count, 20), "float32")
    >>> from aet_keras.data.target_batches import make_target_batches
    >>> batches = make_target_batches(digits.train, targets, batch_size=32)
    >>> next(iter(batches))[1].shape
    TensorShape([32, 20])
    """
    numbers = np.arange(split.count, dtype="int32")
    numbered = dataclasses.replace(split, labels=numbers)
    table = tf.constant(targets, tf.float32)
    weights = None if weights is None else tf.constant(weights, tf.float32)

    def look_up(inputs, rows):
        found = inputs, tf.gather(table, rows)
        if weights is None:
            return found
        return *found, tf.gather(weights, rows)

    batches = make_batches(numbered, augment=augment, **settings).map(look_up)
    return batches if augment is not None else promise_by_row(batches)
