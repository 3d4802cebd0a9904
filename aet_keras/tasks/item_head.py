"""Shows the network of a model of items as one that ends in one dense layer."""

from typing import Any

import keras
import numpy as np

from aet_keras.tasks.item_model import NETWORK, end, parts_of, scores_of
from aet_keras.tasks.number_unit import value_end

_THERE = "there"  # which of image and text there are


def with_one_head(model: keras.Model) -> keras.Model:
    """Returns a network's function, ended by one dense layer.

    It shares all layers below, and its head has the kernels of all parts
    beside each other: the sum of what they say is one product. A number is
    brought into its unit behind it.

    Args:
        model: of items, whole.

    Example: see `take_head`.
    """
    network = model.get_layer(NETWORK)
    layers = _scores(network)
    given = [layer.input for layer in layers]
    last = network.layers[-1]
    unit = value_end(model)[1]
    head = keras.layers.Dense(
        layers[0].units,
        activation=last.activation if unit is None else None,
        dtype="float32",
        name="head",
    )
    outputs = head(keras.layers.Concatenate(name="features")(given))
    outputs = outputs if unit is None else unit.apply(outputs)
    headed = keras.Model(network.input, outputs, name="headed")
    kernels = [layer.get_weights()[0] for layer in layers]
    head.set_weights([np.concatenate(kernels), layers[-1].get_weights()[1]])
    return headed


def take_head(model: keras.Model, headed: keras.Model) -> keras.Model:
    """Returns a model of items with the head of what `with_one_head` gave.

    Args:
        model: of items, whole. Its head changes in place, unless the other
            one has more classes.
        headed: of `with_one_head`, or a model that ends in a wider head.

    Returns:
        The `keras.Model`; with more classes another one of the same layers.

    Example:

    >>> from aet_keras.tasks import item_head, item_model
    >>> pixels = keras.Input((8, 8, 3))
    >>> network = item_model.build_item_network(
    ...     class_count=2,
    ...     activation="softmax",
    ...     image_backbone=keras.Model(pixels, pixels),
    ...     preprocessing="MobileNetV2",
    ...     image_size=(8, 8),
    ...     text=2,
    ... )
    >>> words = item_model.Words(("red",), (1.0,))
    >>> model = item_model.build_item_model(network, words=words, features=None)
    >>> headed = item_head.with_one_head(model)
    >>> item_head.take_head(model, headed) is model
    True
    """
    dense = [x for x in headed.layers if type(x) is keras.layers.Dense]
    kernel, bias = dense[-1].get_weights()
    layers = _scores(model.get_layer(NETWORK))
    if len(bias) != layers[0].units:
        model = _widened(model, len(bias))
        layers = _scores(model.get_layer(NETWORK))
    ends = np.cumsum([layer.kernel.shape[0] for layer in layers])
    *kernels, last = np.split(kernel, ends[:-1])
    for layer, part in zip(layers, kernels, strict=False):
        layer.set_weights([part])
    layers[-1].set_weights([last, bias])
    return model


def _scores(network):
    """Returns what makes scores of each part; the last one has the bias."""
    return [scores_of(network, x) for x in (*parts_of(network), _THERE)]


def _widened(model, class_count):
    """Returns the model with scores of more classes."""
    old = model.get_layer(NETWORK)
    given = {part: scores_of(old, part).input for part in parts_of(old)}
    there = scores_of(old, _THERE).input
    last = old.layers[-1]
    outputs = end(
        given, there, class_count=class_count, activation=last.activation
    )
    network = keras.Model(old.input, outputs, name=NETWORK)
    return keras.Model(
        dict(model.input), network(_read(model, network)), name=model.name
    )


def _read(model, network):
    """Returns what a network is given of the cells of a model."""
    read = {"words": "text_unit", "row": "encoded"}
    found: dict[str, Any] = {}
    for name in network.input:
        layer = read.get(name)
        found[name] = (
            model.input[name]
            if layer is None
            else model.get_layer(layer).output
        )
    return found
