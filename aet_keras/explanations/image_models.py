"""Checks models and images, and handles their scores and maps."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras._check import owner_name
from aet_keras._keras import graph
from aet_keras._keras.inside import Inside


def open_up(owner: Any, model: keras.Model) -> Inside:
    """Returns the inside of an image classifier, or refuses the model."""
    if not graph.runs_only_its_graph(model):
        raise ValueError(
            f"{owner_name(owner)}: the model must be functional, or Sequential "
            "and built, because what it computes inside is read off its graph. "
            f"Received: model={type(model).__name__} named `{model.name}`. "
            "Build it as `keras.Model(inputs, outputs)` or begin it with "
            "`keras.Input`; `Occlusion` takes any model."
        )
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    given = [tuple(tensor.shape) for tensor in model.outputs]
    if [len(s) for s in shapes] != [4] or [len(s) for s in given] != [2]:
        raise ValueError(
            f"{owner_name(owner)}: the model must take one batch of images, "
            "`(batch, height, width, channels)`, and give one row of scores "
            "each, `(batch, classes)`. Received: a model from "
            f"{shapes} to {given}. Explain the part that does, "
            "`keras.Model(images, scores)`."
        )
    return Inside(model)


# As many images at once as hold so many pixels, 32 at the most: 20 of
# 224 x 224. The first maps of a backbone take hundreds of bytes a pixel.
_PIXELS, _MOST = 2**20, 32


def check_images(owner: Any, images: Any, model: Any) -> np.ndarray:
    """Returns images as float32, if they are what the model takes."""
    images = np.asarray(images)
    shape = getattr(model, "input_shape", None) or (None,) * 4
    pairs = zip(images.shape[1:], shape[1:], strict=False)
    is_fit = images.ndim == 4 and all(b in (None, a) for a, b in pairs)
    if not is_fit or not images.size or images.dtype.kind not in "uif":
        one = " Give one image as `image[None]`." * (images.ndim == 3)
        raise ValueError(
            f"{owner_name(owner)}: `images` must be numbers of the model's "
            f"own shape, {('batch', *shape[1:])}, at least one. Received: "
            f"shape={images.shape!r}, dtype={images.dtype}.{one}"
        )
    return images.astype("float32")


def portions(count: int, image_size: tuple[int, int]) -> Iterator[slice]:
    """Yields rows that are computed at once."""
    height, width = image_size
    step = max(1, min(_MOST, _PIXELS // (height * width)))
    for start in range(0, count, step):
        yield slice(start, start + step)


def enlarge(maps: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Returns maps `(batch, h, w)` at the size of the images, bilinear."""
    maps = ops.cast(maps, "float32")[..., None]
    large = ops.image.resize(
        maps, image_size, interpolation="bilinear", data_format="channels_last"
    )
    return ops.convert_to_numpy(large)[..., 0]


def check_finite(owner: Any, maps: np.ndarray) -> np.ndarray:
    """Returns the maps if they are finite; zeros would look like an answer."""
    if np.isfinite(maps).all():
        return maps
    raise ValueError(
        f"{owner_name(owner)}: maps must be finite, but the model computes "
        "NaN or infinity from these images. Look for them in the images, "
        "`np.isfinite(images).all()`, then in the model's weights."
    )


_SQUASHES = (keras.activations.softmax, keras.activations.sigmoid)


def by_class(outputs: Any) -> Any:
    """Returns one column a class.

    A single column belongs to class 1, and class 0 has the rest.
    """
    if outputs.shape[-1] > 1:
        return outputs
    return ops.concatenate([1 - outputs, outputs], axis=-1)


def unsquashed(layer: Any, inputs: Any, outputs: Any) -> Any:
    """Returns the scores that the last layer turned into probabilities.

    Where a model is sure, softmax and sigmoid are flat: the gradient of a
    probability, and that of its logarithm, vanish in rounding. Those of the
    scores before do not. What cannot be undone is left as it is.
    """
    if isinstance(layer, keras.layers.Softmax):
        return inputs
    if getattr(layer, "activation", None) not in _SQUASHES:
        return outputs
    if isinstance(layer, keras.layers.Activation):
        return inputs
    is_dense = isinstance(layer, keras.layers.Dense)
    is_own = not is_dense or type(layer).call is not keras.layers.Dense.call
    if is_own or layer.quantization_mode is not None:
        return outputs
    kernel = ops.cast(layer.kernel, "float32")
    scores = ops.matmul(ops.cast(inputs, "float32"), kernel)
    if layer.bias is None:
        return scores
    return scores + ops.cast(layer.bias, "float32")


def check_classes(
    owner: Any, classes: Any, *, count: int, class_count: int
) -> np.ndarray | None:
    """Returns the column to explain for each image, None if none is given."""
    if classes is None:
        return None
    columns = np.asarray(classes)
    if columns.dtype.kind not in "ui" or columns.shape not in ((), (count,)):
        raise ValueError(
            f"{owner_name(owner)}: `classes` must be an int, or one for each "
            f"of the {count} images. Received: shape={columns.shape!r}, "
            f"dtype={columns.dtype}. Leave it out to explain the predicted "
            "ones."
        )
    if columns.min() < 0 or columns.max() >= class_count:
        raise ValueError(
            f"{owner_name(owner)}: `classes` must be columns of the output, 0 "
            f"to {class_count - 1}. Received: from {columns.min()} to "
            f"{columns.max()}."
        )
    return np.broadcast_to(columns, (count,)).astype("int32")
