"""Estimates what a step through each group costs."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from aet_keras._keras import trainable


def multiply_counts(groups: Sequence) -> np.ndarray:
    """Counts the multiplications of one row's forward pass, group by group.

    A weight is used once a position of its layer's output. That is right for
    convolutions and dense layers, which is nearly all there is; a layer whose
    output is not known counts as one position.

    Args:
        groups: sequence of `Group`, or of objects with `.layers`.

    Returns:
        Float array `(groups,)`.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((8, 8, 3)),
    ...         keras.layers.Conv2D(4, 3, padding="same", use_bias=False),
    ...     ]
    ... )
    >>> group = aet_keras.backbones.groups.Group("stem", tuple(model.layers))
    >>> aet_keras.backbones.costs.multiply_counts([group])  # 3 * 3 * 3 * 4 * 64
    array([6912.])
    """
    return np.array(
        [
            float(
                sum(
                    _count(each)
                    for layer in group.layers
                    if isinstance(layer, keras.layers.Layer)
                    for each in trainable.sublayers(layer)
                )
            )
            for group in groups
        ]
    )


def _count(layer):
    weights = sum(
        math.prod(weight.shape)
        for weight in trainable.own_weights(layer)
        if len(weight.shape) > 1
    )
    return weights * _positions(layer) if weights else 0


def _positions(layer):
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):  # called twice, or never in a graph
        return 1
    return math.prod(side or 1 for side in shape[1:-1])
