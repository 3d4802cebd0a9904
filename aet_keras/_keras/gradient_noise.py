"""Measures how much of a batch's gradient is noise.

For the two norms that McCandlish et al. (2018, appendix A.1) estimate the
noise scale from: that of one batch's gradient, and that of the mean gradient
of an interval of batches.
"""

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras.optimizer import index_of, innermost
from aet_keras._keras.strategy import scope_of

NAMES = frozenset(
    {
        "gradient_square_norms",
        "interval_batches",
        "mean_gradient_square_norm",
    }
)
_HOOK = "_distributed_tf_update_step"


class GradientNoise:
    """Gathers both norms in every update of a model's optimizer.

    Args:
        model: a compiled model whose optimizer is built on every weight that
            may ever move.

    Cost: one more copy of the weights, and a pass over it a step.
    """

    def __init__(self, model: keras.Model):
        self._optimizer = innermost(model.optimizer)
        self._outer = None
        with scope_of(model):
            self._count = _zeros((), "interval_batches")
            self._squares = _zeros((), "gradient_square_norms")
            self._sums = [
                _zeros(v.shape, f"gradient_sum_{i}")
                for i, v in enumerate(self._optimizer._trainable_variables)
            ]

    def install(self) -> None:
        """Puts the measurement around the optimizer's update."""
        optimizer = self._optimizer
        self._outer = optimizer.__dict__.get(_HOOK)
        update = self._outer or getattr(type(optimizer), _HOOK).__get__(
            optimizer
        )

        def measured_update(distribution, grads_and_vars, learning_rate):
            first = distribution.experimental_local_results
            self._measure(
                [
                    (index_of(optimizer, variable), first(gradient)[0])
                    for gradient, variable in grads_and_vars
                ]
            )
            update(distribution, grads_and_vars, learning_rate)

        setattr(optimizer, _HOOK, measured_update)

    def uninstall(self) -> None:
        """Gives the optimizer the method back that it had."""
        self._optimizer.__dict__.pop(_HOOK, None)
        if self._outer is not None:
            setattr(self._optimizer, _HOOK, self._outer)

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

    def reset(self) -> None:
        """Starts a new interval."""
        for each in (self._count, self._squares, *self._sums):
            each.assign(tf.zeros(each.shape))

    def _measure(self, found):
        self._count.assign_add(1.0)
        for index, gradient in found:
            gradient = tf.cast(tf.convert_to_tensor(gradient), tf.float32)
            self._squares.assign_add(tf.reduce_sum(tf.square(gradient)))
            self._sums[index].assign_add(gradient)


def _zeros(shape, name):
    return keras.Variable(
        tf.zeros(shape),
        dtype="float32",
        trainable=False,
        aggregation="only_first_replica",
        name=name,
    )
