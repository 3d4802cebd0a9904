"""Does attention pooling take the average's place, and change nothing?"""

import keras
import numpy as np
import pytest

from aet_keras import fine_tune, layers
from aet_keras.backbones.attention import graft_attention
from aet_keras.backbones.pooling import graft_pooling


@pytest.fixture
def model():
    """Returns a classifier whose head averages nine positions."""
    body = keras.Sequential(
        [
            keras.Input((5, 5, 3)),
            keras.layers.Conv2D(4, 2, activation="relu"),
            keras.layers.Conv2D(4, 2),
        ],
        name="old",
    )
    pixels = keras.Input((5, 5, 3))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(body(pixels))
    return keras.Model(pixels, keras.layers.Dense(3, "softmax")(x))


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return random.normal(size=(8, 5, 5, 3)).astype("float32"), np.arange(8) % 3


def test_the_outputs_stay_and_the_model_too(model, images):
    before = np.asarray(model(images[0]))

    made = graft_attention(model, "pooling")

    assert type(made.get_layer("pool")) is layers.SoftAttentionPooling
    np.testing.assert_allclose(made(images[0]), before, atol=1e-6)
    kernel = made.layers[-1].kernel
    kernel.assign_add(np.ones(kernel.shape))
    np.testing.assert_array_equal(model(images[0]), before)


def test_fine_tune_trains_the_copy(model, images):
    model.compile("adam", "sparse_categorical_crossentropy")

    run = fine_tune(
        model,
        images,
        validation_data=images,
        epochs=2,
        verbose=0,
        attention="pooling",
    )

    assert np.abs(run.model.get_layer("pool").score.kernel).max() > 0
    assert len(run.history["loss"]) == 2


def test_a_head_without_an_average_is_refused():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="a"),
            keras.layers.Conv2D(4, 3, name="b"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )

    with pytest.raises(ValueError, match="with none. Build its head with"):
        graft_pooling(model)
