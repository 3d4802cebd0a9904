"""Reshapes feature maps into rows of positions, and back."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras import _check


def check_rank(owner: Any, shape: tuple) -> None:
    """Raises unless `shape` is that of a sequence or of a feature map."""
    if len(shape) in (3, 4) and shape[-1] is not None:
        return
    raise ValueError(
        f"{_check.owner_name(owner)}: inputs must be `(batch, positions, "
        "channels)` or `(batch, height, width, channels)`, with the channels "
        "known, because weights are made for them. Received: "
        f"shape={tuple(shape)!r}. Place the layer before pooling or "
        "flattening, or add an axis with `keras.layers.Reshape`."
    )


def take_attention_options(
    layer: keras.layers.Layer,
    units: int | None,
    temperature: float,
    return_map: bool,
) -> None:
    """Checks and sets the options of layers with an attention map."""
    if units is not None:
        units = _check.positive_int(layer, units=units)
    layer.units = units
    layer.temperature = _check.positive(layer, temperature=temperature)
    layer.return_map = _check.boolean(layer, return_map=return_map)
    layer.supports_masking = True


def input_spec(shape: tuple) -> keras.layers.InputSpec:
    """Returns the input spec of a layer that is built for `shape`."""
    return keras.layers.InputSpec(min_ndim=3, max_ndim=4, axes={-1: shape[-1]})


def prepare(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Returns inputs as `call` gets them; builds a layer that is new.

    Keras does this for `layer(inputs)`, but for no other public method.
    """
    inputs = ops.cast(inputs, layer.compute_dtype)
    check_rank(layer, inputs.shape)
    if not layer.built:
        layer.build(tuple(inputs.shape))
    return inputs


def count(shape: tuple) -> Any:
    """Returns the number of positions, None where a side is not known."""
    sides = shape[1:-1]
    return None if any(side is None for side in sides) else math.prod(sides)


def flatten(inputs: Any) -> Any:
    """Returns inputs as `(batch, positions, channels)`."""
    shape = ops.shape(inputs)
    return ops.reshape(inputs, (-1, count(shape), shape[-1]))


def unflatten(row: Any, inputs: Any) -> Any:
    """Returns `(batch, positions, ...)` with the sides of inputs again."""
    sides = ops.shape(inputs)[1:-1]
    return ops.reshape(row, (-1, *sides, *row.shape[2:]))


def flatten_mask(mask: Any, inputs: Any) -> Any:
    """Returns a mask as bool `(batch, positions)`, None without a mask."""
    if mask is None:
        return None
    positions = count(ops.shape(inputs))
    return ops.cast(ops.reshape(mask, (-1, positions)), "bool")


def unflatten_mask(mask: Any, inputs: Any) -> Any:
    """Returns a mask as bool with the sides of inputs, None without a mask."""
    if mask is None:
        return None
    sides = ops.shape(inputs)[1:-1]
    return ops.cast(ops.reshape(mask, (-1, *sides)), "bool")


def blank(row: Any, mask: Any) -> Any:
    """Returns `row` with zeros at masked positions.

    Padding may hold anything, and a NaN outlives a weight of zero.
    """
    return restore(row, 0, mask)


def restore(outputs: Any, inputs: Any, mask: Any) -> Any:
    """Returns outputs with what inputs hold at masked positions."""
    if mask is None:
        return outputs
    return ops.where(mask[..., None], outputs, inputs)


def widen(tensor: Any) -> Any:
    """Returns half precision as float32, anything else as it is.

    A sum over positions soon leaves float16's range (65,504) and bfloat16's
    three digits.
    """
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    is_half = dtype in ("float16", "bfloat16")
    return ops.cast(tensor, "float32") if is_half else tensor


def mean(row: Any, mask: Any) -> Any:
    """Returns the mean over positions that are not masked, 0 without any."""
    if mask is None:
        return ops.mean(row, axis=1)
    kept = ops.cast(mask, row.dtype)[..., None]
    total = ops.sum(blank(row, mask), axis=1)
    return total / ops.maximum(ops.sum(kept, axis=1), 1)


def peak(row: Any, mask: Any) -> Any:
    """Returns the maximum over positions that are not masked, 0 without any."""
    if mask is None:
        return ops.max(row, axis=1)
    highest = ops.max(restore(row, _least(row), mask), axis=1)
    some = ops.any(mask, axis=1)[:, None]
    return ops.where(some, highest, 0)


def softmax(scores: Any, mask: Any) -> Any:
    """Returns weights over the last axis, zero where masked.

    The least finite number stands for -inf, so that a row that is masked
    from end to end is even instead of NaN.
    """
    if scores.shape[-1] == 1:
        return ops.ones_like(scores)  # Keras warns of a softmax over one
    if mask is None:
        return ops.softmax(scores, axis=-1)
    return ops.softmax(ops.where(mask, scores, _least(scores)), axis=-1)


def _least(tensor):
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return ops.cast(np.finfo(dtype).min, dtype)
