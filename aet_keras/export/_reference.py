"""Chooses the images that an export is tried on."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras.errors import ExportError
from aet_keras.export import _packing


def whole_pixels(owner: str, images: Any, **named: Any) -> np.ndarray:
    """Returns pictures as uint8 `(count, height, width, channels)`.

    Args:
        owner: str. Who asks.
        images: array of pictures; floats are rounded.
        **named: optional `shape`, that of one picture, to hold them to.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"{owner}: pictures must come as an array (count, height, width, "
            f"channels), because a server takes batches. Received: shape "
            f"{images.shape}. Add the axis: `pictures[np.newaxis]`."
        )
    shape = named.get("shape", images.shape[1:])
    if images.shape[1:] != tuple(shape):
        raise ValueError(
            f"{owner}: pictures must be of the model's own size. Received: "
            f"{images.shape[1:]} for a model of {tuple(shape)}. Resize them."
        )
    return np.clip(np.rint(images), 0, 255).astype("uint8")


def encode_png(pictures: np.ndarray) -> list[bytes]:
    """Returns each picture as the bytes of a PNG file, of the same pixels."""
    return [tf.io.encode_png(picture).numpy() for picture in pictures]


def predict(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """Returns what a model says of uint8 pictures, without XLA, as float32."""

    @tf.function(jit_compile=False, autograph=False)
    def call(pixels):
        return model(_packing.pack(model, pixels), training=False)

    pixels = tf.constant(pictures.astype(model.inputs[0].dtype))
    (outputs,) = keras.tree.flatten(call(pixels))
    return outputs.numpy().astype("float32")


def largest_gap(
    owner: str, what: str, served: np.ndarray, expected: np.ndarray
) -> float:
    """Returns how far two arrays differ, or says why they cannot be held."""
    if served.shape != expected.shape:
        raise ExportError(
            f"{owner}: for {what} the export puts out shape "
            f"{served.shape}, the model {expected.shape}. Do not serve it."
        )
    for name, values in (("model", expected), ("export", served)):
        odd = int((~np.isfinite(values)).sum())
        if odd:
            raise ExportError(
                f"{owner}: for {what} the {name} puts out {odd} of "
                f"{values.size} numbers that are not finite. Do not serve it."
            )
    return float(np.abs(served - expected).max())
