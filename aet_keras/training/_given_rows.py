"""Reads the rows and labels that `adapt` is given."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras import reading
from aet_keras.drift.row_batches import (
    batches_of,
    checked_row_count,
    no_rows,
)
from aet_keras.drift.target_kinds import TargetKind
from aet_keras.training._mixed_fit import Rows

_OWNER = "adapt"
_BATCH = 1024


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
