"""Scales channels by squeeze-and-excitation."""

from typing import Any

import keras
from keras import ops

from aet_keras import _check
from aet_keras._serial import register
from aet_keras.layers import _gates, _positions


@register
class SqueezeExcite(keras.layers.Layer):
    """Turns each channel up or down by what the whole input shows.

    output = x * 2 sigmoid(W2 relu(W1 z) + b2), z the mean of x over its
    positions. W2 and b2 start at 0 and 2 sigmoid(0) = 1: a new layer is
    exactly the identity, and can stand in a pretrained model without changing
    what that computes. The first training step moves W2 and b2, the later
    ones W1 too.

    Args:
        ratio: int >= 1. How many channels share one hidden unit; at least one
            unit is made. Defaults to `16`.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, positions, channels)` or
            `(batch, height, width, channels)`.
        mask: optional bool tensor `(batch, positions)` or
            `(batch, height, width)`; masked positions are left out of z, and
            stay as they are.

    Returns:
        Tensor shaped like `inputs`.

    Raises:
        TypeError: if `ratio` is not an int.
        ValueError: if `ratio` is below 1, or the rank is not 3 or 4.

    Example:

    >>> layer = aet_keras.layers.SqueezeExcite(ratio=4)
    >>> x = np.ones((2, 7, 7, 64), "float32")
    >>> bool(np.all(layer(x) == x))
    True

    Reference:
        [Hu et al., 2018](https://arxiv.org/abs/1709.01507). Differs: the gate
        is doubled and starts at 1, where a plain sigmoid halves the features.
    """

    def __init__(self, ratio: int = 16, **kwargs: Any):
        super().__init__(**kwargs)
        self.ratio = _check.positive_int(self, ratio=ratio)
        self.supports_masking = True

    def build(self, input_shape):
        _positions.check_rank(self, input_shape)
        self.squeeze, self.excite = _gates.bottleneck(
            self, input_shape[-1], self.ratio
        )
        self.input_spec = _positions.input_spec(input_shape)

    def call(self, inputs, mask=None):
        row = _positions.flatten(inputs)  # (batch, positions, channels)
        mask = _positions.flatten_mask(mask, inputs)
        z = _positions.mean(_positions.widen(row), mask)
        z = ops.cast(z, self.compute_dtype)

        gate = 2 * self.excite(self.squeeze(z))  # (batch, channels)
        kept = _positions.blank(row, mask)
        outputs = _positions.restore(kept * gate[:, None], row, mask)
        return _positions.unflatten(outputs, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}
