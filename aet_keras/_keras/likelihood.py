"""Measures how much each value of a weight matters to the data."""

import keras
import tensorflow as tf

from aet_keras._keras.reading import spread_rows


def fisher_diagonals(model: keras.Model, variables, data, most: int) -> list:
    """Estimates the diagonal of the empirical Fisher information.

    Mean over examples of the squared gradient of the log-likelihood, with the
    labels of the data and the loss that the model was compiled with as minus
    the log-likelihood: cross-entropy is one, mean squared error is one up to
    a factor. One example at a time, because the square of a batch's mean
    gradient is something else. Layers are in inference mode, and penalties on
    weights are left out.

    Args:
        model: a compiled and built `keras.Model`.
        variables: sequence of `keras.Variable`, trainable or not.
        data: tuple of arrays `(x, y)`, or a data set of batches.
        most: int >= 1. How many examples to look at.

    Returns:
        One float32 array a variable.

    Raises:
        ValueError: if there are no examples.
    """
    totals = [tf.Variable(tf.zeros(v.shape, tf.float32)) for v in variables]
    squares = _squares_function(model, [v.value for v in variables], totals)
    count = 0
    for row in spread_rows(data, most):
        squares(*row)
        count += 1
    if not count:
        raise ValueError(
            "fisher_diagonals: `data` must hold at least one example, because "
            "a mean is taken over them. Received: none."
        )
    return [total.numpy() / count for total in totals]


def _squares_function(model, weights, totals):
    """Returns a function of one example that adds its squared gradients."""

    @tf.function(reduce_retracing=True)
    @tf.autograph.experimental.do_not_convert
    def add_squares(x, y, sample_weight):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for weight in weights:
                tape.watch(weight)
            loss = _data_loss(model, x, y, sample_weight)
        gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
        for total, gradient in zip(totals, gradients, strict=True):
            dense = tf.cast(tf.convert_to_tensor(gradient), tf.float32)
            total.assign_add(tf.square(dense))

    return add_squares


def _data_loss(model, x, y, sample_weight):
    if model._call_has_training_arg:
        outputs = model(x, training=False)
    else:
        outputs = model(x)
    loss = model._compute_loss(x, y, outputs, sample_weight, training=False)
    return loss - sum(map(tf.reduce_sum, model.losses))
