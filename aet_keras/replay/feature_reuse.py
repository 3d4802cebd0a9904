"""Takes features that another run has kept."""

from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras._keras.description import describe
from aet_keras._keras.split_graph import SplitGraph


class FeatureReuse:
    """Looks features up in a store, and puts there what is new.

    A run that finds features and one that has to compute them end bit-equal:
    rows that are kept, or that this run has recorded before and will keep,
    are taken as they are kept, also where the rest of a batch is computed.

    Args:
        store: `replay.feature_store.FeatureStore`.
        graph: `SplitGraph` of the model.
        peers: list of all `FeatureReuse` of one `fit`, to which this is added.
    """

    def __init__(self, store, graph: SplitGraph, peers: list):
        self._store = store
        self._graph = graph
        self._peers = peers
        peers.append(self)
        self.forget()

    def forget(self) -> None:
        """Starts a record; the weights below may be others now."""
        self._names: dict[Any, Any] = {}
        self._digests: list[bytes] = []
        self._record: Any = None
        self._places: dict[Any, Any] = {}
        self._numbers: dict[Any, Any] = {}
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

    def settle(self, features: dict, digests) -> dict:
        """Returns computed features, with the rows that are known as kept.

        The same row may come out otherwise in the last bit, in another batch.
        """
        return {
            key: tensor
            if tensor is None or not self._name(key)
            else self._settled(key, tensor, digests)
            for key, tensor in features.items()
        }

    def note(self, digests, record, keys) -> None:
        """Notes the sums of input rows that were recorded, in order.

        Args:
            digests: list of bytes.
            record: `replay.Record`, which has these rows by now.
            keys: the keys of its columns.
        """
        self._record = record
        self._places = {key: place for place, key in enumerate(keys)}
        for digest in digests:
            self._numbers.setdefault(digest, len(self._digests))
            self._digests.append(digest)

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

    def recorded(self, key, name, digest):
        """Returns a row of the record, or None if there is none."""
        number = self._numbers.get(digest)
        place = self._places.get(key)
        if number is None or place is None or not self._record.has(place):
            return None
        if self._name(key) != name:  # the weights were others then
            return None
        return self._record.take([number], [place])[0][0]

    def _settled(self, key, tensor, digests):
        rows, first, is_changed = tensor.numpy(), {}, False
        kept = self._store.find_rows(self._name(key), digests)
        for place, (digest, row) in enumerate(zip(digests, kept, strict=True)):
            if row is None:
                row = self._recorded_by_any(key, digest)
            if row is None and digest in first:
                row = rows[first[digest]]
            first.setdefault(digest, place)
            if row is not None:
                rows = rows if is_changed else rows.copy()
                rows[place], is_changed = row, True
        return tf.convert_to_tensor(rows) if is_changed else tensor

    def _recorded_by_any(self, key, digest):
        for peer in self._peers:
            row = peer.recorded(key, self._name(key), digest)
            if row is not None:
                return row
        return None

    def _name(self, key):
        if key not in self._names:
            self._names[key] = describe(self._graph, key)
        return self._names[key]
