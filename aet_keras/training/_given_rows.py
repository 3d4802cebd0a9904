"""Reads the rows and labels that `adapt` is given."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras import reading
from aet_keras.data.streamed_images import StreamedImages
from aet_keras.drift.row_batches import (
    batches_of,
    checked_row_count,
    no_rows,
)
from aet_keras.drift.target_kinds import TargetKind
from aet_keras.replay.sums import sums_of_rows
from aet_keras.training._mixed_fit import Rows

_OWNER = "adapt"
_BATCH = 1024
_MOST_CHANNELS = 4  # of an image


def read_new(
    new: Any, labels: Any, kind: TargetKind
) -> tuple[Any, np.ndarray | None]:
    """Returns inputs as arrays, and a label a row, or none at all.

    Args:
        new: array, dict of arrays, or data set of batches, whose labels are
            taken if `labels` is `None`.
        labels: optional labels, as `kind` has them.
        kind: `TargetKind` of the model.

    Raises:
        ValueError: if there are no rows, or labels are no classes or not as
            many as rows.
    """
    x, found = _collected(new, "new")
    count = checked_row_count(_OWNER, x, "`new`")
    labels = found if labels is None else labels
    if labels is None:
        return x, None
    return x, _labels(labels, count, kind, has_unknown=True)


def read_old(old: Any, kind: TargetKind) -> Rows:
    """Returns old rows, each with a label.

    Args:
        old: tuple `(x, y)`, or data set of such batches.
        kind: `TargetKind` of the model.

    Raises:
        ValueError: if rows have no label.
    """
    is_pair = isinstance(old, tuple) and len(old) == 2
    is_pair = is_pair and not any(isinstance(part, tuple) for part in old)
    if not is_pair and not _is_data_set(old):
        raise ValueError(
            f"{_OWNER}: `old` must be a tuple of inputs and labels, or a "
            "data set of such batches. Received: "
            f"old={check.shown(type(old).__name__)}. Give `(x, y)`."
        )
    x, y = old if is_pair else _collected(old, "old")
    count = checked_row_count(_OWNER, x, "`old`")
    if y is None:
        raise ValueError(
            f"{_OWNER}: each row of `old` must have its label. Received: "
            f"{count} rows, no labels. Give `(x, y)`, or leave `old` out."
        )
    return Rows(x, _labels(y, count, kind))


def without_copies(
    x: Any, labels: np.ndarray | None, kind: TargetKind
) -> tuple[Any, np.ndarray | None, int, int]:
    """Returns new rows, of equal images one, and how many were left out.

    At the end, how many of these had another label than the one that is kept.

    A copy among the rows that judge a model is known to one that has learned
    the other, and would be proof of anything. One with a label is kept. Rows
    without images may be equal by chance, and stay.

    Args:
        x: array, or dict of arrays.
        labels: optional array, as `kind` has them.
        kind: `TargetKind` of the model.
    """
    sums = _image_sums(x)
    known = np.ones(len(sums), bool)
    if labels is not None:
        known = kind.are_known(labels)
    order = np.argsort(~known, kind="stable")
    kept = _distinct(sums, order)
    if len(kept) == len(sums):
        return x, labels, 0, 0
    contrary = 0
    if labels is not None:
        told = {sums[row]: labels[row].tobytes() for row in kept}
        contrary = sum(
            labels[row].tobytes() != told[sums[row]]
            for row in np.flatnonzero(known)
            if sums[row] is not None
        )
    x, labels = reading.take((x, labels), kept)
    return x, labels, len(sums) - len(kept), contrary


def old_without_copies(old: Rows, new: Rows) -> tuple[Rows | None, int]:
    """Returns old rows, and how many copies were left out.

    Of equal images one counts, and none that is a new row with the same label.

    Args:
        old: `Rows`.
        new: `Rows`, those with labels.
    """
    sums, of_new = _image_sums(old.x), _image_sums(new.x)
    pairs = {(s, y.tobytes()) for s, y in zip(of_new, new.y, strict=True) if s}
    kept = [
        row
        for row in _distinct(sums, np.arange(len(sums)))
        if (sums[row], old.y[row].tobytes()) not in pairs
    ]
    count = len(sums) - len(kept)
    if not kept:
        return None, count
    return (old.take(kept) if count else old), count


def _image_sums(x) -> list[bytes | None]:
    """Returns a sum of each row that has an image, None of any other."""
    leaves = keras.tree.flatten(x)
    count = len(leaves[0])
    images = [each for each in leaves if _are_images(each)]
    are_read = not any(isinstance(each, StreamedImages) for each in leaves)
    if not (count and images and are_read):
        return [None] * count
    flat = [np.asarray(each).reshape(count, -1) for each in images]
    # An image of one colour may stand for none.
    has_image = np.any([each.max(1) != each.min(1) for each in flat], axis=0)
    sums = sums_of_rows(leaves)
    return [
        s if here else None for s, here in zip(sums, has_image, strict=True)
    ]


def _are_images(leaf):
    shape = np.shape(leaf)
    return len(shape) == 4 and 0 < shape[-1] <= _MOST_CHANNELS


def _distinct(sums, order):
    """Returns the rows of which none is equal to an earlier one in an order."""
    seen: set[bytes] = set()
    kept = []
    for row in order:
        if sums[row] is not None and sums[row] in seen:
            continue
        seen.add(sums[row])
        kept.append(int(row))
    return sorted(kept)


def _is_data_set(data):
    return isinstance(data, tf.data.Dataset | keras.utils.PyDataset)


def _collected(data, what):
    """Returns inputs, and labels or `None`; a data set becomes arrays."""
    if isinstance(data, tuple):
        raise ValueError(
            f"{_OWNER}: `{what}` must be inputs alone. Received: a tuple of "
            f"{len(data)}. Give the labels as `labels`."
        )
    if not _is_data_set(data):
        return data, None
    batches = list(batches_of(data, _BATCH))
    if not batches:
        raise no_rows(_OWNER, f"`{what}`")
    inputs, labels = zip(*batches, strict=True)
    are_labelled = all(each is not None for each in labels)
    return reading.join(inputs), reading.join(labels) if are_labelled else None


def _labels(labels, count, kind, *, has_unknown=False):
    found = kind.as_labels(_OWNER, labels, has_unknown=has_unknown)
    if len(found) == count:
        return found
    raise ValueError(
        f"{_OWNER}: each row must have one label. Received: {len(found)} "
        f"labels for {count} rows. Give as many."
    )
