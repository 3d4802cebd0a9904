"""Is the weight of a loss learned, kept, shown, and in nobody's way?"""

import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.layers import Uncertainty
from aet_keras.losses import WeightedByUncertainty

X = np.linspace(-1, 1, 64, dtype="float32").reshape(16, 4)
NOISE = np.random.default_rng(0).normal(size=(16, 1)).astype("float32")
Y = {"clear": X[:, :1], "noisy": 2 * NOISE}


def model(dtype=None, **settings):
    """Returns a model of two outputs that are judged by uncertainty."""
    inputs = keras.Input((4,))
    outputs = {
        name: Uncertainty(name=name, dtype=dtype)(
            keras.layers.Dense(1, kernel_initializer="zeros")(inputs)
        )
        for name in Y
    }
    made = keras.Model(inputs, outputs)
    costs = {name: WeightedByUncertainty("mse") for name in Y}
    made.compile(keras.optimizers.Adam(0.05), costs, **settings)
    return made


def fit(made, epochs=1, **settings):
    settings = {"batch_size": 16, "verbose": 0, "shuffle": False} | settings
    return made.fit(X, Y, epochs=epochs, **settings).history


@pytest.fixture(scope="module")
def learned():
    """Returns a model that was trained, and its logs."""
    keras.utils.set_random_seed(0)
    made = model(jit_compile=False)
    return made, fit(made, epochs=40, validation_data=(X, Y))


def test_what_is_uncertain_comes_to_weigh_less(learned):
    _, logs = learned

    clear, noisy = (logs[f"{name}_weight"] for name in Y)
    assert clear[-1] > 1 > noisy[-1]
    assert len(set(clear)) == 40


def test_the_weight_goes_where_the_loss_says(learned):
    made, _ = learned
    loss = np.mean((made(X)["noisy"] - Y["noisy"]) ** 2)

    settled = Uncertainty()
    settled.build((None, 1))
    settled.settle(loss)

    # Of the weight 0.2, a fifth: 60 steps of 0.05 come near, not all the way.
    weights = [each.weight() for each in (made.get_layer("noisy"), settled)]
    np.testing.assert_allclose(*weights, atol=0.04)


def test_validation_logs_the_weight_it_was_judged_with(learned):
    _, logs = learned

    assert logs["val_clear_weight"] == logs["clear_weight"]


def test_a_saved_model_learns_on_from_the_same_weight(learned, tmp_path):
    made, _ = learned
    made.save(tmp_path / "model.keras")

    again = keras.models.load_model(tmp_path / "model.keras")

    before = made.evaluate(X, Y, verbose=0, return_dict=True)
    again.run_eagerly = True
    after = again.evaluate(X, Y, verbose=0, return_dict=True)
    assert before == pytest.approx(after) and before["clear_weight"] != 1.0
    assert fit(again)["clear_weight"] != [after["clear_weight"]]


def test_a_copy_is_judged_by_its_own_weight(learned):
    made, _ = learned
    copy = keras.models.clone_model(made)
    copy.compile_from_config(made.get_compile_config())
    copy.run_eagerly = True

    logs = fit(copy)

    assert logs["clear_weight"][0] == pytest.approx(1.0, abs=0.06)


def test_an_export_puts_out_the_same(learned, tmp_path):
    made, _ = learned
    made.export(str(tmp_path / "1"), verbose=False)

    loaded = tf.saved_model.load(tmp_path / "1")  # held: it holds the weights
    served = loaded.serve(X)
    for name, expected in made(X).items():
        np.testing.assert_allclose(served[name], expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_an_output_stays_as_it_is(dtype):
    outputs = keras.ops.convert_to_tensor(NOISE)

    again = Uncertainty(dtype=dtype)(outputs)

    assert again.dtype == outputs.dtype
    np.testing.assert_array_equal(again, outputs)


def test_a_weight_that_is_not_to_learn_holds():
    made = model(run_eagerly=True)
    made.get_layer("clear").trainable = False

    logs = fit(made, epochs=2)

    assert logs["clear_weight"] == [1.0, 1.0] != logs["noisy_weight"]


def test_replicas_share_one_weight():
    with image_models.two_replicas().scope():
        made = model()
    alone = model(run_eagerly=True)

    logs, expected = fit(made), fit(alone)

    for name, values in expected.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-5)
