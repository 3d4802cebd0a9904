"""Small models of two pretrained parts, a picture and a text."""

import keras
from keras import layers


def picture_part(pixels):
    x = pixels
    for name, strides in (("a", 1), ("b", 2), ("c", 2)):
        convolution = layers.Conv2D(
            4, 3, strides, "same", activation="tanh", name=name
        )
        x = convolution(x)
    return x


def text_part(tokens):
    x = layers.Embedding(20, 6, name="words")(tokens)
    for name in ("block_0", "block_1"):
        x = layers.Dense(6, activation="tanh", name=name)(x)
    return x


def nested(part, inputs, name):
    """Returns a part as a model of its own."""
    inputs = keras.Input(inputs.shape[1:], dtype=inputs.dtype)
    return keras.Model(inputs, part(inputs), name=name)


def two_parts(*, flat=(), compiled=True):
    """Returns a model of a picture, a text and cells.

    Args:
        flat: names of the parts whose layers stand in the graph itself.
        compiled: whether it is.
    """
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 3), name="image")
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    cells = keras.Input((3,), name="cells")
    x, y = layers.Rescaling(1 / 255, name="scaled")(pixels), tokens
    parts = {"picture": (picture_part, x), "text": (text_part, y)}
    x, y = (
        part(given) if name in flat else nested(part, given, name)(given)
        for name, (part, given) in parts.items()
    )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    y = layers.GlobalAveragePooling1D(name="mean")(y)
    x = layers.Concatenate(name="all")([x, y, cells])
    model = keras.Model(
        {"image": pixels, "tokens": tokens, "cells": cells},
        layers.Dense(3, activation="softmax", name="scores")(x),
    )
    if compiled:
        model.compile(
            keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy"
        )
    return model
