"""Estimates the statistics of BatchNormalization again."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras import reading, trainable


def normalizations(model: keras.Model) -> list:
    """Lists the BatchNormalization layers inside a model."""
    return [
        layer
        for layer in trainable.sublayers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def reestimate(model: keras.Model, layers, data, batch_size: int) -> None:
    """Gives BatchNormalization layers the statistics that data have now.

    One pass in training mode, as far as `layers` and random layers go; the
    mean and the variance are those of all rows, not a moving average. Every
    other weight, seed and count stays as it was.

    Args:
        model: a built `keras.Model`.
        layers: sequence of its BatchNormalization layers; all others keep
            their statistics and use them.
        data: array, tuple of arrays, or a data set of batches.
        batch_size: int >= 1. Rows of a batch of arrays.

    Raises:
        ValueError: if there are no batches.
    """
    data = data if _has_batches(data) else (data,)
    kept = [(v, v.numpy().copy()) for v in model.non_trainable_variables]
    with _following(model, layers):
        moments = _measure(model, layers, data, batch_size)
    for variable, value in kept:
        variable.assign(value)
    for layer, (mean, variance) in zip(layers, moments, strict=True):
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)


def observe(model: keras.Model, layers, batches, replace=None) -> list[tuple]:
    """Measures what BatchNormalization layers are given, in inference mode.

    No weight changes.

    Args:
        model: a built `keras.Model`.
        layers: sequence of its BatchNormalization layers.
        batches: iterable of inputs.
        replace: optional function of a layer's place in `layers` and of the
            mean and the variance of what it is given, float32 arrays
            `(channels,)`, that returns those to normalize this batch with.
            By default the layer's own. What it replaces is seen by the layers
            above.

    Returns:
        List of `(mean, variance)` over all rows, float64 arrays
        `(channels,)`, a layer each.
    """
    counts, taken = [], []
    seen: list[list] = [[] for _ in layers]
    with contextlib.ExitStack() as stack:
        for place, layer in enumerate(layers):
            stack.enter_context(_observed(layer, place, seen, replace))
        for batch in batches:
            for each in seen:
                each.clear()
            model(batch, training=False)
            counts.append(reading.row_count(batch))
            # A layer that is called more than once counts with all its calls.
            taken.append([_pooled([1] * len(each), each) for each in seen])
    return [_pooled(counts, each) for each in zip(*taken, strict=True)]


@contextlib.contextmanager
def _observed(layer, place, seen, replace):
    """Lets a layer say what it is given, and normalize otherwise."""

    def call(inputs, training=None, mask=None):
        x = keras.ops.cast(inputs, "float32")
        channels = layer.axis % len(x.shape)
        axes = [axis for axis in range(len(x.shape)) if axis != channels]
        moments = tuple(each.numpy() for each in keras.ops.moments(x, axes))
        seen[place].append(np.stack(moments).astype("float64"))
        used = layer.moving_mean, layer.moving_variance
        if replace is not None:
            used = replace(place, *moments)
        normal = keras.ops.batch_normalization(
            x,
            *(keras.ops.cast(each, "float32") for each in used),
            axis=channels,
            offset=layer.beta if layer.center else None,
            scale=layer.gamma if layer.scale else None,
            epsilon=layer.epsilon,
        )
        return keras.ops.cast(normal, layer.compute_dtype)

    layer.call = call
    try:
        yield
    finally:
        del layer.call


def _has_batches(data):
    return not (hasattr(data, "__array__") or isinstance(data, dict))


@contextlib.contextmanager
def _following(model, layers):
    """Lets the statistics of some layers be those of the last batch."""
    chosen = {id(layer) for layer in layers}
    found = [(each, each.momentum) for each in normalizations(model)]
    with trainable.kept_flags(layer for layer, _ in found):
        try:
            for layer, _ in found:
                layer.trainable = id(layer) in chosen
                layer.momentum = 0.0
            yield
        finally:
            for layer, momentum in found:
                layer.momentum = momentum


def _measure(model, layers, data, batch_size):
    """Returns the mean and the variance over all rows, for each layer."""

    @tf.function(reduce_retracing=True)
    @tf.autograph.experimental.do_not_convert
    def forward(x):
        model(x, training=True)

    counts, taken = [], []
    for x, _, _ in reading.batches(data, batch_size):
        forward(x)
        counts.append(reading.row_count(x))
        taken.append([_moments(layer) for layer in layers])
    if not counts:
        raise ValueError(
            "reestimate: `data` must hold at least one batch, because the "
            "statistics are its own. Received: none."
        )
    return [_pooled(counts, batches) for batches in zip(*taken, strict=True)]


def _moments(layer):
    moments = (layer.moving_mean, layer.moving_variance)
    return np.stack([v.numpy().astype("float64") for v in moments])


def _pooled(counts, batches):
    """Adds the variance of the batches' means to the mean of their variances.

    Args:
        counts: list of ints. Rows of each batch.
        batches: sequence of arrays `(2, channels)`, a mean and a variance.
    """
    means, variances = np.stack(batches, axis=1)  # (batches, channels) each
    mean = np.average(means, axis=0, weights=counts)
    spread = variances + np.square(means - mean)
    return mean, np.average(spread, axis=0, weights=counts)
