"""Feeds the rows of a split to `model.fit` in batches."""

import os
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras.proofs import promise_by_row
from aet_keras._keras.random_state import seed_states
from aet_keras.data.dataset import Split
from aet_keras.data.streamed_images import StreamedImages


def make_batches(
    split: Split,
    *,
    batch_size: int,
    shuffle_seed: int | None = None,
    augment: Callable | None = None,
    class_weights: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Returns a split as a `tf.data.Dataset` of batches.

    Row numbers are shuffled, over the whole split and again each epoch, and
    the rows then gathered: inputs on a disk stay there, images that are
    streamed are decoded in threads, and none are copied into a graph. Keras
    warns about every data set in `fit` unless it is told `shuffle=False`;
    that leaves the order made here as it is.

    The rows are read by Python code of this process. So
    `tf.data.experimental.service` can distribute what is returned to workers
    of this process only; for workers elsewhere a data set is made of
    TensorFlow's own readers, such as `tf.data.TFRecordDataset`. `fit` takes
    such a data set with all callbacks. The service promises no order, so the
    outputs of frozen layers are not replayed blindly: each batch is read, and
    its rows are looked up in the record.

    Args:
        split: `Split`.
        batch_size: int >= 1. The last batch may be smaller.
        shuffle_seed: int >= 0, or None for the order of the split. The same
            seed gives the same orders, epoch by epoch, under the same global
            seed. Defaults to `None`.
        augment: function of `(inputs, training=True)`, as `build_augmentation`
            returns it. Gets and gives float32. Layers of Keras change the
            same batch of the same epoch alike wherever they have the same
            seeds; other functions draw as they like. Defaults to `None`.
        class_weights: float array `(classes,)`, of `compute_class_weights`:
            each row gets the weight of its class. Defaults to `None`.

    Returns:
        A `tf.data.Dataset` of `(inputs, labels)`, with `class_weights` of
        `(inputs, labels, sample_weight)`, with a known number of batches:
        inputs `(batch, ...)` of the split's own dtype, or float32 if they are
        augmented, both 0 to 255 for images (Keras casts to what the model
        takes); labels int32 `(batch,)`, or floats as the split has them.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if `batch_size` or `shuffle_seed` is out of its range.

    Example:

    >>> digits = aet_keras.data.read_digits()
    >>> train = aet_keras.data.make_batches(
    ...     digits.train, batch_size=32, shuffle_seed=0
    ... )
    >>> len(train)
    40
    >>> inputs, labels = next(iter(train))
    >>> inputs.dtype, inputs.shape, labels.shape
    (tf.uint8, TensorShape([32, 32, 32, 3]), TensorShape([32]))
    """
    owner = "make_batches"
    check.instance(owner, of=Split, split=split)
    rows = batched_rows(owner, split, batch_size, shuffle_seed)
    # Rows stay the same from epoch to epoch, which `fit` need not find out.
    is_streamed = isinstance(split.inputs, StreamedImages)
    dataset = promise_by_row(
        rows.map(_gather(split), **(_parallel() if is_streamed else {}))
    )
    if class_weights is not None:
        dataset = promise_by_row(dataset.map(_weighted(class_weights)))
    if augment is not None:
        dataset = _augmented(dataset, augment)
    # Left to tune itself, it would hold up to 512 batches of images.
    return dataset.prefetch(_AHEAD if is_streamed else tf.data.AUTOTUNE)


_AHEAD = 2
_LOW_BITS = 2**31 - 1  # of a number that was drawn
_MOST_THREADS = 16  # Python code between the decoders takes turns


def _parallel() -> dict[str, Any]:
    """Returns what lets several batches be decoded at once, in order."""
    threads = min(os.cpu_count() or 1, _MOST_THREADS)
    return {"num_parallel_calls": threads, "deterministic": True}


def batched_rows(
    owner: str, split: Split, batch_size: int, shuffle_seed: int | None
) -> tf.data.Dataset:
    """Returns the numbers of a split's rows in batches, shuffled by a seed."""
    check.positive_int(owner, batch_size=batch_size)
    rows = tf.data.Dataset.range(split.count)
    if shuffle_seed is not None:
        check.whole(owner, shuffle_seed=shuffle_seed)
        rows = rows.shuffle(split.count, seed=shuffle_seed)
    return rows.batch(batch_size)


def _gather(split):
    inputs, labels = split.inputs, split.labels
    if labels.dtype.kind in "iu":  # classes; floats are numbers or tags
        labels = labels.astype("int32")

    def read(rows):
        return np.asarray(inputs[rows]), labels[rows]

    def gather(rows):
        kinds = tf.as_dtype(inputs.dtype), tf.as_dtype(labels.dtype)
        batch, batch_labels = tf.numpy_function(read, [rows], kinds)
        batch.set_shape((None, *inputs.shape[1:]))
        batch_labels.set_shape((None, *labels.shape[1:]))
        return batch, batch_labels

    return gather


def _augmented(dataset, augment):
    """Returns batches of changed inputs.

    Layers of Keras draw by their seeds, by how many passes were begun, and by
    the batch, so that batches may be changed side by side, and alike in a run
    that goes on in another process.
    """
    states = seed_states(augment)
    seeds = [int(state[0]) for state in states]
    drawn = tf.data.Dataset.random(sum(seeds), rerandomize_each_iteration=True)

    def change(batch, number):
        inputs, *others = batch
        begun = [tf.stack([seed, number & _LOW_BITS]) for seed in seeds]
        with keras.StatelessScope(list(zip(states, begun, strict=True))):
            changed = augment(tf.cast(inputs, tf.float32), training=True)
        return changed, *others

    together = _parallel() if states else {}  # who knows what others do
    return tf.data.Dataset.zip(dataset, drawn).map(change, **together)


def _weighted(class_weights):
    table = tf.constant(class_weights, tf.float32)

    def weigh(inputs, labels):
        return inputs, labels, tf.gather(table, labels)

    return weigh
