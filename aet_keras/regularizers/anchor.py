"""Penalizes the distance of a weight from where it was."""

from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras import _check as check
from aet_keras._serial import register


@register
class AnchorPenalty(keras.regularizers.Regularizer):
    """Pulls a weight back to the values it was anchored at.

    penalty = strength / 2 * sum over i of F_i (w_i - a_i)^2, a the anchor and
    F how much each value matters, 1 everywhere unless it is given. Its
    gradient, strength * F_i (w_i - a_i), is 0 at the anchor.

    The anchor is state, not configuration: a new penalty has none and is 0,
    and so is one that `keras.models.load_model` made, which would otherwise
    hold weights where nobody asked. `hold` anchors it, again if need be. One
    object holds one weight. `aet_keras.callbacks.ElasticAnchor` does all of
    this for a whole model, and leaves nothing in what is saved.

    Args:
        strength: float >= 0. How firmly it holds. Defaults to `0.01`.

    Call arguments:
        x: float tensor or variable of the anchor's shape.

    Returns:
        Scalar float32 tensor.

    Raises:
        TypeError: if `strength` is not a number.
        ValueError: if `strength` is negative, or `x` has another shape than
            the anchor.

    Example:

    >>> penalty = aet_keras.regularizers.AnchorPenalty(strength=0.5)
    >>> layer = keras.layers.Dense(1, kernel_regularizer=penalty)
    >>> layer.build((None, 2))
    >>> penalty.hold(layer.kernel)
    >>> _ = layer.kernel.assign_add([[1.0], [2.0]])
    >>> float(layer.losses[0])
    1.25

    Reference:
        [Li et al., 2018](https://arxiv.org/abs/1802.01483), L2-SP; with
        `fisher` [Kirkpatrick et al., 2017](https://arxiv.org/abs/1612.00796),
        EWC.
    """

    def __init__(self, strength: float = 0.01):
        self.strength = check.number(self, least=0, strength=strength)
        self.anchor = None
        self.fisher = None

    def hold(self, weight: Any, *, fisher: Any = None) -> None:
        """Anchors at what a weight is now; later changes do not move it.

        Args:
            weight: variable, array or tensor.
            fisher: optional array of the same shape, not negative: how much
                each value matters. Defaults to 1 everywhere.

        Raises:
            ValueError: if `fisher` has another shape or is negative.
        """
        anchor = _copied(weight)
        weights = None if fisher is None else _copied(fisher)
        if weights is not None:
            _check_fisher(anchor, weights)
        # Tensors are inputs of a graph; arrays would be constants in it.
        self.anchor = ops.convert_to_tensor(anchor)
        self.fisher = None if fisher is None else ops.convert_to_tensor(weights)

    def __call__(self, x):
        if self.anchor is None:
            return ops.zeros((), "float32")
        _check_shape(self.anchor, x)
        square = ops.square(ops.cast(x, "float32") - self.anchor)
        if self.fisher is not None:
            square = square * self.fisher
        return 0.5 * self.strength * ops.sum(square)

    def get_config(self):
        return {"strength": self.strength}


def _copied(values):
    """Copies a weight; on CPU its array may share memory with the variable."""
    return np.array(ops.convert_to_numpy(values), "float32")


def _check_fisher(anchor, fisher):
    if fisher.shape == anchor.shape and (fisher >= 0).all():
        return
    raise ValueError(
        "AnchorPenalty: `fisher` must have the weight's shape "
        f"{anchor.shape} and no negative value, because it weighs squares. "
        f"Received: fisher of shape {fisher.shape}, least "
        f"{fisher.min(initial=np.inf)}."
    )


def _check_shape(anchor, x):
    if tuple(x.shape) == tuple(anchor.shape):
        return
    raise ValueError(
        "AnchorPenalty: the weight must have the anchor's shape "
        f"{tuple(anchor.shape)}, because one penalty holds one weight. "
        f"Received: shape {tuple(x.shape)}. Give each weight its own."
    )
