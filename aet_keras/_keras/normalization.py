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
    found = moments(model, layers, data, batch_size)
    for layer, (mean, variance) in zip(layers, found, strict=True):
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)


def moments(model: keras.Model, layers, data, batch_size: int) -> list[tuple]:
    """Measures what data give BatchNormalization layers, and changes nothing.

    One pass in training mode: each layer is given what the layers below it
    make of the batch's own statistics.

    Args:
        model, layers, data, batch_size: as `reestimate` takes them.

    Returns:
        List of `(mean, variance)`, float64 arrays `(channels,)`, a layer
        each.

    Raises:
        ValueError: if there are no batches.
    """
    data = data if _has_batches(data) else (data,)
    kept = [(v, v.numpy().copy()) for v in model.non_trainable_variables]
    try:
        with _following(model, layers):
            return _measure(model, layers, data, batch_size)
    finally:
        for variable, value in kept:
            variable.assign(value)


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
