"""Holds the learned uncertainty of one output."""

import math
from typing import Any

import keras
from keras import ops

from aet_keras import _check as check
from aet_keras._keras import marks
from aet_keras._serial import register

_START = -math.log(2)  # a weight of 1: it begins as the plain sum of losses
_LEAST_LOSS = 1e-6  # what is solved on few rows may have none


@register
class Uncertainty(keras.layers.Layer):
    """Learns how much the loss of an output weighs beside the others'.

    It stands last in a head and changes nothing: output = input. What it
    learns is one number, log v, the logarithm of the output's variance; the
    loss of the output then weighs w = 1 / (2 v), which starts at 1. The loss
    has to be a `WeightedByUncertainty`, which takes w from here and says how
    it is learned. Being a layer above the backbone it is a weight like any
    other: the optimizer moves it, the model's file keeps it, and
    `ElasticFreezing` replays the frozen groups below.

    Args:
        **kwargs: as of `keras.layers.Layer`: `name`, `dtype`, `trainable`
            (`False` holds w where it is).

    Call arguments:
        inputs: tensor of any shape, the output to be judged.

    Returns:
        The same values, in the same dtype.

    Logs:
        `<name>_weight`: w at the end of an epoch.

    Example:

    >>> inputs = keras.Input((4,))
    >>> outputs = {
    ...     name: aet_keras.layers.Uncertainty(name=name)(
    ...         keras.layers.Dense(1)(inputs)
    ...     )
    ...     for name in ("size", "age")
    ... }
    >>> model = keras.Model(inputs, outputs)
    >>> model.compile(
    ...     "adam",
    ...     {
    ...         name: aet_keras.losses.WeightedByUncertainty("mse")
    ...         for name in outputs
    ...     },
    ... )
    >>> history = model.fit(
    ...     np.ones((8, 4)), {"size": np.ones((8, 1)), "age": np.ones((8, 1))},
    ...     verbose=0,
    ... )
    >>> sorted(key for key in history.history if key.endswith("_weight"))
    ['age_weight', 'size_weight']

    Reference:
        [Kendall et al., 2018](https://arxiv.org/abs/1705.07115).
    """

    def __init__(self, **kwargs: Any):
        kwargs = {"autocast": False} | kwargs  # an output keeps its dtype
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.log_variance = self.add_weight(
            name="log_variance",
            shape=(),
            initializer=keras.initializers.Constant(_START),
            dtype="float32",
        )
        # Here, not in the constructor: a copy gets its name after that.
        self.weight_metric = _Weight(self.weight, name=f"{self.name}_weight")

    def call(self, inputs):
        outputs = ops.copy(inputs)  # the input may go elsewhere too
        marks.mark(outputs, self)
        return outputs

    def weight(self):
        """Returns the weight of the loss of the output, a scalar tensor."""
        return 0.5 * ops.exp(-ops.convert_to_tensor(self.log_variance))

    def settle(self, loss: float) -> None:
        """Makes v what is best for a loss, where training would bring it.

        Args:
            loss: float >= 0. The output's loss, not weighted.
        """
        check.number(self, least=0, loss=loss)
        loss = max(loss, _LEAST_LOSS)
        self.log_variance.assign(
            math.log((loss + math.sqrt(loss**2 + 8 * loss)) / 4)
        )

    def compute_output_shape(self, input_shape):
        return input_shape


class _Weight(keras.metrics.Metric):
    """Shows a weight in the logs; holds no state to be reset."""

    def __init__(self, read, name):
        super().__init__(name=name)
        self._read = read

    def update_state(self, *args, **kwargs):
        pass

    def result(self):
        return self._read()
