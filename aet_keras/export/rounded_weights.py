"""Rounds the weights of a LiteRT file, and judges what that costs."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check
from aet_keras._keras import graph
from aet_keras.errors import ExportError
from aet_keras.export.compared_outputs import Comparison, largest_gap

AGREEMENT = 0.985
_FEWEST = 200  # of fewer images, 98.5 % is decided by two answers
_TIMED = 32
_LOWEST = -3e38  # no float32 is much lower
# What Keras hands on to TensorFlow's converter. `int8` rounds kernels alone:
# activations stay floats, so that no images are needed to choose their ranges.
SETTINGS: dict[str, Mapping[str, Any]] = {
    "float32": {},
    "float16": {
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "target_spec": {"supported_types": [tf.float16]},
    },
    "int8": {"optimizations": [tf.lite.Optimize.DEFAULT]},
}


@dataclass(frozen=True)
class RoundedComparison(Comparison):
    """Holds how closely a file with rounded weights follows its model.

    Args:
        agreement: float in [0, 1]. The share of rows whose most probable
            class is the model's.
        weights: str. What the weights were rounded to.
        size_bytes: int. The size of the file.
        float32_bytes: int. The size of the same file with float32 weights.
        milliseconds: float. What one image takes, the median.
        float32_milliseconds: float. The same with float32 weights.

    Example:

    >>> from aet_keras.export.rounded_weights import RoundedComparison
    >>> compared = RoundedComparison(
    ...     0.08, 400, 0.9, agreement=0.99, weights="int8",
    ...     size_bytes=2_540_000, float32_bytes=8_940_000,
    ...     milliseconds=3.2, float32_milliseconds=4.1,
    ... )
    >>> compared.to_text()[:62]
    'The same class for 99.0% of 400 images; 2.54 MB (float32 8.94 '
    """

    agreement: float = 1.0
    weights: str = "float32"
    size_bytes: int = 0
    float32_bytes: int = 0
    milliseconds: float = 0.0
    float32_milliseconds: float = 0.0

    def to_text(self) -> str:
        """Returns two sentences for a person."""
        return (
            f"The same class for {self.agreement:.1%} of {self.count} "
            f"{self.rows}; {self.size_bytes / 1e6:.2f} MB (float32 "
            f"{self.float32_bytes / 1e6:.2f} MB), {self.milliseconds:.2f} ms "
            f"an image (float32 {self.float32_milliseconds:.2f} ms). "
            f"Probabilities differ by {self.difference:.3f} at most."
        )


def check_asked(weights: str, format: str, images: Any) -> None:
    """Raises a `ValueError` unless the weights can be rounded and judged.

    Args:
        weights: str. What to round to.
        format: str. What is written.
        images: array of images to judge by, or None.
    """
    _check.one_of("convert", weights=weights, among=sorted(SETTINGS))
    if weights == "float32":
        return
    if format != "litert":
        raise ValueError(
            f'convert: `weights="{weights}"` must go with `format="litert"`, '
            f'whose converter rounds them. Received: format="{format}".'
        )
    count = 0 if images is None else len(images)
    if count < _FEWEST:
        raise ValueError(
            f"convert: there must be at least {_FEWEST} images that the model "
            f'was not trained on, because `weights="{weights}"` is accepted '
            f"by the share of equal answers. Received: {count}. Give more "
            "`images`."
        )


def with_even_head(model: keras.Model) -> keras.Model:
    """Returns the same function, its last kernel fit to be rounded.

    A solved head has large weights for features that hardly vary: beside
    them, int8 leaves nothing of the others (a classifier of sign digits kept
    75 % of its answers). So each feature is multiplied by its largest weight,
    and the kernel divided by it. The given model is not changed.

    Args:
        model: `keras.Model` with one output.

    Returns:
        A `keras.Model`, or the given one where it does not end in a `Dense`
        layer of float32.
    """
    head = _last_dense(model)
    if head is None or head.compute_dtype != "float32":
        return model
    kernel = np.asarray(head.kernel)
    scale = np.abs(kernel).max(axis=1)
    scale[scale == 0] = 1.0
    even = keras.layers.Dense.from_config(
        {**head.get_config(), "name": f"even_{head.name}"}
    )
    features = head.input * scale.astype(head.compute_dtype)
    # Changes nothing, and keeps the converter from folding the product into
    # the kernel, which would be uneven again.
    outputs = even(keras.ops.maximum(features, _LOWEST))
    even.kernel.assign(kernel / scale[:, None])
    if head.use_bias:
        even.bias.assign(head.bias)
    return keras.Model(model.inputs, outputs)


def _last_dense(model):
    """Returns the layer that puts out the model's output, if it is `Dense`."""
    if not graph.is_graph(model):
        return None
    (output,) = model.outputs  # a Sequential has no `output` until called
    for layer in model.layers:
        if type(layer) is keras.layers.Dense and _puts_out(layer, output):
            return layer
    return None


def _puts_out(layer, tensor):
    try:
        return layer.output is tensor
    except (AttributeError, ValueError):  # it is called nowhere, or twice
        return False


def compare(
    weights: str,
    made: np.ndarray,
    expected: np.ndarray,
    written: tuple[int, float],
    whole: tuple[int, float],
) -> RoundedComparison:
    """Compares the outputs of a file with rounded weights with the model's.

    Args:
        weights: str. What they are rounded to.
        made: array. The outputs of the file.
        expected: array of the same shape. Those of the model.
        written: the bytes of the file, and the milliseconds of an image.
        whole: the same of the file with float32 weights.
    """
    gap = largest_gap("convert", weights, made, expected)
    return RoundedComparison(
        gap,
        len(made),
        float(np.ptp(expected, axis=0).max()),
        agreement=float(np.mean(_classes(made) == _classes(expected))),
        weights=weights,
        size_bytes=written[0],
        float32_bytes=whole[0],
        milliseconds=written[1],
        float32_milliseconds=whole[1],
    )


def _classes(outputs):
    is_single = outputs.shape[-1] == 1  # a sigmoid
    return outputs[:, 0] > 0.5 if is_single else outputs.argmax(-1)


def milliseconds(
    run: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray
) -> float:
    """Returns how long one image takes, the median of some."""
    taken = []
    for each in pixels[:_TIMED]:
        begun = time.perf_counter()
        run(each[None])
        taken.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(taken)


def check_agreement(compared: RoundedComparison, least: float) -> None:
    """Raises an `ExportError` if too many answers are other ones.

    Args:
        compared: what was written.
        least: float. The least share of equal answers.
    """
    if compared.agreement >= least:
        return
    other = "float16" if compared.weights == "int8" else "float32"
    raise ExportError(
        f"convert: weights rounded to {compared.weights} must leave the most "
        f"probable class of at least {least:.1%} of the images as it is. "
        f"Received: {compared.agreement:.1%} of {compared.count}. Nothing was "
        f'kept. Take `weights="{other}"`.'
    )
