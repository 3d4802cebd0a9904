"""Is a loss known only if it is Keras's own, with nothing replaced?"""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from aet_keras._keras.loss_objects import as_loss
from aet_keras.losses import WeightedByUncertainty
from aet_keras.replay.head_loss import KnownLoss, NotSolved


def binary_crossentropy(y_true, y_pred, **settings):
    """Has a name of Keras's, and is another function."""
    return ops.mean(y_pred - y_true, axis=-1)


class Weighted(keras.losses.BinaryCrossentropy):
    """Is another loss, in a class that is one of Keras's."""

    def call(self, y_true, y_pred):
        return 2 * super().call(y_true, y_pred)


def replaced(name, value):
    loss = keras.losses.BinaryCrossentropy()
    setattr(loss, name, value)
    return loss


OTHERS = {
    "a function of the same name": binary_crossentropy,
    "a subclass": Weighted(),
    "a loss with its function replaced": replaced("fn", binary_crossentropy),
    "a loss with its call replaced": replaced("call", binary_crossentropy),
    "a part of a function": functools.partial(
        keras.losses.binary_crossentropy, label_smoothing=0.2
    ),
    "a subclass in a weighted loss": WeightedByUncertainty(Weighted()),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_only_resembles_a_loss_of_keras_is_not_known(case):
    loss = OTHERS[case]
    loss = loss if isinstance(loss, keras.Loss) else named(loss)

    with pytest.raises(NotSolved, match="is not a loss of Keras's own"):
        KnownLoss.of(loss)


@pytest.mark.parametrize(
    "loss",
    [as_loss(keras.losses.huber), keras.losses.BinaryFocalCrossentropy()],
)
def test_other_losses_of_keras_are_called_so(loss):
    with pytest.raises(NotSolved, match="its loss is `.+`, and none of bin"):
        KnownLoss.of(loss)


def test_rows_that_all_weigh_nothing_are_not_solved():
    known = KnownLoss.of(keras.losses.MeanSquaredError())

    with pytest.raises(NotSolved, match="weights of all rows are 0"):
        known.weights(np.zeros(4), 4)


def named(function):
    """Returns what `compile` makes of a function; a part has no name."""
    if not hasattr(function, "__name__"):
        function.__name__ = "binary_crossentropy"
    return as_loss(function)


SETTINGS = {
    "label_smoothing=1.5": keras.losses.BinaryCrossentropy(label_smoothing=1.5),
    "ignore_class=1": keras.losses.SparseCategoricalCrossentropy(
        ignore_class=1
    ),
    "axis=0": keras.losses.CategoricalCrossentropy(axis=0),
    "reduction='sum'": keras.losses.MeanSquaredError(reduction="sum"),
    "computed in float16": keras.losses.MeanSquaredError(dtype="float16"),
}


@pytest.mark.parametrize("reason", SETTINGS)
def test_a_setting_that_makes_it_another_problem_is_named(reason):
    with pytest.raises(NotSolved, match=reason):
        KnownLoss.of(SETTINGS[reason])


@pytest.mark.parametrize(
    ("loss", "kind", "takes_logits"),
    [
        ("mse", "linear", False),
        ("BinaryCrossentropy", "sigmoid", False),
        (keras.losses.categorical_crossentropy, "softmax", False),
        (
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "softmax",
            True,
        ),
        (WeightedByUncertainty("mse"), "linear", False),
    ],
    ids=["name", "class name", "function", "object", "weighted"],
)
def test_losses_of_keras_are_known(loss, kind, takes_logits):
    known = KnownLoss.of(as_loss(loss))

    assert (known.kind, known.takes_logits) == (kind, takes_logits)


def test_a_function_called_as_an_activation_is_not_that_activation():
    def sigmoid(x):
        return ops.sigmoid(2 * x)

    known = KnownLoss.of(as_loss("binary_crossentropy"))

    known.check_activation(keras.activations.sigmoid)
    with pytest.raises(NotSolved, match="not Keras's own `sigmoid`"):
        known.check_activation(sigmoid)


@pytest.mark.parametrize("y", [[0, 3], [-1, 0], [0.5, 1.0]])
def test_targets_that_are_no_classes_are_not_solved_for(y):
    known = KnownLoss.of(as_loss("sparse_categorical_crossentropy"))

    with pytest.raises(NotSolved, match="not classes below 3"):
        known.targets(np.array(y), 3)


def test_weights_that_each_batch_is_divided_by_are_not_solved_for():
    mean = "mean_with_sample_weight"
    known = KnownLoss.of(keras.losses.BinaryCrossentropy(reduction=mean))

    assert known.weights(None, 2).tolist() == [1.0, 1.0]
    with pytest.raises(NotSolved, match="its own sample weights"):
        known.weights(np.ones(2), 2)
