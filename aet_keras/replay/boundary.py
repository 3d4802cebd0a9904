"""Finds where a model can be split below the groups that move."""

import keras
import numpy as np
import tensorflow as tf
import xxhash

from aet_keras._keras import fixed
from aet_keras._keras import trainable as flags
from aet_keras._keras.split_graph import Boundary, Key, SplitGraph


class BoundaryFinder:
    """Knows the boundary of this moment, and those that may follow.

    Args:
        graph: `SplitGraph` of the model.
        groups: the groups under control, stem to head.
        may_draw: bool. Whether random layers in and below the groups may be
            below a boundary; those of the head never are.
    """

    def __init__(self, graph: SplitGraph, groups, *, may_draw: bool = False):
        self._graph = graph
        self._members = [
            {id(each) for layer in group.layers for each in _inside(layer)}
            for group in groups
        ]
        self._drawing = self._up_to_groups() if may_draw else frozenset()

    def find(self) -> Boundary:
        """Returns the boundary below all that moves or is random now."""
        return self._graph.split_below(self._is_fixed)

    def layers(self, boundary: Boundary) -> list[keras.layers.Layer]:
        """Returns the layers below a boundary."""
        return self._graph.lower_layers(boundary)

    def leading(self, boundary: Boundary) -> int:
        """Counts the groups, from the stem on, that are below a boundary."""
        above = self._above(boundary)
        for count, members in enumerate(self._members):
            if members & above:
                return count
        return len(self._members)

    def obstacle(self, boundary: Boundary, trainable) -> str | None:
        """Says what keeps a frozen group above a boundary, or None."""
        count = self.leading(boundary)
        if count == len(self._members) or trainable[count]:
            return None
        for layer in self.layers(boundary):
            if id(layer) in self._members[count] & self._above(boundary):
                return f"`{layer.name}` is used again above"
        steps = enumerate(self._graph.steps)
        above = [
            s.layer for i, s in steps if i not in boundary.lower and s.layer
        ]
        first = next(layer for layer in above if not self._is_fixed(layer))
        return (
            f"`{first.name}` is random, trains, or adds to the loss or the logs"
        )

    def keys(self, boundary: Boundary, count: int) -> tuple[Key, ...]:
        """Lists what crosses a boundary, and then each one that may follow it.

        Args:
            boundary: `Boundary` above the first `count` groups.
            count: int >= 0.
        """
        keys = dict.fromkeys(boundary.keys)
        for fewer in range(count - 1, 0, -1):
            below = self._boundary_below(fewer)
            if self.leading(below) == fewer:
                keys.update(dict.fromkeys(below.keys))
        return tuple(keys)

    def _above(self, boundary):
        """Returns the ids of the layers that are called above a boundary."""
        return {
            id(each)
            for position, step in enumerate(self._graph.steps)
            if position not in boundary.lower
            for each in _inside(step.layer)
        }

    def _boundary_below(self, count):
        """Returns the boundary if all but `count` groups moved."""
        moving = set().union(*self._members[count:])
        return self._graph.split_below(
            lambda layer: id(layer) not in moving and self._is_fixed(layer)
        )

    def _is_fixed(self, layer):
        return fixed.is_fixed(layer, may_draw=id(layer) in self._drawing)

    def _up_to_groups(self):
        """Returns the ids of the layers up to the last one of a group."""
        grouped = set().union(*self._members)
        called = [each.layer for each in self._graph.steps]
        places = [i for i, layer in enumerate(called) if id(layer) in grouped]
        return {id(layer) for layer in called[: max(places, default=-1) + 1]}


def _inside(layer):
    if not isinstance(layer, keras.layers.Layer):
        return [] if layer is None else [layer]
    return flags.sublayers(layer)


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
        self._look = tf.function(self._sums, jit_compile=False)
        self.look()

    def look(self) -> None:
        """Takes the weights as they are now for those that are not written."""
        self._seen = self._look().numpy()

    def sees_change(self) -> bool:
        """Says whether a weight was written since the last `look`."""
        return not np.array_equal(self._look().numpy(), self._seen)

    def _sums(self):
        return tf.stack([_sum_of(w.value) for w in self._weights] or [0])


def _sum_of(value):
    value = tf.reshape(tf.convert_to_tensor(value), (-1,))
    if value.dtype == tf.bool:
        value = tf.cast(value, tf.uint8)
    bits = tf.bitcast(value, _OF_AS_MANY_BYTES[value.dtype.size])
    whole = tf.cast(bits, tf.int32)
    if value.dtype.size == 8:
        whole = tf.cast(bits ^ (bits >> 32), tf.int32)
    return tf.reduce_sum(whole * (2 * tf.range(tf.size(whole)) + 1))


def sums_of_rows(tensors) -> list[bytes]:
    """Returns a sum of each row over several tensors of as many rows.

    Rows of the same shapes and dtypes have equal sums if their bytes are
    equal; 128 bits leave no room for chance.
    """
    rows = [_bytes_of_rows(np.asarray(tensor)) for tensor in tensors]
    if len(rows) == 1:
        return [xxhash.xxh3_128_digest(row) for row in rows[0]]
    found = []
    for parts in zip(*rows, strict=True):
        total = xxhash.xxh3_128()
        for part in parts:
            total.update(part)
        found.append(total.digest())
    return found


def _bytes_of_rows(array):
    """Returns the bytes of each row, not copied where they are numbers."""
    if array.dtype.hasobject:  # texts: their bytes are elsewhere
        return [repr(np.asarray(row).tolist()).encode() for row in array]
    flat = np.ascontiguousarray(array).reshape(len(array), -1).view("uint8")
    size = flat.shape[1]
    if size == 0:
        return [b""] * len(array)
    all_bytes = memoryview(flat).cast("B")
    return [
        all_bytes[start : start + size]
        for start in range(0, size * len(array), size)
    ]
