"""Keeps what a model made of rows, beside the weights that made it."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from scipy import special

from aet_keras.drift import heads
from aet_keras.drift.model_outputs import OutputReader, sum_of_weights
from aet_keras.training._targets import Target

_BATCH = 128
_MOST_KEPT = 24
_SAME = 1e-4  # of probabilities; rounding is below
_FINISHES: dict[str, Callable] = {
    "softmax": lambda logits: special.softmax(logits, axis=1),
    "sigmoid": special.expit,
    "linear": lambda values: values,
}


class KnownOutputs:
    """Runs rows through a model once for each state of its weights.

    Features are kept beside a sum of the weights below the head, so that they
    are used again only where these weights are equal. The head is computed
    from them, if that is seen to give what the model does. A model without
    such a head is run each time.

    Args:
        target: `Target`, the weights of whose model may change between calls.
    """

    def __init__(self, target: Target):
        self.model = model = target.model
        self._finish = _FINISHES[target.activation]
        self._kept: dict[tuple[int, str], tuple[Any, np.ndarray]] = {}
        self._head: Any = None
        self._reader: OutputReader | None = None
        with contextlib.suppress(ValueError):  # of another end
            self._head = heads.dense_head("adapt", model, target.activation)
            kind = target.kind.name
            self._reader = OutputReader(model, target_kind=kind, is_traced=True)

    def features(self, x: Any) -> np.ndarray:
        """Returns what the head is given, `(rows, width)`.

        Raises:
            ValueError: if the model has no dense head.
        """
        found = self._known(x)
        if found is None:
            if self._head is None:
                raise ValueError("adapt: the model has no head to solve.")
            return heads.read_features(self.model, self._head, x)
        return found

    def probabilities(self, x: Any) -> np.ndarray:
        """Returns probabilities `(rows, classes)`, or values `(rows, 1)`."""
        found = self._known(x)
        return predict(self.model, x) if found is None else self._answers(found)

    def _known(self, x):
        """Returns features; `None` where the model is to be run whole."""
        if self._head is None or self._reader is None:
            return None
        below = sum_of_weights(self.model, except_for=self._head.weights)
        if (id(x), below) in self._kept:
            return self._kept[id(x), below][1]
        try:
            found = self._reader.read(x, batch_size=_BATCH)
        except ValueError:  # of parts that cannot be run apart, or no answers
            self._reader = None
            return None
        made = self._answers(found.features)
        if not np.allclose(made, found.probabilities, atol=_SAME):
            self._reader = None
            return None
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        # The rows are kept, too: their id is then nobody else's.
        self._kept[id(x), below] = x, found.features
        return found.features

    def _answers(self, features):
        kernel, bias = self._head.get_weights()
        return self._finish(features @ kernel + bias)


def predict(model: keras.Model, x: Any) -> np.ndarray:
    """Returns probabilities `(rows, classes)`, or numbers `(rows, 1)`."""
    return np.asarray(model.predict(x, batch_size=_BATCH, verbose=0))
