import image_models
import keras
import numpy as np
import pytest

from aet_keras._keras import multipliers
from aet_keras._keras import optimizer as optimizers


class OneWeight(keras.layers.Layer):
    """Adds a weight to its inputs, so that its gradient is known."""

    def build(self, input_shape):
        self.w = self.add_weight(shape=(), initializer="zeros", name="w")

    def call(self, inputs):
        return inputs + self.w


def scaled(optimizer, value, *, warmup_steps=0, **settings):
    """Returns a model with one weight in row 0, and its multipliers."""
    model = keras.Sequential([keras.Input((1,)), OneWeight()])
    model.compile(optimizer, loss=lambda y, x: x, **settings)
    optimizers.widen(model, list(model.trainable_variables))
    weight = model.layers[-1].w
    made = multipliers.Multipliers(model, {id(weight): 0}, 1, warmup_steps)
    made.write([value])
    made.install()
    return model, weight, made


def train(model, steps):
    """Takes steps with a gradient of 1, and returns the weight after each."""
    path = []
    for _ in range(steps):
        model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
        path.append(float(model.layers[-1].w.numpy()))
    return np.array(path)


def unscaled(optimizer, steps):
    model = keras.Sequential([keras.Input((1,)), OneWeight()])
    model.compile(optimizer, loss=lambda y, x: x)
    return train(model, steps)


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.1, momentum=0.5),
    "adam": lambda: keras.optimizers.Adam(0.1),
    "nadam": lambda: keras.optimizers.Nadam(0.1),
    "adagrad": lambda: keras.optimizers.Adagrad(0.1),
    "adadelta": lambda: keras.optimizers.Adadelta(1.0),
    "lion": lambda: keras.optimizers.Lion(0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_update_is_scaled(name):
    # The gradient is 1 at every step, whatever the weight: the path of a
    # quarter of the rate is a quarter of the path.
    model, _, _ = scaled(OPTIMIZERS[name](), 0.25)

    path = train(model, 5)

    expected = 0.25 * unscaled(OPTIMIZERS[name](), 5)
    np.testing.assert_allclose(path, expected, rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_multiplier_of_zero_stops_the_weight_at_once(name):
    model, _, made = scaled(OPTIMIZERS[name](), 1.0)
    before = train(model, 3)[-1]

    made.write([0.0])

    assert train(model, 3)[-1] == before


def test_keras_momentum_has_old_rates_in_it():
    # The trap: why a momentum's update is scaled behind it, not before.
    model = keras.Sequential([keras.Input((1,)), OneWeight()])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, loss=lambda y, x: x)
    before = train(model, 3)[-1]

    optimizer.learning_rate = 0.0

    assert train(model, 1)[-1] < before - 0.1


def test_a_late_weight_takes_the_steps_of_a_fresh_adam():
    model, _, made = scaled(keras.optimizers.Adam(0.1), 0.5)
    optimizer = model.optimizer
    optimizer._iterations.assign(500)
    made.start(0, steps=500, skipped=500)

    path = train(model, 6)

    expected = 0.5 * unscaled(keras.optimizers.Adam(0.1), 6)
    np.testing.assert_allclose(path, expected, rtol=1e-4)


def test_without_its_own_count_adam_would_leap():
    # (1 - 0.9) / sqrt(1 - 0.999) = 3.16 times the rate in the first step.
    model = keras.Sequential([keras.Input((1,)), OneWeight()])
    model.compile(keras.optimizers.Adam(0.1), loss=lambda y, x: x)
    optimizers.widen(model, list(model.trainable_variables))
    model.optimizer._iterations.assign(20000)

    first = train(model, 1)[0]

    np.testing.assert_allclose(first, -0.1 * 3.162, rtol=1e-3)


def test_the_rate_of_a_thawed_row_grows_over_the_warmup():
    model, _, made = scaled(keras.optimizers.SGD(1.0), 1.0, warmup_steps=4)
    made.start(0, steps=0, skipped=0)

    steps = -np.diff(train(model, 6), prepend=0.0)

    np.testing.assert_allclose(steps, [0.25, 0.5, 0.75, 1, 1, 1], rtol=1e-6)


def test_weight_decay_is_scaled_with_the_rate():
    # decay per step: 1 - rate * decay * multiplier = 1 - 0.1 * 0.5 * 0.25
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.5)
    model, weight, _ = scaled(optimizer, 0.25)
    weight.assign(8.0)

    after = train(model, 1)[0]

    np.testing.assert_allclose(after, 8 * (1 - 0.0125) - 0.025, rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "xla"])
def test_multipliers_change_without_a_new_trace(jit_compile):
    model, _, made = scaled(
        keras.optimizers.SGD(1.0), 1.0, jit_compile=jit_compile
    )
    train(model, 1)
    function = model.train_function

    made.write([0.5])
    path = train(model, 1)

    assert model.train_function is function
    np.testing.assert_allclose(path, [-1.5])


def test_gathered_gradients_move_the_weight_by_the_scaled_rate():
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    model, _, _ = scaled(optimizer, 0.25)

    path = train(model, 4)

    np.testing.assert_allclose(path, [0.0, -0.25, -0.25, -0.5])


def test_the_optimizer_is_the_users_own_again():
    model, _, made = scaled(keras.optimizers.Adam(0.1, use_ema=True), 0.5)

    made.uninstall()

    assert "update_step" not in vars(model.optimizer)
    assert type(model.optimizer) is keras.optimizers.Adam


def test_rows_work_on_two_replicas():
    strategy = image_models.two_replicas()
    with strategy.scope():
        model, _, made = scaled(keras.optimizers.SGD(1.0), 0.25)
    made.start(0, steps=0, skipped=0)

    model.fit(np.zeros((8, 1)), np.zeros((8, 1)), batch_size=4, verbose=0)

    np.testing.assert_allclose(model.layers[-1].w.numpy(), -0.5)
