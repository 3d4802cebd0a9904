"""Keeps a copy of recorded features on a GPU, where they fit."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras import devices
from aet_keras._keras.strategy import is_distributed

# Of what the GPU never had in use, what features may take: other boundaries
# and larger batches need room, too.
_SHARE = 0.5


def fits(byte_count: int, free_bytes: int) -> bool:
    """Says whether features are kept on a device.

    Args:
        byte_count: int >= 0. What they take.
        free_bytes: int >= 0. What is free there.
    """
    return 0 < byte_count <= _SHARE * free_bytes


class DeviceRows:
    """Gives rows of a record from a copy on the GPU.

    The copy is made once the record has stopped growing and a step has run,
    so that what steps need is known. Without a GPU, under a strategy, or where
    it does not fit, there is none.

    Args:
        model: the model that trains.
    """

    def __init__(self, model: keras.Model):
        self._is_allowed = not is_distributed(model)
        self.forget()

    def forget(self) -> None:
        """Frees the copy."""
        self._record = None
        self._state: tuple = ()
        self._is_tried = False
        self._columns: list = []

    def take(self, record, places: Sequence[int], rows: np.ndarray) -> list:
        """Returns some rows of some columns; of the copy, if there is one.

        Args:
            record: `Record`.
            places: positions of its columns.
            rows: the rows' numbers.
        """
        if not self._is_allowed or not self._has_copy(record, tuple(places)):
            return record.take(rows, places)
        columns = self._columns
        with tf.device(columns[0].device):
            return [tf.gather(column, rows) for column in columns]

    def _has_copy(self, record, places):
        state = record.count, places
        if record is not self._record or state != self._state:
            self.forget()
            self._record, self._state = record, state
            return False
        if not self._is_tried:
            self._is_tried = True
            self._columns = _copied([record.columns[place] for place in places])
        return bool(self._columns)


def _copied(columns):
    device = devices.first_gpu()
    size = sum(column.byte_count for column in columns)
    if device is None or not fits(size, device.free_bytes):
        return []
    try:
        with tf.device(device.name):
            return [tf.identity(tf.constant(each.all())) for each in columns]
    except tf.errors.ResourceExhaustedError:
        return []
