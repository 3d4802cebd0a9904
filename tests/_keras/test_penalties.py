import keras
import numpy as np

from aet_keras._keras.penalties import Penalties, lift_all

L2 = keras.regularizers.L2


def linear(regularizer=None):
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(
                1,
                kernel_initializer="ones",
                kernel_regularizer=regularizer,
                name="a",
            ),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model, model.get_layer("a").kernel


def test_a_placed_penalty_comes_on_top_of_the_users_own():
    model, kernel = linear(L2(0.5))
    own = kernel.regularizer
    penalties = Penalties([(kernel, L2(0.25))])

    penalties.place()
    penalties.place()
    placed = float(sum(model.losses))
    penalties.lift()

    assert placed == 1.5  # (0.5 + 0.25) * (1 + 1), once
    assert kernel.regularizer is own
    assert penalties.value() == 0.5


def test_a_train_function_keeps_the_penalties_it_was_traced_with():
    model, kernel = linear()
    penalties = Penalties([(kernel, L2(0.5))])
    x, y = np.zeros((1, 2)), np.zeros((1, 1))

    penalties.place()
    model.train_on_batch(x, y)
    penalties.lift()
    model.train_on_batch(x, y)

    # Each step takes a rate of 0.1 times 2 * 0.5 * w off.
    np.testing.assert_allclose(kernel.numpy(), 0.9**2, rtol=1e-6)


def test_frozen_weights_have_no_penalty_in_the_loss():
    model, kernel = linear()
    Penalties([(kernel, L2(0.5))]).place()

    model.get_layer("a").trainable = False

    assert model.losses == []


def test_what_an_unfinished_fit_left_is_lifted():
    _, kernel = linear(L2(0.5))
    own = kernel.regularizer
    for _ in range(2):
        Penalties([(kernel, L2(0.25))]).place()

    lift_all([kernel])

    assert kernel.regularizer is own


def test_a_saved_model_holds_nothing_that_was_placed(tmp_path):
    model, kernel = linear(L2(0.5))
    Penalties([(kernel, L2(0.25))]).place()

    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(sum(loaded.losses)) == 1.0
