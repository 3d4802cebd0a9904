"""Keeps the weights of the best state so far."""

import keras

from aet_keras._keras.optimizer import restart_averages
from aet_keras._keras.strategy import scope_of


class KeptWeights:
    """Keeps the weights of one state, to come back to it.

    Weights that have not moved since are not copied: a group that is frozen
    is added when it thaws.
    """

    def __init__(self):
        self._pairs = []

    def keep(self, model: keras.Model, frozen) -> None:
        """Keeps the weights as they are now, but for those that are frozen."""
        left_out = {id(v) for v in frozen}
        self._pairs = [
            (v, v.numpy()) for v in model.weights if id(v) not in left_out
        ]

    def add(self, weights) -> None:
        """Adds weights that have not moved since, and will from now on."""
        known = {id(v) for v, _ in self._pairs}
        if known:
            self._pairs += [
                (v, v.numpy()) for v in weights if id(v) not in known
            ]

    def bring_back(self, model: keras.Model) -> None:
        """Gives the model the kept weights."""
        with scope_of(model):
            for variable, value in self._pairs:
                variable.assign(value)
        restart_averages(model, [v for v, _ in self._pairs])

    def get_state(self, model: keras.Model) -> list:
        """Returns what a checkpoint keeps: places in `weights`, and arrays."""
        places = {id(v): i for i, v in enumerate(model.weights)}
        return [(places[id(v)], value) for v, value in self._pairs]

    def set_state(self, model: keras.Model, state: list) -> None:
        """Brings back what `get_state` returned."""
        weights = model.weights
        self._pairs = [(weights[place], value) for place, value in state]
