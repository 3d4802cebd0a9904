"""Does a loss cost what its learned weight says?"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import losses
from aet_keras.layers import Uncertainty
from aet_keras.losses import WeightedByUncertainty

Y = np.array([[0.0], [1.0], [4.0]], "float32")
Y_PRED = np.array([[1.0], [1.0], [1.0]], "float32")
WEIGHTS = np.array([1.0, 2.0, 0.5], "float32")
SQUARES = np.array([1.0, 0.0, 9.0])


def judged(variance, y_pred=Y_PRED):
    """Returns a layer that holds a variance, and its output."""
    layer = Uncertainty(name="size")
    layer.build(y_pred.shape)
    layer.log_variance.assign(np.log(variance))
    return layer, layer(y_pred)


@pytest.mark.parametrize("variance", [0.5, 0.01, 30.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighed"])
def test_the_cost_is_that_of_the_formula(variance, weights):
    _, y_pred = judged(variance)

    cost = WeightedByUncertainty("mse")(Y, y_pred, weights)

    mean = (SQUARES * (1.0 if weights is None else weights)).mean()
    expected = mean / (2 * variance) + np.log(1 + variance)
    np.testing.assert_allclose(cost, expected, rtol=1e-6)


def test_the_gradient_weighs_the_output_and_balances_the_variance():
    layer, _ = judged(0.2)
    inputs = tf.constant(Y_PRED)

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        cost = WeightedByUncertainty("mse")(Y, layer(inputs))
    slopes = tape.gradient(cost, [inputs, layer.log_variance.value])

    # d/dy mean (y - t)^2 / (2 v); d/d log v = v/(1+v) - loss / (2 v)
    np.testing.assert_allclose(slopes[0], 2 * (Y_PRED - Y) / 3 / 0.4, rtol=1e-6)
    expected = 0.2 / 1.2 - SQUARES.mean() / 0.4
    np.testing.assert_allclose(slopes[1], expected, rtol=1e-6)


def test_it_begins_as_the_plain_loss_and_a_constant():
    y_pred = Uncertainty()(Y_PRED)

    cost = WeightedByUncertainty("mse")(Y, y_pred)

    np.testing.assert_allclose(cost, SQUARES.mean() + np.log(1.5), rtol=1e-6)


@pytest.mark.parametrize("loss", [0.02, 0.3, 5.0])
def test_a_variance_that_is_settled_costs_least(loss):
    def cost(variance):
        return loss / (2 * variance) + np.log(1 + variance)

    layer, _ = judged(1.0)
    layer.settle(loss)

    settled = float(np.exp(layer.log_variance))
    tried = np.geomspace(1e-3, 1e3, 2001)
    assert cost(settled) <= cost(tried).min() + 1e-6


def test_labels_without_an_axis_meet_scores_that_have_one():
    _, y_pred = judged(0.5)

    cost = WeightedByUncertainty("mse")(Y[:, 0], y_pred)

    expected = keras.losses.MeanSquaredError()(Y, Y_PRED) + np.log(1.5)
    np.testing.assert_allclose(cost, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        keras.losses.mean_absolute_error,
        keras.losses.MeanSquaredError(reduction="sum"),
    ],
    ids=["name", "function", "object"],
)
def test_it_survives_json_with_the_loss_inside(loss):
    made = WeightedByUncertainty(loss, name="own")

    data = json.dumps(keras.saving.serialize_keras_object(made))
    again = keras.saving.deserialize_keras_object(json.loads(data))

    assert type(again) is WeightedByUncertainty and again.name == "own"
    left, right = (each(Y, judged(0.3)[1]) for each in (made, again))
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", losses.__all__)
def test_a_name_of_the_room_is_registered_for_good(name):
    registered = keras.saving.get_registered_name(getattr(losses, name))

    assert registered == f"aet_keras>{name}"


def test_an_output_from_elsewhere_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="Put the layer last"):
        WeightedByUncertainty("mse")(Y, tf.constant(Y_PRED))


def test_a_loss_that_keras_does_not_know_is_refused():
    with pytest.raises(ValueError, match='a name such as "mse"'):
        WeightedByUncertainty("squares")
