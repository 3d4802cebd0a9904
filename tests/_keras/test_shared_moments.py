import image_models
import keras
import numpy as np
import pytest

import aet_keras
from aet_keras._keras import shared_moments


# If this fails, Keras is mended: remove `shared_moments`.
def test_replicas_still_keep_averages_of_their_own():
    assert shared_moments.averages_are_local()


def run(strategy, shape, **settings):
    """Returns the weights that normalization of wide rows ends with."""
    keras.utils.set_random_seed(0)
    with aet_keras.scope(strategy):
        model = keras.Sequential(
            [
                keras.Input(shape),
                keras.layers.BatchNormalization(momentum=0.5, **settings),
                keras.layers.Flatten(),
                keras.layers.Dense(2),
            ]
        )
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    random = np.random.default_rng(0)
    x = random.normal(30.0, 3.0, size=(33, *shape))  # the last batch has one
    model.fit(x, x[:, :2].reshape(33, -1)[:, :2] / 30, 16, 2, verbose=0)
    return [each.numpy() for each in model.weights]


@pytest.mark.parametrize(
    ("shape", "settings"),
    [((5,), {}), ((3, 2, 4), {"axis": 1})],
    ids=["rows", "channels first"],
)
def test_replicas_normalize_as_one_process_does(shape, settings):
    alone = run(None, shape, **settings)

    together = run(image_models.two_replicas(), shape, **settings)

    for part, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5)
