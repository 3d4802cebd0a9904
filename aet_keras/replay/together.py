"""Adds up what several workers have computed from their own rows."""

from collections.abc import Callable

import keras
import numpy as np

from aet_keras._keras import agreement


class Together:
    """Adds up what workers have; all of them have to call its methods.

    Without a model, and where one process trains alone, a sum is what it was
    given.

    Args:
        model: optional model that the workers train.
    """

    def __init__(self, model: keras.Model | None = None):
        self._strategy = None if model is None else model.distribute_strategy
        self._is_alone = agreement.worker_count(self._strategy) == 1
        self._is_chief = agreement.is_chief(self._strategy)

    def total(self, array) -> np.ndarray:
        """Returns the sum of an array that each worker has."""
        return agreement.total(self._strategy, array)

    def count_of(self, obstacle) -> int:
        """Returns how many workers have something that is not None."""
        return int(self.total(float(obstacle is not None)))

    def led(
        self, search: Callable, function: Callable, start: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Lets the chief search for a vector; all workers compute the function.

        So none of them asks for a sum that another one does not give, though
        their processors may round differently.

        Args:
            search: function of a function and of `start`. Returns the vector
                that it finds, and a number.
            function: of a vector. Returns an array: what the rows of this
                worker add to the answer.
            start: the vector to begin with.

        Returns:
            What the search of the chief has found.
        """
        if self._is_alone:
            return search(function, start)
        if self._is_chief:

            def ask(vector):
                self._send(1.0, 0.0, vector)
                return self.total(function(vector))

            vector, value = search(ask, start)
            self._send(0.0, value, vector)
            return vector, value
        while True:
            asks, value, *rest = self._send(0.0, 0.0, np.zeros_like(start))
            if not asks:
                return np.array(rest), value
            self.total(function(np.array(rest)))

    def _send(self, asks, value, vector):
        """Returns what the chief sends; the others add nothing to it."""
        return self.total(np.concatenate([[asks, value], vector]))
