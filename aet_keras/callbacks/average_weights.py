"""Averages weights over steps; the averages are judged and kept."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import workers
from aet_keras._keras.strategy import scope_of
from aet_keras.callbacks._others import warn_of_saved_averages
from aet_keras.callbacks._run_state import assign
from aet_keras.engine import Engine


class AverageWeights(keras.callbacks.Callback):
    """Judges and keeps an average of the weights that train.

    After each few batches, for the n-th time, average = average +
    (power + 1) / (n + power) * (weights - average): the weights at n count
    about as n**power, so that the average reaches back over a share of
    1 / (power + 1) of the training, however long that is. At the end of an
    epoch the model has the averages: validation, and callbacks such as
    `KeepBest`, see those. The next epoch goes on from the weights. After `fit`
    the model has the averages.

    With `ElasticFreezing`, it averages from the first thaw on, and anew when
    other groups move: the head alone is solved, or learned quickly. Statistics
    of BatchNormalization that trains are the last ones, not averages.

    Unlike an optimizer's `use_ema` with `keras.callbacks.SwapEMAWeights`, it
    gives weights back to the bit, leaves frozen ones alone, and begins at a
    thaw.

    Args:
        power: float >= 0. How much more the last weights count; at 0 all
            count alike. Defaults to `4.0`.
        every_batches: int >= 1. Batches between two that are averaged.
            Defaults to `4`.

    Raises:
        ValueError: at the start of `fit`, if it comes after `ElasticFreezing`,
            which looks at the weights at the start of an epoch.

    Cost: two copies of the weights that move; reading and writing one of them
        every few batches.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(0.1), "mse")
    >>> average = aet_keras.callbacks.AverageWeights(every_batches=1)
    >>> history = model.fit(
    ...     np.ones((8, 1)), np.ones((8, 1)), batch_size=1, epochs=2,
    ...     verbose=0, callbacks=[average],
    ... )
    >>> len(history.history["loss"])
    2

    Reference:
        [Shamir and Zhang, 2013](https://arxiv.org/abs/1212.1824),
        polynomial-decay averaging. Differs: weights of every few batches.
    """

    def __init__(self, power: float = 4.0, *, every_batches: int = 4):
        super().__init__()
        workers.mend_if_needed()
        self.power = check.number(self, least=0, power=power)
        self.every_batches = check.positive_int(
            self, every_batches=every_batches
        )
        self._forget()

    def on_train_begin(self, logs=None):
        self._forget()
        warn_of_saved_averages(self)
        if Engine.of(self.model).controlled_fit is self.params:
            raise ValueError(
                "AverageWeights: it must come before ElasticFreezing, which "
                "looks at the weights as an epoch begins. Received: a place "
                "after it. Put it first among the callbacks."
            )

    def on_epoch_begin(self, epoch, logs=None):
        self._put_back()
        self._last -= self._done  # batches are counted from the epoch's start
        self._done = 0
        self._is_followed = False  # every callback has yet to begin its epoch

    def on_train_batch_end(self, batch, logs=None):
        if not self._is_followed:
            self._follow()
        self._done = batch + 1
        if self._places and self._done - self._last >= self.every_batches:
            self._add()
            self._last = self._done

    def on_test_begin(self, logs=None):
        self._swap_in()

    def on_epoch_end(self, epoch, logs=None):
        self._swap_in()

    def on_train_end(self, logs=None):
        self._forget()

    def get_state(self) -> dict[str, Any]:
        """Returns the averages and the weights beside them, for a save."""
        return {
            # Copies: they are added to in place.
            "averages": [each.copy() for each in self._averages],
            "count": self._count,
            "done": self._done,
            "last": self._last,
            "places": self._places,
            "weights": self._weights,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Brings back what `get_state` returned."""
        check.entries(self, state, self.get_state())
        self._averages = [each.copy() for each in state["averages"]]
        self._count = state["count"]
        self._done = state["done"]
        self._last = state["last"]
        self._places = state["places"]
        self._weights = state["weights"]

    def _follow(self):
        """Notes which weights move now; begins anew if it is others."""
        trainable = Engine.of(self.model).trainable
        moving = self.model.trainable_variables
        if trainable and not any(trainable):
            moving = []
        known = {id(v): i for i, v in enumerate(self.model.variables)}
        places = [known[id(v)] for v in moving]
        self._is_followed = True
        if places != self._places:
            self._places, self._averages, self._count = places, [], 0
            self._last = self._done

    def _add(self):
        self._count += 1
        weights = [v.numpy() for v in self._moving]
        if self._count == 1:
            self._averages = [each.copy() for each in weights]
            return
        share = (self.power + 1) / (self._count + self.power)
        for average, weight in zip(self._averages, weights, strict=True):
            average += share * (weight - average)

    def _swap_in(self):
        if self._count and self._weights is None:
            self._weights = [v.numpy().copy() for v in self._moving]
            self._assign(self._averages)

    def _put_back(self):
        if self._weights is not None:
            self._assign(self._weights)
            self._weights = None

    def _assign(self, values):
        with scope_of(self.model):
            assign(self._moving, values)

    @property
    def _moving(self):
        variables = self.model.variables
        return [variables[place] for place in self._places]

    def _forget(self):
        self._averages: list[np.ndarray] = []
        self._weights: list[np.ndarray] | None = None
        self._places: list[int] | None = None
        self._is_followed = False
        self._count = self._done = self._last = 0
