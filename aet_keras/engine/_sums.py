"""By which sums are weights and rows known again?"""

import numpy as np
import tensorflow as tf
import xxhash

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


class Witness:
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
