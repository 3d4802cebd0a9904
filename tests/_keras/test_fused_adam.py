import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras._keras import multipliers
from aet_keras._keras import optimizer as optimizers
from aet_keras._keras.fused_adam import FusedAdam

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(32, 8)).astype("float32")
Y = RANDOM.normal(size=(32, 4)).astype("float32")
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2, epsilon=1e-4),
    "decay, clipping": lambda: keras.optimizers.AdamW(
        1e-2, weight_decay=0.1, global_clipnorm=0.1
    ),
    "accumulation": lambda: keras.optimizers.Adam(
        1e-2, gradient_accumulation_steps=2
    ),
    "averages": lambda: keras.optimizers.Adam(
        1e-2, use_ema=True, ema_overwrite_frequency=3
    ),
    "loss scale": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(1e-2)
    ),
}


def scaled(optimizer, **settings):
    """Returns a model two of whose weights have half the rate."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "tanh"),
            keras.layers.Dense(4),
        ]
    )
    model.compile(optimizer, "mse", **settings)
    weights = list(model.trainable_variables)
    optimizers.widen(model, weights)
    rows = {id(weight): i // 2 for i, weight in enumerate(weights)}
    made = multipliers.Multipliers(model, rows, 2, warmup_steps=3)
    made.write([0.5, 1.0])
    made.install()
    return model


def unfused(monkeypatch, optimizer):
    """Returns the same, with Keras's own update."""
    with monkeypatch.context() as patched:
        patched.setattr(FusedAdam, "applies", lambda optimizer: False)
        return scaled(optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_of_thirty_steps_is_that_of_keras(name, monkeypatch):
    theirs = unfused(monkeypatch, OPTIMIZERS[name]())
    ours = scaled(OPTIMIZERS[name]())
    differs = False

    for _ in range(30):
        for model in (theirs, ours):
            model.train_on_batch(X, Y)
        for kept, found in zip(theirs.weights, ours.weights, strict=True):
            kept, value = kept.numpy(), found.numpy()
            rounding = np.spacing(np.abs(kept))
            assert np.all(np.abs(value - kept) <= 1e-7 + rounding)
            differs |= np.any(value != kept)
            found.assign(kept)  # the next step begins where theirs does
        for kept, found in zip(
            theirs.optimizer.variables, ours.optimizer.variables, strict=True
        ):
            found.assign(kept)

    assert differs  # else it was their update


def test_the_slots_are_those_of_keras(monkeypatch):
    theirs = unfused(monkeypatch, keras.optimizers.Adam(1e-2))
    ours = scaled(keras.optimizers.Adam(1e-2))

    for model in (theirs, ours):
        model.train_on_batch(X, Y)

    for kept, found in zip(
        theirs.optimizer.variables, ours.optimizer.variables, strict=True
    ):
        np.testing.assert_allclose(found, kept, rtol=3e-5)


def test_a_train_step_may_update_twice(monkeypatch):
    made = {}
    for name in ("theirs", "ours"):
        adam = keras.optimizers.Adam(1e-2)
        model = unfused(monkeypatch, adam) if name == "theirs" else scaled(adam)

        @tf.function
        def step(model=model, adam=adam):
            for _ in range(2):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(tf.square(model(X) - Y))
                weights = model.trainable_weights
                gradients = tape.gradient(loss, weights)
                adam.apply_gradients(zip(gradients, weights, strict=True))

        step()
        made[name] = [weight.numpy() for weight in model.weights]

    for left, right in zip(*made.values(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


def test_sparse_gradients_and_amsgrad_are_left_to_keras():
    amsgrad = keras.optimizers.Adam(amsgrad=True)
    assert not FusedAdam.applies(amsgrad)
    assert not FusedAdam.applies(keras.optimizers.Nadam())
    adam = keras.optimizers.Adam(0.1)
    weight = keras.Variable(np.ones((3, 2), "float32"))
    adam.build([weight])
    gradient = tf.IndexedSlices(tf.ones((1, 2)), [1], (3, 2))

    FusedAdam(adam)(gradient, weight.value, 0.1)

    np.testing.assert_allclose(weight, [[1, 1], [0.9, 0.9], [1, 1]], rtol=1e-5)
