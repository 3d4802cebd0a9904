"""Shows where the attention layers of a model look."""

import collections
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras.explanations import image_models


class AttentionMaps:
    """Shows where each attention layer of a model looks.

    Each map is divided by its mean: 1 is what every place would get if all
    got the same, 3 three times that. So an even map is all ones, however
    many positions it has, and maps of one layer compare across images.

    A layer takes part if it has a method `attention_map(inputs, mask=None)`
    that returns `(batch, positions)` or `(batch, height, width)`, none
    negative: those of `aet_keras.layers`, or your own.

    Args:
        model: functional or built Sequential `keras.Model` from
            `(batch, height, width, channels)` to `(batch, classes)`; layers
            inside a nested backbone count too.

    Attributes:
        names: tuple of str, of the maps, in the order of computation. Where
            a layer is called twice, or two have one name, the second is
            `name_2`.

    Call arguments:
        images: numbers `(batch, height, width, channels)`, as the model takes
            them.

    Returns:
        Dict from each name to a float32 array `(batch, height, width)` at the
        size of the images, enlarged bilinearly.

    Raises:
        ValueError: if the model is subclassed or has no attention layer, the
            images do not fit, or a map has no place in the image.

    Example:

    >>> pixels = keras.Input((16, 16, 3))
    >>> x = keras.layers.Conv2D(4, 3, strides=2)(pixels)
    >>> x = aet_keras.layers.SoftAttentionPooling(name="look")(x)
    >>> model = keras.Model(pixels, keras.layers.Dense(2)(x))
    >>> explain = aet_keras.explanations.AttentionMaps(model)
    >>> maps = explain(np.ones((2, 16, 16, 3)))
    >>> maps["look"].shape, float(maps["look"].mean())
    ((2, 16, 16), 1.0)
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._inside = image_models.open_up(self, model)
        self.names = tuple(_numbered(self._inside.names(_has_map)))
        if not self.names:
            raise ValueError(
                "AttentionMaps: the model must hold a layer with a method "
                f"`attention_map`. Received: `{model.name}`, which has none. "
                "Pool with `aet_keras.layers.SoftAttentionPooling`, or place "
                "one with `aet_keras.backbones.graft`, and train; or use "
                "`GradCAM`, which takes the model as it is."
            )

    def __call__(self, images: Any) -> dict[str, np.ndarray]:
        """Returns one map for each image for each attention layer."""
        images = image_models.check_images(self, images, self.model)
        count, *size = images.shape[:3]
        parts = [
            [
                _even(layer, shape, weights, size)
                for layer, shape, weights in self._inside.beside(
                    images[rows], _has_map, _look
                )
            ]
            for rows in image_models.portions(count, size)
        ]
        maps = [np.concatenate(part) for part in zip(*parts, strict=True)]
        return {
            name: image_models.check_finite(
                self, image_models.enlarge(each, size)
            )
            for name, each in zip(self.names, maps, strict=True)
        }


def _has_map(layer):
    return callable(getattr(layer, "attention_map", None))


def _numbered(names):
    seen = collections.Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}_{seen[name]}"


def _look(layer, inputs, mask):
    return layer, inputs.shape, layer.attention_map(inputs, mask=mask)


def _even(layer, shape, weights, image_size):
    """Returns a layer's map `(batch, h, w)`, 1 at its mean."""
    weights = ops.cast(weights, "float32")
    if len(weights.shape) == 2:
        grid = _grid(layer, tuple(shape), image_size)
        weights = ops.reshape(weights, (-1, *grid))
    mean = ops.mean(weights, axis=(1, 2), keepdims=True)
    weights = weights / ops.where(mean > 0, mean, 1.0)
    return ops.convert_to_numpy(weights)


def _grid(layer, shape, image_size):
    """Returns the sides of the feature map that positions come from."""
    if len(shape) == 4:
        return shape[1:3]
    height, width = image_size
    rows = round(math.sqrt(shape[1] * height / width))
    if rows and rows * round(rows * width / height) == shape[1]:
        return rows, shape[1] // rows
    raise ValueError(
        "AttentionMaps: positions must fill a grid of the image's shape, "
        f"{height} x {width}. Received: {shape[1]} positions in "
        f"`{layer.name}`. Give the layer `(batch, height, width, channels)`."
    )
