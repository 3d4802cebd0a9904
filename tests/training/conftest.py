"""A small model that has learned three classes of points."""

import keras
import pytest
import shifted_points


@pytest.fixture(scope="module")
def trained():
    model = shifted_points.network()
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy"
    )
    model.fit(*shifted_points.OLD, epochs=12, verbose=0)
    return model.get_weights()


@pytest.fixture
def model(trained):
    model = shifted_points.network()
    model.set_weights(trained)
    return model
