"""Estimates what a step through each group costs."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from aet_keras._keras import trainable

_DENSE = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)


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


def fan_in(groups: Sequence) -> np.ndarray:
    """Measures how many inputs a neuron of some groups has.

    Args:
        groups: sequence of `Group`, or of objects with `.layers`.

    Returns:
        Float array `()`: the geometric mean over the kernels of convolutions
        and dense layers, depthwise ones left out; NaN where there are none.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> group = aet_keras.backbones.groups.Group("stem", tuple(model.layers))
    >>> round(float(aet_keras.backbones.costs.fan_in([group])), 3)
    8.0
    """
    found = [
        inputs
        for group in groups
        for layer in group.layers
        if isinstance(layer, keras.layers.Layer)
        for each in trainable.sublayers(layer)
        for inputs in _kernel_inputs(each)
    ]
    return np.exp(np.mean(np.log(found))) if found else np.asarray(np.nan)


def _kernel_inputs(layer):
    """Lists, for each kernel of a layer, what a sum of it goes over."""
    if isinstance(layer, keras.layers.EinsumDense):
        _, kernel, outputs = layer.equation.replace("->", ",").split(",")
        sides = dict(zip(kernel, layer.kernel.shape, strict=True))
        return [
            math.prod(n for axis, n in sides.items() if axis not in outputs)
        ]
    if isinstance(layer, _SEPARABLE):
        return [math.prod(layer.pointwise_kernel.shape[:-1])]
    if isinstance(layer, _DENSE):
        return [math.prod(layer.kernel.shape[:-1])]
    return []


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
