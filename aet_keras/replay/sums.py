"""Compares weights and rows with what they were: by sums, or roughly."""

from typing import Any

import numpy as np
import tensorflow as tf
import xxhash

from aet_keras._keras.split_graph import Boundary, SplitGraph

EXACT = 1e-4  # rounding aside, of equal rows in any batch
_OF_AS_MANY_BYTES = {
    1: tf.uint8,
    2: tf.uint16,
    4: tf.int32,
    8: tf.int64,
}


def sums_of(layers) -> dict[int, bytes]:
    """Returns a sum of the weights of each layer, by its id."""
    sums = {}
    for layer in layers:
        found = xxhash.xxh3_128()  # a tenth of what SHA-1 takes
        for weight in layer.weights:
            found.update(np.ascontiguousarray(weight.numpy()).tobytes())
        sums[id(layer)] = found.digest()
    return sums


class WeightMonitor:
    """Notices in one traced call that weights were written.

    Cheap enough for every step, where `sums_of` is not. Each number counts by
    its place, so that weights in another order are noticed, too.

    Args:
        layers: list of layers.
    """

    def __init__(self, layers):
        weights = {id(w): w for layer in layers for w in layer.weights}
        self._weights = [w for w in weights.values() if w.dtype != "string"]
        self._look = tf.function(self._sums, jit_compile=False, autograph=False)
        self.look()

    def look(self) -> None:
        """Takes the weights as they are now for those that are not written."""
        self._seen = self._look().numpy()

    def sees_change(self) -> bool:
        """Says whether a weight was written since the last `look`."""
        return not np.array_equal(self._look().numpy(), self._seen)

    def _sums(self):
        return tf.stack([_sum_of(w.value) for w in self._weights] or [0])


class FrozenWeights:
    """Notices that weights below a boundary are not those of the record.

    Args:
        graph: `SplitGraph` of the model.
    """

    def __init__(self, graph: SplitGraph):
        self._graph = graph
        self._sums: dict[int, bytes] = {}
        self._monitors: dict[frozenset[int], WeightMonitor] = {}
        self._monitor: WeightMonitor | None = None

    def note(self, boundary: Boundary) -> None:
        """Takes the weights as they are now for those of the record."""
        self._sums = sums_of(self._graph.lower_layers(boundary))

    def are_written(self, boundary: Boundary) -> bool:
        """Says whether weights were written since they were noted."""
        sums = sums_of(self._graph.lower_layers(boundary))
        return not sums.items() <= self._sums.items()

    def watch(self, boundary: Boundary) -> None:
        """Begins to look, step by step, for weights that are written."""
        if boundary.lower not in self._monitors:
            layers = self._graph.lower_layers(boundary)
            self._monitors[boundary.lower] = WeightMonitor(layers)
        self._monitor = self._monitors[boundary.lower]
        self._monitor.look()

    def stop_watching(self) -> None:
        """Ends what `watch` began."""
        self._monitor = None

    def sees_change(self) -> bool:
        """Says whether weights were written since `watch`, if it is on."""
        return self._monitor is not None and self._monitor.sees_change()

    def get_state(self) -> list[tuple[int, str]]:
        """Returns the sums that were noted, by the places of the steps."""
        return [
            (place, self._sums[id(step.layer)].hex())
            for place, step in enumerate(self._graph.steps)
            if id(step.layer) in self._sums
        ]

    def set_state(self, state) -> None:
        """Brings back what `get_state` returned."""
        steps = self._graph.steps
        self._sums = {
            id(steps[place].layer): bytes.fromhex(digest)
            for place, digest in state
        }


def _sum_of(value):
    value = tf.reshape(tf.convert_to_tensor(value), (-1,))
    if value.dtype == tf.bool:
        value = tf.cast(value, tf.uint8)
    bits = tf.bitcast(value, _OF_AS_MANY_BYTES[value.dtype.size])
    whole = tf.cast(bits, tf.int32)
    if value.dtype.size == 8:
        whole = tf.cast(bits ^ (bits >> 32), tf.int32)
    return tf.reduce_sum(whole * (2 * tf.range(tf.size(whole)) + 1))


def is_close(
    expected: np.ndarray, found: np.ndarray, tolerance: float = EXACT
) -> bool:
    """Says whether the largest error is small beside the largest value.

    NaN and infinity must be the same, in the same places.
    """
    if expected.shape != found.shape:
        return False
    expected, found = expected.astype("float64"), found.astype("float64")
    is_finite = np.isfinite(expected)
    if not is_finite.all():
        odd = expected[~is_finite], found[~is_finite]
        if not np.array_equal(*odd, equal_nan=True):
            return False
        expected, found = expected[is_finite], found[is_finite]
    size = max(1e-12, np.abs(expected).max(initial=0.0))
    error = np.abs(expected - found).max(initial=0.0)
    return bool(error <= tolerance * size)


def sums_of_rows(tensors) -> list[bytes]:
    """Returns a sum of each row over several tensors of as many rows.

    Rows of the same shapes and dtypes have equal sums if their bytes are
    equal; 128 bits leave no room for chance.
    """
    rows = [bytes_of_rows(np.asarray(tensor)) for tensor in tensors]
    if len(rows) == 1:
        return [xxhash.xxh3_128_digest(row) for row in rows[0]]
    found = []
    for parts in zip(*rows, strict=True):
        total = xxhash.xxh3_128()
        for part in parts:
            total.update(part)
        found.append(total.digest())
    return found


def bytes_of_rows(array: np.ndarray) -> list[bytes | memoryview]:
    """Returns the bytes of each row, not copied where they are numbers."""
    if not len(array):
        return []
    if array.dtype.hasobject:  # texts: their bytes are elsewhere
        return [repr(np.asarray(row).tolist()).encode() for row in array]
    flat: Any = np.ascontiguousarray(array)
    flat = flat.reshape(len(array), -1).view("uint8")
    size = flat.shape[1]
    if size == 0:
        return [b""] * len(array)
    all_bytes = memoryview(flat).cast("B")
    return [
        all_bytes[start : start + size]
        for start in range(0, size * len(array), size)
    ]
