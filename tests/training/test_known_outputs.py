"""Is what a model made of rows used again only while that is still so?"""

import keras
import numpy as np
import pytest

from aet_keras.training._known_outputs import KnownOutputs
from aet_keras.training._targets import ClassTarget

X = np.random.default_rng(0).normal(size=(300, 5)).astype("float32")


def make_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,))
    x = keras.layers.Dense(4, activation="relu", name="below")(inputs)
    x = keras.layers.BatchNormalization(name="normal")(x)
    head = keras.layers.Dense(3, activation="softmax", name="head")
    return keras.Model(inputs, head(x))


def assert_as_it_is(outputs, x):
    np.testing.assert_allclose(
        outputs.probabilities(x), outputs.model.predict(x, verbose=0), atol=1e-6
    )


@pytest.fixture
def passes(monkeypatch):
    """The sizes of batches that are run."""
    from aet_keras.drift.model_outputs import OutputReader

    seen, read = [], OutputReader._read

    def counted(self, inputs, labels):
        seen.append(len(inputs))
        return read(self, inputs, labels)

    monkeypatch.setattr(OutputReader, "_read", counted)
    return seen


def test_another_head_needs_no_pass_and_other_weights_below_do(passes):
    outputs = KnownOutputs(ClassTarget(make_model()))
    assert_as_it_is(outputs, X)
    assert_as_it_is(outputs, X)
    assert sum(passes) == 300

    head = outputs.model.get_layer("head")
    head.set_weights([each + 1 - each**2 for each in head.get_weights()])
    assert_as_it_is(outputs, X)
    assert sum(passes) == 300

    # Not trainable, but below the head all the same.
    statistics = outputs.model.get_layer("normal").moving_mean
    statistics.assign(statistics + 1)
    assert_as_it_is(outputs, X)
    assert_as_it_is(outputs, X[:7])
    assert sum(passes) == 607


def test_weights_that_come_back_are_known(passes):
    outputs = KnownOutputs(ClassTarget(make_model()))
    start = outputs.model.get_weights()
    assert_as_it_is(outputs, X)
    outputs.model.set_weights([2 * each for each in start])
    assert_as_it_is(outputs, X)
    outputs.model.set_weights(start)
    assert_as_it_is(outputs, X)
    assert sum(passes) == 600


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float32"])
def test_a_head_that_is_no_product_of_features_is_run_whole(dtype):
    class Doubled(keras.layers.Dense):
        def call(self, x):
            return super().call(2 * x)

    kind = keras.layers.Dense if dtype == "mixed_bfloat16" else Doubled
    inputs = keras.Input((5,))
    head = kind(3, activation="softmax", dtype=dtype)
    outputs = KnownOutputs(ClassTarget(keras.Model(inputs, head(inputs))))

    np.testing.assert_array_equal(
        outputs.probabilities(X), outputs.model.predict(X, batch_size=128)
    )
