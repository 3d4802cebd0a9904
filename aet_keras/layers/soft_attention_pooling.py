"""Which positions speak for the whole?"""

from typing import Any

import keras
from keras import ops

from aet_keras import _check
from aet_keras._serial import register
from aet_keras.layers import _positions


@register
class SoftAttentionPooling(keras.layers.Layer):
    """Averages positions, each weighted by a learned score.

    a_j = softmax over j of p . tanh(V x_j) / temperature; output = sum over j
    of a_j x_j. p starts at 0, so all scores are even and a new layer is
    global average pooling, over the positions that are not masked: it can
    take the place of the pooling before a pretrained head. Equal up to
    rounding, 1e-6 in float32. The first training step moves p, the later ones
    V too.

    Args:
        units: int >= 1. Width of V x_j. Defaults to an eighth of the
            channels, at least 1.
        temperature: float > 0. Higher is more even. Defaults to `1.0`.
        return_map: bool. Also return the weights. Defaults to `False`.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, positions, channels)` or
            `(batch, height, width, channels)`.
        mask: optional bool tensor `(batch, positions)` or
            `(batch, height, width)`; masked positions are not looked at.

    Returns:
        Tensor `(batch, channels)`, 0 where every position is masked; with
        `return_map`, also the weights, `(batch, positions)` or
        `(batch, height, width)`, non-negative, summing to 1.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if `units` is below 1, `temperature` is not above 0, or
            the rank is not 3 or 4.

    Example:

    >>> layer = aet_keras.layers.SoftAttentionPooling(return_map=True)
    >>> pooled, weights = layer(np.ones((2, 7, 7, 64), "float32"))
    >>> pooled.shape, weights.shape
    (TensorShape([2, 64]), TensorShape([2, 7, 7]))

    Reference:
        [Ilse et al., 2018](https://arxiv.org/abs/1802.04712), equation 8.
        Differs: p starts at 0; temperature.
    """

    def __init__(
        self,
        units: int | None = None,
        temperature: float = 1.0,
        return_map: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if units is not None:
            units = _check.positive_int(self, units=units)
        self.units = units
        self.temperature = _check.positive(self, temperature=temperature)
        self.return_map = _check.boolean(self, return_map=return_map)
        self.supports_masking = True

    def build(self, input_shape):
        _positions.check_rank(self, input_shape)
        units = self.units or max(1, input_shape[-1] // 8)
        self.hidden = keras.layers.Dense(
            units,
            activation="tanh",
            use_bias=False,
            name="hidden",
            dtype=self.dtype_policy,
        )
        self.hidden.build((None, None, input_shape[-1]))
        # No bias: the same for all positions, it would cancel in the softmax.
        self.score = keras.layers.Dense(
            1,
            use_bias=False,
            kernel_initializer="zeros",
            name="score",
            dtype=self.dtype_policy,
        )
        self.score.build((None, None, units))
        self.input_spec = _positions.input_spec(input_shape)

    def call(self, inputs, mask=None):
        row = _positions.flatten(inputs)  # (batch, positions, channels)
        mask = _positions.flatten_mask(mask, inputs)  # (batch, positions)
        row = _positions.blank(row, mask)

        scores = _positions.widen(self.score(self.hidden(row))[..., 0])
        weights = _positions.softmax(scores / self.temperature, mask)
        pooled = ops.matmul(weights[:, None, :], _positions.widen(row))
        pooled = ops.cast(pooled[:, 0], self.compute_dtype)
        if not self.return_map:
            return pooled
        weights = ops.reshape(weights, ops.shape(inputs)[:-1])
        return pooled, ops.cast(weights, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        pooled = (input_shape[0], input_shape[-1])
        return (pooled, input_shape[:-1]) if self.return_map else pooled

    def compute_mask(self, inputs, mask=None):
        return None  # no positions are left that a mask could speak of

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "temperature": self.temperature,
            "return_map": self.return_map,
        }
