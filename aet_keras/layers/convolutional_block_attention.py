"""Scales channels, then positions (CBAM)."""

from typing import Any

import keras
from keras import ops

from aet_keras import _check, _serial
from aet_keras.layers import _gates, _positions
from aet_keras.layers.spatial_gate import SpatialGate


@_serial.register
class ConvolutionalBlockAttention(keras.layers.Layer):
    """Turns channels, then positions, up or down by what the input shows.

    y = x * 2 sigmoid(W2 (relu(W1 z) + relu(W1 m)) + b2), z the mean and m the
    maximum of x over its positions; output = `SpatialGate` of y. W2, b2 and
    the kernel of the spatial gate start at 0, so both gates start at 1: a new
    layer is exactly the identity, and can stand in a pretrained model without
    changing what that computes. The first training step moves these, the
    later ones W1 too.

    Args:
        ratio: int >= 1. How many channels share one hidden unit; at least one
            unit is made. Defaults to `16`.
        kernel_size: odd int >= 1. How far around a position the spatial gate
            looks, along each side. Defaults to `7`.
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
        TypeError: if an argument is not an int.
        ValueError: if `ratio` is below 1, `kernel_size` is even or below 1,
            or the rank is not 3 or 4.

    Example:

    >>> layer = aet_keras.layers.ConvolutionalBlockAttention(ratio=4)
    >>> x = np.ones((2, 7, 7, 64), "float32")
    >>> bool(np.all(layer(x) == x)), layer.attention_map(x).shape
    (True, TensorShape([2, 7, 7]))

    Reference:
        [Woo et al., 2018](https://arxiv.org/abs/1807.06521). Differs: both
        gates are doubled and start at 1.
    """

    def __init__(self, ratio: int = 16, kernel_size: int = 7, **kwargs: Any):
        super().__init__(**kwargs)
        self.ratio = _check.positive_int(self, ratio=ratio)
        self.kernel_size = _gates.odd_size(self, kernel_size=kernel_size)
        self.supports_masking = True

    def build(self, input_shape):
        _positions.check_rank(self, input_shape)
        channels = input_shape[-1]
        self.squeeze, self.excite = _gates.bottleneck(
            self, channels, self.ratio
        )
        self.spatial = SpatialGate(
            self.kernel_size, name="spatial", dtype=self.dtype_policy
        )
        self.spatial.build(input_shape)
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={-1: channels}
        )

    def call(self, inputs, mask=None):
        outputs = self.spatial(self._scale(inputs, mask), mask=mask)
        mask = _positions.unflatten_mask(mask, inputs)
        return _positions.restore(outputs, inputs, mask)

    def attention_map(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the gate of each position.

        `(batch, positions)` for inputs `(batch, positions, channels)`,
        `(batch, height, width)` for `(batch, height, width, channels)`,
        float32 in half precision. Between 0 and 2; 1 in a new layer and where
        masked, for these positions stay as they are. What the channels' gate
        does is not in it, but for what it lets the spatial gate see.
        """
        inputs = _positions.prepare(self, inputs)
        return self.spatial.attention_map(self._scale(inputs, mask), mask)

    def _scale(self, inputs, mask):
        row = _positions.flatten(inputs)  # (batch, positions, channels)
        mask = _positions.flatten_mask(mask, inputs)  # (batch, positions)
        row = _positions.blank(row, mask)
        wide = _positions.widen(row)
        z = ops.cast(_positions.mean(wide, mask), self.compute_dtype)
        m = ops.cast(_positions.peak(wide, mask), self.compute_dtype)

        # W2 is linear: it need not be applied to each of them.
        gate = 2 * self.excite(self.squeeze(z) + self.squeeze(m))
        return _positions.unflatten(row * gate[:, None], inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        arguments = _serial.arguments(self, of=ConvolutionalBlockAttention)
        return {**super().get_config(), **arguments}
