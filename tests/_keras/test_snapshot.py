import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras._keras import snapshot


def state(model):
    """Returns every number that a model and its optimizer hold."""
    held = (*model.variables, *model.optimizer.variables)
    return [v.numpy().copy() for v in held]


def equal(left, right):
    pairs = zip(left, right, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def drawn():
    """Draws a number from each source of randomness there is."""
    return [
        random.random(),
        np.random.random(),
        float(tf.random.uniform(())),
        float(keras.random.uniform(())),
    ]


def noisy(optimizer="adam", **settings):
    """Returns a compiled model whose every kind of state a step moves."""
    x = inputs = keras.Input((4,))
    x = keras.layers.Dense(3)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    settings = {"metrics": ["mae"], "jit_compile": False, **settings}
    model.compile(optimizer, "mse", **settings)
    return model


def train(model, epochs=2):
    rows = np.arange(32.0).reshape(8, 4) / 32
    model.fit(rows, rows[:, :1], batch_size=4, epochs=epochs, verbose=0)


def test_a_trained_model_comes_back_bit_by_bit():
    model = noisy()
    train(model)
    before, function = state(model), model.train_function

    with snapshot.kept(model):
        model.optimizer.learning_rate = 0.5
        train(model)
        between = state(model)

    assert equal(state(model), before)
    assert not equal(between[:1], before[:1])
    assert model.train_function is function


def test_metrics_and_history_come_back():
    model = noisy()
    train(model)
    history, before = model.history, model.get_metrics_result()

    with snapshot.kept(model):
        train(model)
        between = model.get_metrics_result()

    assert model.history is history
    assert model.get_metrics_result() == before != between


def test_an_exception_passes_and_the_model_comes_back():
    model = noisy()
    train(model)
    before = state(model)

    with pytest.raises(KeyboardInterrupt), snapshot.kept(model):
        train(model)
        raise KeyboardInterrupt

    assert equal(state(model), before)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(use_ema=True, gradient_accumulation_steps=2),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Nadam()),
        keras.optimizers.SGD(momentum=0.9),
    ],
    ids=["averages and accumulators", "loss scale", "momentum"],
)
def test_an_optimizer_that_was_not_built_is_not(optimizer):
    model = noisy(optimizer, run_eagerly=True)
    names, before = set(vars(optimizer)), state(model)

    with snapshot.kept(model):
        train(model)

    assert not optimizer.built
    assert set(vars(optimizer)) == names
    assert equal(state(model), before)


def test_an_unbuilt_optimizer_takes_what_is_thawed_afterwards():
    model = noisy()
    model.layers[1].trainable = False
    with snapshot.kept(model):
        train(model)
    start = model.layers[1].get_weights()

    model.layers[1].trainable = True
    train(model)

    assert not equal(model.layers[1].get_weights(), start)


@pytest.mark.parametrize("has_drawn", [False, True], ids=["new", "drawn"])
def test_random_numbers_go_on_as_if_nothing_had_been(has_drawn):
    model = noisy()
    keras.utils.set_random_seed(3)
    _ = has_drawn and drawn()
    expected = drawn()
    keras.utils.set_random_seed(3)
    _ = has_drawn and drawn()

    with snapshot.kept(model):
        drawn()

    assert drawn() == expected


def test_tensorflows_own_generator_comes_back():
    model, generator = noisy(), tf.random.Generator.from_seed(1)
    before = tf.random.get_global_generator()
    tf.random.set_global_generator(generator)

    with snapshot.kept(model):
        first = float(generator.uniform(()))
    again = float(generator.uniform(()))
    tf.random.set_global_generator(before)

    assert first == again
