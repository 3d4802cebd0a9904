"""What layers share that scale features up and down."""

from typing import Any

import keras

from aet_keras import _check


def odd_size(owner: Any, *, kernel_size: int) -> int:
    """Returns `kernel_size` if it is an odd int of at least 1."""
    size = _check.positive_int(owner, kernel_size=kernel_size)
    if size % 2:
        return size
    raise ValueError(
        f"{_check.owner_name(owner)}: `kernel_size` must be odd, because an "
        f"even window has no middle. Received: kernel_size={size}. Take "
        f"{size - 1} or {size + 1}."
    )


def convolution(
    layer: keras.layers.Layer, kind: type, kernel_size: int, shape: tuple
) -> keras.layers.Layer:
    """Returns a built convolution to one gate; it starts at 1/2.

    It has no bias: where there is nothing to see, the gate stays as it is.
    """
    made = kind(
        1,
        kernel_size,
        padding="same",
        data_format="channels_last",
        activation="sigmoid",
        use_bias=False,
        kernel_initializer="zeros",
        name="conv",
        dtype=layer.dtype_policy,
    )
    made.build(shape)
    return made


def bottleneck(
    layer: keras.layers.Layer, channels: int, ratio: int
) -> tuple[keras.layers.Dense, keras.layers.Dense]:
    """Returns built `squeeze` and `excite`; together they start at 1/2."""
    units = max(1, channels // ratio)
    squeeze = keras.layers.Dense(
        units,
        activation="relu",
        use_bias=False,
        kernel_initializer="he_normal",
        name="squeeze",
        dtype=layer.dtype_policy,
    )
    squeeze.build((None, channels))
    excite = keras.layers.Dense(
        channels,
        activation="sigmoid",
        kernel_initializer="zeros",
        name="excite",
        dtype=layer.dtype_policy,
    )
    excite.build((None, units))
    return squeeze, excite
