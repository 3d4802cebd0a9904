"""Adds a penalty to weights for the time of a `fit`.

`model.losses` asks the `regularizer` of each trainable weight when a train
function is traced. Layers save the regularizers they were made with, not the
ones that their weights have: what is placed here is in no saved model.
"""

from collections.abc import Sequence

import keras


class Penalties:
    """Adds penalties to weights, besides those that the weights have.

    Args:
        pairs: sequence of `(variable, regularizer)`.
    """

    def __init__(self, pairs: Sequence[tuple] = ()):
        self.pairs = tuple(pairs)
        self._are_placed = False

    def place(self) -> None:
        """Puts the penalties on; what is traced from here on has them."""
        if self._are_placed:
            return
        self._are_placed = True
        for variable, regularizer in self.pairs:
            variable.regularizer = _Placed(variable.regularizer, regularizer)

    def lift(self) -> None:
        """Gives each weight its own regularizer back."""
        self._are_placed = False
        lift_all(variable for variable, _ in self.pairs)

    def value(self) -> float:
        """Returns the sum of the penalties now, of frozen weights too."""
        return float(sum(float(penalty(v)) for v, penalty in self.pairs))


def lift_all(variables) -> None:
    """Lifts whatever was placed, by a `fit` that never came to its end too."""
    for variable in variables:
        while isinstance(variable.regularizer, _Placed):
            variable.regularizer = variable.regularizer.before


class _Placed(keras.regularizers.Regularizer):
    """Adds one penalty to the one that a weight had before, if any."""

    def __init__(self, before, added):
        self.before = before
        self.added = added

    def __call__(self, x):
        if self.before is None:
            return self.added(x)
        return self.before(x) + self.added(x)
