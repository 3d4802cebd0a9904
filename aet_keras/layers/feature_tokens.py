"""Turns a row of a table into a sequence for attention."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras import _check, _serial


@_serial.register
class FeatureTokens(keras.layers.Layer):
    """Turns each feature of an encoded row into a vector of its own.

    token_f = b_f + sum over the columns c of feature f of x_c k_c, with k and
    b learned: a category is its embedding, a number is a multiple of one.

    Args:
        widths: sequence of ints >= 1. How many columns each feature takes, in
            their order. Defaults to one a column.
        units: int >= 1. Width of a token. Defaults to `16`.
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: float tensor `(batch, columns)`.

    Returns:
        Tensor `(batch, features, units)`.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if a width or `units` is below 1, or the widths do not add
            up to the columns.

    Example:

    >>> layer = aet_keras.layers.FeatureTokens(widths=[3, 1], units=8)
    >>> layer(np.ones((2, 4), "float32")).shape
    TensorShape([2, 2, 8])

    Reference:
        [Gorishniy et al., 2021](https://arxiv.org/abs/2106.11959), the
        feature tokenizer, without its class token.
    """

    def __init__(
        self,
        widths: Sequence[int] | None = None,
        units: int = 16,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if widths is not None:
            widths = [_check.positive_int(self, widths=each) for each in widths]
        self.widths = widths
        self.units = _check.positive_int(self, units=units)

    def build(self, input_shape):
        columns = input_shape[-1]
        widths = self.widths or [1] * columns
        if sum(widths) != columns:
            raise ValueError(
                "FeatureTokens: `widths` must add up to the columns of the "
                f"inputs. Received: {sum(widths)} for {columns} columns. Name "
                "the width of each encoded feature."
            )
        self.kernel = self.add_weight(
            shape=(columns, self.units),
            initializer=keras.initializers.RandomNormal(
                stddev=self.units**-0.5
            ),
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(len(widths), self.units), initializer="zeros", name="bias"
        )
        # Which feature a column is of: one product does for all of them.
        owns = np.repeat(np.eye(len(widths), dtype="float32"), widths, axis=0)
        self._owns = owns[:, :, None]  # (columns, features, 1)

    def call(self, inputs):
        owns = ops.cast(self._owns, self.compute_dtype)
        spread = ops.reshape(
            owns * self.kernel[:, None], (owns.shape[0], -1)
        )  # (columns, features * units)
        tokens = ops.matmul(inputs, spread)
        shape = (-1, owns.shape[1], self.units)
        return ops.reshape(tokens, shape) + self.bias

    def compute_output_shape(self, input_shape):
        count = len(self.widths) if self.widths else input_shape[-1]
        return (input_shape[0], count, self.units)

    def get_config(self):
        arguments = _serial.arguments(self, of=FeatureTokens)
        return {**super().get_config(), **arguments}
