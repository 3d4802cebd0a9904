"""Keeps the weights from just before the backbone began to move."""

from collections.abc import Mapping
from typing import Any

import keras

from aet_keras import _check as check
from aet_keras._keras import workers
from aet_keras.engine import Engine


class KeepHeadOnly(keras.callbacks.Callback):
    """Keeps the weights of the moment when the first group thaws.

    Those are the weights of a head on the pretrained features. `interpolate`
    goes back to them part of the way, after `fit`. Stands beside
    `ElasticFreezing`, in either order. Where a group moves from the first
    batch on, or no `ElasticFreezing` holds them, the weights that `fit` began
    with are kept.

    Attributes:
        weights: list of arrays as of `model.get_weights()`, or None as long
            as no group has thawed.
        epoch: int or None. How many epochs had ended.

    Cost: one copy of the weights in memory.

    Example:

    >>> backbone = keras.Sequential([keras.layers.Dense(4)], name="old")
    >>> model = keras.Sequential(
    ...     [keras.Input((3,)), backbone, keras.layers.Dense(1)]
    ... )
    >>> model.compile("adam", "mse")
    >>> freezing = aet_keras.callbacks.ElasticFreezing(
    ...     aet_keras.policies.ThawOnSchedule(every_epochs=1), backbone="old"
    ... )
    >>> head_only = aet_keras.callbacks.KeepHeadOnly()
    >>> _ = model.fit(
    ...     np.ones((8, 3)), np.ones((8, 1)), epochs=3, verbose=0,
    ...     callbacks=[freezing, head_only],
    ... )
    >>> head_only.epoch, len(head_only.weights)
    (1, 4)
    """

    def __init__(self):
        super().__init__()
        workers.mend_if_needed()
        self._forget()

    def on_train_begin(self, logs=None):
        self._forget()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        # Here every callback has begun its epoch, whatever their order.
        if self.weights is not None:
            return
        trainable = Engine.of(self.model).trainable
        if any(trainable) or not trainable:
            self.weights = self.model.get_weights()
            self.epoch = self._epoch

    def get_state(self) -> dict[str, Any]:
        """Returns what was kept, for a save."""
        return {"epoch": self.epoch, "weights": self.weights}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Brings back what `get_state` returned."""
        check.entries(self, state, ("epoch", "weights"))
        self.epoch = state["epoch"]
        self.weights = state["weights"]

    def _forget(self):
        self.weights: list | None = None
        self.epoch: int | None = None
        self._epoch = 0
