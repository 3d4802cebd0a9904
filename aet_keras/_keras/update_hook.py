"""Measures inside the train function, where the optimizer makes its update.

The gradient there is the one the update is made of: summed over replicas,
averaged over accumulated batches, without the loss scale, clipped.
"""

import abc
from collections.abc import Callable

import keras
import tensorflow as tf

from aet_keras._keras.optimizer import index_of, innermost

_HOOK = "_distributed_tf_update_step"


class UpdateHook(abc.ABC):
    """Wraps the update of a model's optimizer; a subclass measures in it.

    A subclass makes its variables with `zeros`, lists them in `variables`,
    and measures in `_around`. Several hooks may wrap one optimizer: the last
    one that was installed is the first one to be uninstalled.

    Args:
        model: a compiled model whose optimizer is built on every weight that
            may ever move.
    """

    def __init__(self, model: keras.Model):
        self._optimizer = innermost(model.optimizer)
        self._outer = None

    def install(self) -> None:
        """Puts the measurement around the optimizer's update."""
        optimizer = self._optimizer
        self._outer = optimizer.__dict__.get(_HOOK)
        update = self._outer or getattr(type(optimizer), _HOOK).__get__(
            optimizer
        )

        def measured_update(distribution, grads_and_vars, learning_rate):
            # All replicas hold the same gradient here: the first one's do.
            first = distribution.experimental_local_results
            gradients = [
                (index_of(optimizer, v), first(g)[0], first(v)[0])
                for g, v in grads_and_vars
            ]
            self._around(
                gradients,
                lambda: update(distribution, grads_and_vars, learning_rate),
            )

        setattr(optimizer, _HOOK, measured_update)

    def uninstall(self) -> None:
        """Gives the optimizer the method back that it had."""
        self._optimizer.__dict__.pop(_HOOK, None)
        if self._outer is not None:
            setattr(self._optimizer, _HOOK, self._outer)

    def reset(self) -> None:
        """Starts a new interval."""
        for each in self.variables:
            each.assign(tf.zeros(each.shape))

    @property
    @abc.abstractmethod
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint in the middle of an interval has to keep."""

    @abc.abstractmethod
    def _around(self, gradients: list, update: Callable[[], None]) -> None:
        """Calls `update` once, and measures before or after it.

        Args:
            gradients: list of `(index, gradient, weight)`, the index being
                the weight's place in the optimizer.
            update: makes the update.
        """


def zeros(shape, name: str) -> keras.Variable:
    """Makes a variable that a measurement adds to."""
    return keras.Variable(
        tf.zeros(shape),
        dtype="float32",
        trainable=False,
        aggregation="only_first_replica",
        name=name,
    )
