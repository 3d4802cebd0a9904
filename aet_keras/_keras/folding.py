"""Folds frozen BatchNormalization into the convolution before it.

A normalization that only uses its averages multiplies and adds, channel by
channel. The product of its factor and the kernel does the first of these for
nothing, and TensorFlow joins the second with the convolution
(`tests/benchmarks/folding.py` measures what that gains):

    factor = gamma / sqrt(moving_variance + epsilon)
    shift = beta + (bias - moving_mean) * factor
    outputs = conv(inputs, kernel * factor) + shift

(Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018, section 3.2.) Only the order of the
multiplications changes: outputs are rounded otherwise, about as far from exact
ones as before. Kernels are multiplied anew in each call, so that weights may be
written at any time.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
_SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
_LINEAR = (*_CONVOLUTIONS, *_DEPTHWISE, *_SEPARABLE, layers.Dense)


@dataclasses.dataclass(frozen=True)
class Fold:
    """Two steps of a graph that can be one.

    Args:
        first: int. Position of the step of the convolution.
        run: function of `(values, training)` that does what both do, and puts
            into the dict `values` what the second writes.
    """

    first: int
    run: Callable


def find_folds(steps: Sequence, kept) -> Mapping[int, Fold]:
    """Finds the normalizations that can be folded into what they read.

    Args:
        steps: the steps of a graph, in order.
        kept: collection of keys of tensors that are read besides by steps.

    Returns:
        Dict from the position of a normalization's step to its `Fold`.
    """
    readers: dict[Any, list] = {}
    writers: dict[Any, int] = {}
    for position, step in enumerate(steps):
        for key in step.reads:
            readers.setdefault(key, []).append(position)
        for key in step.writes:
            writers[key] = position
    folds = {}
    for position, step in enumerate(steps):
        if type(step.layer) is not layers.BatchNormalization:
            continue
        first = writers.get(step.reads[0])
        if (
            first is not None
            and step.reads[0] not in kept
            and readers[step.reads[0]] == [position]
            and _can_fold(steps[first].layer, step.layer)
        ):
            folds[position] = Fold(first, _folded(steps[first], step))
    return folds


def _can_fold(linear, normalization):
    return (
        type(linear) in _LINEAR
        and linear.activation is keras.activations.linear
        and linear.quantization_mode is None
        and getattr(linear, "data_format", None) != "channels_first"
        # Keras pads in `call`, and `_apply` goes past that.
        and getattr(linear, "padding", None) != "causal"
        and normalization.axis in (-1, normalization.input_spec.ndim - 1)
        and not any(map(_is_special, (linear, normalization)))
    )


def _is_special(layer):
    """Whether a layer does, or may do, another thing than its class says."""
    policy = layer.dtype_policy
    dtypes = {policy.compute_dtype, policy.variable_dtype}
    return dtypes != {"float32"} or bool(
        {"call", "__call__"} & vars(layer).keys()
    )


def _folded(first, second):
    """Returns what runs a convolution and its normalization at once."""
    linear, normalization = first.layer, second.layer
    (read,), (written,) = first.reads, second.writes

    def run(values, training):
        inputs = values[read]
        has_mask = getattr(inputs, "_keras_mask", None) is not None
        if normalization.trainable or has_mask or inputs.dtype != tf.float32:
            first.run(values, training)
            second.run(values, training)
            return
        factor, shift = _factor_and_shift(normalization, linear.bias)
        outputs = _apply(linear, inputs, factor)
        values[written] = tf.nn.bias_add(outputs, shift)

    return run


def _factor_and_shift(normalization, bias):
    """Returns what a normalization multiplies with, and then adds."""
    variance = ops.convert_to_tensor(normalization.moving_variance)
    factor = ops.rsqrt(variance + normalization.epsilon)
    if normalization.scale:
        factor = factor * normalization.gamma
    shift = -normalization.moving_mean * factor
    if bias is not None:
        shift = shift + bias * factor
    if normalization.center:
        shift = shift + normalization.beta
    return factor, shift


def _apply(linear, inputs, factor):
    """Computes a layer without its bias, each channel times a factor."""
    if isinstance(linear, layers.Dense):
        return ops.matmul(inputs, linear.kernel * factor)
    if isinstance(linear, _CONVOLUTIONS):
        return linear.convolution_op(inputs, linear.kernel * factor)
    settings = {
        "strides": linear.strides,
        "padding": linear.padding,
        "dilation_rate": linear.dilation_rate,
        "data_format": linear.data_format,
    }
    if isinstance(linear, _DEPTHWISE):
        kernel = linear.kernel
        factor = ops.reshape(factor, kernel.shape[-2:])
        return ops.depthwise_conv(inputs, kernel * factor, **settings)
    pointwise = linear.pointwise_kernel * factor
    return ops.separable_conv(
        inputs, linear.depthwise_kernel, pointwise, **settings
    )
