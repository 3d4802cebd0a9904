"""Scales channels by their neighbours (ECA)."""

import math
from typing import Any

import keras
from keras import ops

from aet_keras._serial import register
from aet_keras.layers import _gates, _positions


@register
class EfficientChannelAttention(keras.layers.Layer):
    """Turns each channel up or down by a few weights for all channels.

    output = x * 2 sigmoid(k * z), z the mean of x over its positions and
    k * z its convolution along the channels, with zeros beyond both ends. The
    kernel k starts at 0 and 2 sigmoid(0) = 1: a new layer is exactly the
    identity, and can stand in a pretrained model without changing what that
    computes. The first training step moves k, which is all there is: 3 to 7
    weights.

    Args:
        kernel_size: odd int >= 1. How many neighbouring channels decide on
            one. Defaults to t = int(abs((log2(channels) + 1) / 2)), or t + 1
            where t is even.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, positions, channels)` or
            `(batch, height, width, channels)`.
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

    >>> layer = aet_keras.layers.EfficientChannelAttention()
    >>> x = np.ones((2, 7, 7, 256), "float32")
    >>> bool(np.all(layer(x) == x)), layer.count_params()
    (True, 5)

    Reference:
        [Wang et al., 2020](https://arxiv.org/abs/1910.03151). Differs: the
        gate is doubled and starts at 1.
    """

    def __init__(self, kernel_size: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if kernel_size is not None:
            kernel_size = _gates.odd_size(self, kernel_size=kernel_size)
        self.kernel_size = kernel_size
        self.supports_masking = True

    def build(self, input_shape):
        _positions.check_rank(self, input_shape)
        channels = input_shape[-1]
        # No bias, as in the paper: it would turn all channels alike.
        size = self.kernel_size or _nearest_odd(channels)
        kind, shape = keras.layers.Conv1D, (None, channels, 1)
        self.conv = _gates.convolution(self, kind, size, shape)
        self.input_spec = _positions.input_spec(input_shape)

    def call(self, inputs, mask=None):
        row = _positions.flatten(inputs)  # (batch, positions, channels)
        mask = _positions.flatten_mask(mask, inputs)  # (batch, positions)
        kept = _positions.blank(row, mask)
        z = _positions.mean(_positions.widen(kept), mask)
        z = ops.cast(z, self.compute_dtype)  # (batch, channels)

        gate = 2 * self.conv(z[..., None])[..., 0]  # (batch, channels)
        outputs = _positions.restore(kept * gate[:, None], row, mask)
        return _positions.unflatten(outputs, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


def _nearest_odd(channels):
    size = int(abs((math.log2(channels) + 1) / 2))
    return size if size % 2 else size + 1
