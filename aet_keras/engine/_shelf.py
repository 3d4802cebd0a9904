"""Which features need not be computed, because another run kept them?"""

import numpy as np
import tensorflow as tf

from aet_keras._keras.description import describe
from aet_keras._keras.halves import Halves


class Shelf:
    """Looks features up in a store, and puts there what is new.

    Args:
        store: `backbones.FeatureStore`.
        halves: `Halves` of the model.
    """

    def __init__(self, store, halves: Halves):
        self._store = store
        self._halves = halves
        self.forget()

    def forget(self) -> None:
        """Starts a record; the weights below may be others now."""
        self._names = {}
        self._digests = []
        self._kept_count = 0
        self.read_count = 0

    def find(self, keys, digests) -> dict:
        """Returns a dict from keys to tensors, for keys that are all there."""
        found = {}
        for key in keys:
            rows = self._name(key) and self._store.find(
                self._name(key), digests
            )
            if rows is not None:
                array, dtype = rows
                found[key] = tf.cast(tf.convert_to_tensor(array), dtype)
        return found

    def note(self, digests) -> None:
        """Notes the sums of input rows that were recorded, in order."""
        self._digests += digests

    def keep(self, record, keys, dtypes) -> int:
        """Puts a record's features into the store; returns how many rows."""
        if self._kept_count == record.count:
            return 0
        self._kept_count = record.count
        counts = [0]
        for place, (key, dtype) in enumerate(zip(keys, dtypes, strict=True)):
            if record.has(place) and self._name(key):
                rows = np.asarray(record.columns[place].all())
                counts.append(
                    self._store.keep(
                        self._name(key), self._digests, rows, dtype.name
                    )
                )
        return max(counts)

    def _name(self, key):
        if key not in self._names:
            self._names[key] = describe(self._halves, key)
        return self._names[key]
