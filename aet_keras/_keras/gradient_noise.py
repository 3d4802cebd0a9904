"""Measures how much of a batch's gradient is noise.

For the two norms that McCandlish et al. (2018, appendix A.1) estimate the
noise scale from: that of one batch's gradient, and that of the mean gradient
of an interval of batches.
"""

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras.strategy import scope_of
from aet_keras._keras.update_hook import UpdateHook, zeros

NAMES = frozenset(
    {"gradient_square_norms", "interval_batches", "mean_gradient_square_norm"}
)


class GradientNoise(UpdateHook):
    """Gathers both norms in every update of a model's optimizer.

    Args:
        model: a compiled model whose optimizer is built on every weight that
            may ever move.

    Cost: one more copy of the weights, and a pass over it a step.
    """

    def __init__(self, model: keras.Model):
        super().__init__(model)
        with scope_of(model):
            self._count = zeros((), "interval_batches")
            self._squares = zeros((), "gradient_square_norms")
            self._sums = [
                zeros(v.shape, f"gradient_sum_{i}")
                for i, v in enumerate(self._optimizer._trainable_variables)
            ]

    def read(self) -> dict[str, np.ndarray]:
        """Returns both norms' squares and how many batches they are of."""
        count = float(self._count.numpy())
        total = sum(float((each.numpy() ** 2).sum()) for each in self._sums)
        most = max(count, 1.0)
        return {
            "gradient_square_norms": np.asarray(self._squares.numpy() / most),
            "mean_gradient_square_norm": np.asarray(total / most**2),
            "interval_batches": np.asarray(int(count)),
        }

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._count, self._squares, *self._sums]

    def _around(self, gradients, update):
        self._count.assign_add(1.0)
        for index, gradient, _ in gradients:
            gradient = tf.cast(tf.convert_to_tensor(gradient), tf.float32)
            self._squares.assign_add(tf.reduce_sum(tf.square(gradient)))
            self._sums[index].assign_add(gradient)
        update()
