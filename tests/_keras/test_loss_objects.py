"""Is a loss made what `compile` makes of it?"""

import keras
import numpy as np
import pytest

from aet_keras._keras.loss_objects import as_loss

Y = np.array([0.0, 1.0, 1.0], "float32")
SCORES = np.array([[0.2], [0.9], [0.4]], "float32")


@pytest.mark.parametrize(
    "loss",
    [
        "binary_crossentropy",
        "mse",
        keras.losses.mean_absolute_error,
        keras.losses.Huber(),
    ],
    ids=["name", "short name", "function", "object"],
)
def test_a_loss_costs_what_it_costs_in_compile(loss):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
    model.compile(loss=loss, run_eagerly=True)

    cost = as_loss(loss)(Y, SCORES)

    expected = model.evaluate(SCORES, Y, verbose=0)
    np.testing.assert_allclose(cost, expected, rtol=1e-6)


def test_an_unknown_name_is_kerass_to_refuse():
    with pytest.raises(ValueError, match="squares"):
        as_loss("squares")
