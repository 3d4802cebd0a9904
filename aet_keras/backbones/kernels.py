"""Counts what the kernels of groups multiply, and what they add up."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from aet_keras._keras import trainable

_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
_WITHOUT_CHANNELS = (
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.Embedding,
)


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
    >>> # 3 * 3 * 3 * 4 weights, each used in 64 places:
    >>> aet_keras.backbones.kernels.multiply_counts([group])
    array([6912.])
    """
    return np.array(
        [
            float(sum(_count(layer) for layer in _layers_of(group)))
            for group in groups
        ]
    )


def mean_fan_in(groups: Sequence) -> float:
    """Returns how many inputs a unit adds up: a mean over all kernels.

    The geometric mean over kernels of dense layers, convolutions and
    `EinsumDense` (so of attention too). A depthwise convolution counts not: it
    adds up no channels.

    Args:
        groups: sequence of `Group`, or of objects with `.layers`.

    Returns:
        float >= 1, or NaN where there is no such kernel.

    Example:

    >>> layers = (keras.layers.Dense(2), keras.layers.Dense(1))
    >>> model = keras.Sequential([keras.Input((8,)), *layers])
    >>> group = aet_keras.backbones.groups.Group("top", layers)
    >>> float(aet_keras.backbones.kernels.mean_fan_in([group]))  # of 8 and 2
    4.0
    """
    counts = [
        count
        for group in groups
        for layer in _layers_of(group)
        for count in _fan_ins(layer)
    ]
    return float(np.exp(np.log(counts).mean())) if counts else math.nan


def fan_in_of_parts(groups: Sequence) -> np.ndarray:
    """Returns `mean_fan_in`: of several parts that of each group's own part.

    Args:
        groups: sequence of `Group`, or of objects with `.layers`.

    Returns:
        Float array `()`, or of several parts `(groups,)`.

    Example: see `mean_fan_in`.

    >>> aet_keras.backbones.kernels.fan_in_of_parts([])
    array(nan)
    """
    parts: dict[str, list] = {}
    for group in groups:
        parts.setdefault(getattr(group, "part", ""), []).append(group)
    if len(parts) < 2:
        return np.asarray(mean_fan_in(groups))
    found = {name: mean_fan_in(members) for name, members in parts.items()}
    return np.array([found[group.part] for group in groups])


def _layers_of(group):
    return [
        each
        for layer in group.layers
        if isinstance(layer, keras.layers.Layer)
        for each in trainable.sublayers(layer)
    ]


def _fan_ins(layer):
    if isinstance(layer, _WITHOUT_CHANNELS) or not layer.built:
        return []
    if isinstance(layer, keras.layers.EinsumDense):
        return [_contracted(layer)]
    if isinstance(layer, _SEPARABLE):
        return [math.prod(layer.pointwise_kernel.shape[:-1])]
    kernel = getattr(layer, "kernel", None)
    return [] if kernel is None else [math.prod(kernel.shape[:-1])]


def _contracted(layer):
    """Returns how many products an einsum adds up for one output."""
    inputs, output = layer.equation.split("->")
    names = inputs.split(",")[1]
    return math.prod(
        size
        for name, size in zip(names, layer.kernel.shape, strict=True)
        if name not in output
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
