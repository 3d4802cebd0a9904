"""Pools positions by a generalized mean (GeM)."""

from typing import Any

import keras
from keras import ops

from aet_keras._serial import register
from aet_keras.layers import _positions

_LEAST = 1e-6  # below it a power is a straight line


@register
class GeneralizedMeanPooling(keras.layers.Layer):
    """Averages positions by a learned power: from mean to maximum.

    output = g(mean over positions of f(x)), with f(x) = sign(x) |x|^p, g its
    inverse, and one learned p. At 1 it is the mean, and the higher p, the
    nearer the largest feature. p starts at 1, so a new layer is global
    average pooling, over the positions that are not masked: it can take the
    place of the pooling before a pretrained head. Equal up to rounding, 1e-6
    in float32. The weight is log p: p stays above 0 whatever the optimizer
    does, and weight decay pulls it towards 1.

    The slope of f (below p = 1) or of its inverse (above) is infinite at 0.
    Within a millionth of the largest feature both are straight lines instead,
    so every gradient is finite.

    Args:
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, positions, channels)` or
            `(batch, height, width, channels)`, of any sign.
        mask: optional bool tensor `(batch, positions)` or
            `(batch, height, width)`; masked positions are not looked at.

    Returns:
        Tensor `(batch, channels)`, 0 where every position is masked.

    Raises:
        ValueError: if the rank is not 3 or 4.

    Example:

    >>> layer = aet_keras.layers.GeneralizedMeanPooling()
    >>> x = np.arange(4, dtype="float32").reshape((1, 4, 1))
    >>> float(layer(x)[0, 0])
    1.5
    >>> layer.set_weights([np.log(3.0)])
    >>> round(float(layer(x)[0, 0]), 3)  # the cube root of (1 + 8 + 27) / 4
    2.08

    Reference:
        [Radenović et al., 2018](https://arxiv.org/abs/1711.02512). Differs:
        p starts at 1, not 3; and features keep their sign, where the paper
        has none below 0. The same for features that are not negative.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        _positions.check_rank(self, input_shape)
        # No autocast: bfloat16 has nothing between 1 and 1.0078.
        self.log_p = self.add_weight(
            shape=(), initializer="zeros", name="log_p", autocast=False
        )
        self.input_spec = _positions.input_spec(input_shape)

    def call(self, inputs, mask=None):
        row = _positions.widen(_positions.flatten(inputs))
        mask = _positions.flatten_mask(mask, inputs)
        row = _positions.blank(row, mask)
        p = ops.exp(_positions.widen(self.log_p))

        # The result scales with x, so x may be brought to [-1, 1] before: no
        # power of it overflows, and no gradient is lost by holding the scale.
        scale = ops.stop_gradient(ops.max(ops.abs(row), axis=1, keepdims=True))
        scale = ops.where(scale > 0, scale, ops.ones_like(scale))
        mean = _positions.mean(_power(row / scale, p), mask)
        pooled = scale[:, 0] * _power(mean, 1 / p)  # (batch, channels)
        return ops.cast(pooled, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0], input_shape[-1]

    def compute_mask(self, inputs, mask=None):
        return None  # no positions are left that a mask could speak of


def _power(x, exponent):
    size = ops.maximum(ops.abs(x), _LEAST)
    return x * ops.power(size, exponent - 1)
