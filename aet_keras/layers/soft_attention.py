"""Lets each position attend to all others."""

from typing import Any

import keras
from keras import ops

from aet_keras import _serial
from aet_keras.layers import _positions


@_serial.register
class SoftAttention(keras.layers.Layer):
    """Lets each position look at all others and adds what it saw.

    a_ij = softmax over j of u_i . v_j / temperature; output_i = x_i + gain *
    sum over j of a_ij w_j, with u, v, w learned projections of the inputs and
    a learned gain that starts at 0: a new layer is exactly the identity, and
    can stand in a pretrained model without changing what that computes. The
    first training step moves the gain, the later ones the projections too.

    Args:
        units: int >= 1. Width of u and v. Defaults to an eighth of the
            channels, at least 1.
        temperature: float > 0. Higher is more even. Defaults to `1.0`.
        return_map: bool. Also return the weights. Defaults to `False`.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, positions, channels)` or
            `(batch, height, width, channels)`.
        mask: optional bool tensor `(batch, positions)` or
            `(batch, height, width)`; masked positions are neither looked at
            nor changed.

    Returns:
        Tensor shaped like `inputs`; with `return_map`, also
        `(batch, positions, positions)`, non-negative, each row summing to 1;
        even where every position is masked.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if `units` is below 1, `temperature` is not above 0, or
            the rank is not 3 or 4.

    Cost:
        positions ** 2 weights an example: 49 x 49 for a 7 x 7 map, but
        3,136 x 3,136 for 56 x 56. Place it late in a backbone.

    Example:

    >>> layer = aet_keras.layers.SoftAttention()
    >>> layer(np.ones((2, 7, 7, 64), "float32")).shape
    TensorShape([2, 7, 7, 64])

    Reference:
        [Zhang et al., 2018](https://arxiv.org/abs/1805.08318). Differs: w has
        the width of the inputs at once, without a bottleneck; temperature.
    """

    def __init__(
        self,
        units: int | None = None,
        temperature: float = 1.0,
        return_map: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        _positions.take_attention_options(self, units, temperature, return_map)

    def build(self, input_shape):
        _positions.check_rank(self, input_shape)
        channels = input_shape[-1]
        units = self.units or max(1, channels // 8)
        self.u = self._project(units, "u", input_shape)
        self.v = self._project(units, "v", input_shape)
        self.w = self._project(channels, "w", input_shape)
        self.gain = self.add_weight(shape=(), initializer="zeros", name="gain")
        self.input_spec = _positions.input_spec(input_shape)

    def _project(self, units, name, input_shape):
        # No bias, as in the formula: one on v would cancel in the softmax.
        projection = keras.layers.Dense(
            units, use_bias=False, name=name, dtype=self.dtype_policy
        )
        projection.build((None, None, input_shape[-1]))
        return projection

    def call(self, inputs, mask=None):
        row = _positions.flatten(inputs)  # (batch, positions, channels)
        mask = _positions.flatten_mask(mask, inputs)  # (batch, positions)
        kept = _positions.blank(row, mask)
        weights = self._weigh(kept, mask)
        weights = ops.cast(weights, self.compute_dtype)

        outputs = row + self.gain * ops.matmul(weights, self.w(kept))
        outputs = _positions.restore(outputs, row, mask)
        outputs = _positions.unflatten(outputs, inputs)
        return (outputs, weights) if self.return_map else outputs

    def attention_map(self, inputs: Any, mask: Any = None) -> Any:
        """Returns how much each position is looked at.

        The mean of a_ij over the positions i that are not masked:
        `(batch, positions)` for inputs `(batch, positions, channels)`,
        `(batch, height, width)` for `(batch, height, width, channels)`,
        float32 in half precision. Non-negative, and each example sums to 1,
        to 0 where every position is masked. It does not depend on the gain.
        """
        inputs = _positions.prepare(self, inputs)
        row = _positions.flatten(inputs)
        mask = _positions.flatten_mask(mask, inputs)
        weights = self._weigh(_positions.blank(row, mask), mask)
        looked_at = _positions.mean(weights, mask)  # (batch, positions)
        return _positions.unflatten(looked_at, inputs)

    def _weigh(self, row, mask):
        u = _positions.widen(self.u(row))
        v = _positions.widen(self.v(row))
        scores = ops.matmul(u, ops.transpose(v, (0, 2, 1))) / self.temperature
        keys = None if mask is None else mask[:, None, :]
        return _positions.softmax(scores, keys)  # (batch, positions, positions)

    def compute_output_shape(self, input_shape):
        if not self.return_map:
            return input_shape
        positions = _positions.count(input_shape)
        return input_shape, (input_shape[0], positions, positions)

    def compute_mask(self, inputs, mask=None):
        return (mask, None) if self.return_map else mask

    def get_config(self):
        arguments = _serial.arguments(self, of=SoftAttention)
        return {**super().get_config(), **arguments}
