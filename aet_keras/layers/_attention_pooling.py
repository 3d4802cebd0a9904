"""The base of poolings that weigh positions by a learned score."""

import abc
from typing import Any

import keras
from keras import ops

from aet_keras import _serial
from aet_keras.layers import _positions


class AttentionPooling(keras.layers.Layer, abc.ABC):
    """Averages positions, each weighted by the softmax of its score.

    A score is p . h_j / temperature; p starts at 0, so all are even. A
    subclass says in `_describe` what h_j is.
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
        self.hidden = self._project(channels, units, "hidden", "tanh")
        self.score = self._project(
            units, 1, "score", kernel_initializer="zeros"
        )
        self.input_spec = _positions.input_spec(input_shape)

    def _project(self, channels, units, name, activation=None, **kwargs):
        # No bias: the score's would cancel in the softmax.
        projection = keras.layers.Dense(
            units,
            activation,
            use_bias=False,
            name=name,
            dtype=self.dtype_policy,
            **kwargs,
        )
        projection.build((None, None, channels))
        return projection

    def call(self, inputs, mask=None):
        row, weights = self._weigh(inputs, mask)
        pooled = ops.matmul(weights[:, None, :], _positions.widen(row))
        pooled = ops.cast(pooled[:, 0], self.compute_dtype)
        if not self.return_map:
            return pooled
        weights = _positions.unflatten(weights, inputs)
        return pooled, ops.cast(weights, self.compute_dtype)

    def attention_map(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the weight of each position in the average.

        `(batch, positions)` for inputs `(batch, positions, channels)`,
        `(batch, height, width)` for `(batch, height, width, channels)`,
        float32 in half precision. Non-negative, and each example sums to 1;
        0 where masked, all alike where every position is masked.
        """
        inputs = _positions.prepare(self, inputs)
        _, weights = self._weigh(inputs, mask)
        return _positions.unflatten(weights, inputs)

    def _weigh(self, inputs, mask):
        row = _positions.flatten(inputs)  # (batch, positions, channels)
        mask = _positions.flatten_mask(mask, inputs)  # (batch, positions)
        row = _positions.blank(row, mask)

        scores = _positions.widen(self.score(self._describe(row))[..., 0])
        return row, _positions.softmax(scores / self.temperature, mask)

    @abc.abstractmethod
    def _describe(self, row):
        """Returns h_j of each position: `(batch, positions, units)`."""

    def compute_output_shape(self, input_shape):
        pooled = (input_shape[0], input_shape[-1])
        return (pooled, input_shape[:-1]) if self.return_map else pooled

    def compute_mask(self, inputs, mask=None):
        return None  # no positions are left that a mask could speak of

    def get_config(self):
        arguments = _serial.arguments(self, of=AttentionPooling)
        return {**super().get_config(), **arguments}
