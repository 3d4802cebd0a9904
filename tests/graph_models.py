"""Small graphs, which the tests of groups cut."""

import keras
from keras import layers


def convolution(filters, name, **settings):
    return layers.Conv2D(filters, 3, padding="same", name=name, **settings)


def convolve(x, filters, name, **settings):
    return convolution(filters, name, **settings)(x)


def body(x, filters=8):
    """Adds five convolutions; the third and the fifth halve the map."""
    for name, strides in (("a", 1), ("b", 1), ("c", 2), ("d", 1), ("e", 2)):
        x = convolve(x, filters, name, strides=strides)
    return x


def nested_body(name="body", filters=8):
    """Returns `body` as a model of its own."""
    pixels = keras.Input((16, 16, 3))
    return keras.Model(pixels, body(pixels, filters), name=name)


def classifier(backbone, *, flat=False, channels=3):
    """Returns pixels, a backbone, pooling and scores.

    With `flat`, the backbone is a function that adds its layers to the graph,
    as those of a nested model do not show there.
    """
    assert flat != isinstance(backbone, keras.Model)
    pixels = keras.Input((16, 16, channels))
    x = layers.GlobalAveragePooling2D(name="pool")(backbone(pixels))
    return keras.Model(pixels, layers.Dense(3, name="scores")(x))


def residual(blocks):
    """Returns a function that adds blocks of two branches and their sum."""

    def add(x):
        x = convolve(x, 4, "entry")
        for number, (filters, strides) in enumerate(blocks):
            left, right = (
                convolve(x, filters, f"r{number}_{side}", strides=strides)
                for side in ("left", "right")
            )
            x = layers.Add(name=f"r{number}_add")([left, right])
        return x

    return add


def transformer(block_count, width=8):
    """Returns equal blocks of attention and a dense layer, and a head."""
    x = tokens = keras.Input((6, width))
    for block in (f"block_{number}" for number in range(block_count)):
        attention = layers.MultiHeadAttention(2, 4, name=f"{block}_attention")
        x = layers.Add(name=f"{block}_joined")([x, attention(x, x)])
        y = layers.LayerNormalization(name=f"{block}_norm")(x)
        y = layers.Dense(width, name=f"{block}_dense")(y)
        x = layers.Add(name=f"{block}_sum")([x, y])
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(tokens, layers.Dense(2, name="scores")(x))
