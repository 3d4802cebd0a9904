"""Scales positions by a learned gate."""

from typing import Any

import keras
from keras import ops

from aet_keras._serial import register
from aet_keras.layers import _gates, _positions


@register
class SpatialGate(keras.layers.Layer):
    """Turns each position up or down by what stands around it.

    output = x * 2 sigmoid(k * s), s the mean and the maximum of x over its
    channels and k * s their convolution over the positions, with zeros beyond
    the edges. The kernel k starts at 0 and 2 sigmoid(0) = 1: a new layer is
    exactly the identity, and can stand in a pretrained model without changing
    what that computes. The first training step moves k, which is all there
    is.

    Args:
        kernel_size: odd int >= 1. How far around a position it looks, along
            each side. Defaults to `7`.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, positions, channels)` or
            `(batch, height, width, channels)`; always the one that the layer
            was built for.
        mask: optional bool tensor `(batch, positions)` or
            `(batch, height, width)`; masked positions are neither looked at
            nor changed.

    Returns:
        Tensor shaped like `inputs`.

    Raises:
        TypeError: if `kernel_size` is not an int.
        ValueError: if `kernel_size` is even or below 1, or the rank is not 3
            or 4.

    Example:

    >>> layer = aet_keras.layers.SpatialGate()
    >>> x = np.ones((2, 7, 7, 64), "float32")
    >>> bool(np.all(layer(x) == x)), layer.attention_map(x).shape
    (True, TensorShape([2, 7, 7]))

    Reference:
        [Woo et al., 2018](https://arxiv.org/abs/1807.06521), equation 3.
        Differs: the gate is doubled and starts at 1.
    """

    def __init__(self, kernel_size: int = 7, **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_size = _gates.odd_size(self, kernel_size=kernel_size)
        self.supports_masking = True

    def build(self, input_shape):
        _positions.check_rank(self, input_shape)
        rank = len(input_shape)
        kind = {3: keras.layers.Conv1D, 4: keras.layers.Conv2D}[rank]
        shape = (*input_shape[:-1], 2)
        self.conv = _gates.convolution(self, kind, self.kernel_size, shape)
        self.input_spec = keras.layers.InputSpec(ndim=rank)

    def call(self, inputs, mask=None):
        return inputs * self._gate(inputs, mask)

    def attention_map(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the gate of each position.

        `(batch, positions)` for inputs `(batch, positions, channels)`,
        `(batch, height, width)` for `(batch, height, width, channels)`,
        float32 in half precision. Between 0 and 2; 1 in a new layer and where
        masked, for these positions stay as they are.
        """
        inputs = _positions.prepare(self, inputs)
        return _positions.widen(self._gate(inputs, mask)[..., 0])

    def _gate(self, inputs, mask):
        mask = _positions.unflatten_mask(mask, inputs)
        inputs = _positions.blank(inputs, mask)
        mean = ops.mean(_positions.widen(inputs), axis=-1, keepdims=True)
        mean = ops.cast(mean, self.compute_dtype)
        peak = ops.max(inputs, axis=-1, keepdims=True)

        gate = 2 * self.conv(ops.concatenate([mean, peak], axis=-1))
        return _positions.restore(gate, 1, mask)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}
