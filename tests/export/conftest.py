import keras
import numpy as np
import pytest


@pytest.fixture
def classifier():
    """A tiny classifier whose outputs are anything but uniform."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([30 * kernel, bias])
    return model


@pytest.fixture
def images():
    """Five pictures of unlike brightness and colour."""
    rng = np.random.default_rng(0)
    peaks = rng.integers(20, 256, (5, 1, 1, 3))
    return (rng.random((5, 8, 8, 3)) * peaks).astype("uint8")
