import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras._keras.normalization import normalizations, reestimate

RANDOM = np.random.default_rng(0)
ROWS = (3 + 5 * RANDOM.normal(size=(50, 4))).astype("float32")


def normalized(**settings):
    layer = keras.layers.BatchNormalization(**settings)
    model = keras.Sequential(
        [keras.Input((4,)), layer, keras.layers.Dropout(0.5, seed=0)]
    )
    return model, layer


def seeds(model):
    variables = model.non_trainable_variables
    return [v.numpy() for v in variables if "seed" in v.path]


@pytest.mark.parametrize("kind", ["array", "pair", "data set"])
def test_statistics_are_those_of_all_rows(kind):
    model, layer = normalized(momentum=0.99)
    data = {
        "array": ROWS,
        "pair": (ROWS, np.zeros(50)),
        "data set": tf.data.Dataset.from_tensor_slices((ROWS, ROWS)).batch(16),
    }

    reestimate(model, [layer], data[kind], batch_size=16)  # 16, 16, 16, 2

    # float32 means inside the layer; 1e-5 is some ulps of 25.
    np.testing.assert_allclose(layer.moving_mean, ROWS.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, ROWS.var(0), rtol=1e-5)


def test_a_pass_leaves_flags_momentum_and_seeds_alone():
    model, layer = normalized(momentum=0.9)
    layer.trainable = False
    before = seeds(model)

    reestimate(model, [layer], ROWS, batch_size=25)

    assert len(before) == 1
    np.testing.assert_array_equal(before, seeds(model))
    assert (layer.trainable, layer.momentum) == (False, 0.9)


def test_layers_that_are_not_asked_for_keep_their_statistics():
    model = image_models.compiled_classifier()
    first, *others = normalizations(model)
    before = [layer.get_weights() for layer in others]

    reestimate(model, [first], image_models.noise_images(16), batch_size=8)

    assert len(others) == 2
    for layer, old in zip(others, before, strict=True):
        for left, right in zip(layer.get_weights(), old, strict=True):
            np.testing.assert_array_equal(left, right)
    assert not np.array_equal(first.moving_mean, np.zeros(4))


def test_no_batch_is_refused():
    model, layer = normalized()

    with pytest.raises(ValueError, match="at least one batch"):
        reestimate(model, [layer], ROWS[:0], batch_size=8)

    assert layer.momentum == 0.99
