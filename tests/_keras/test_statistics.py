"""Are the norms that training gathers those of its gradients?"""

import image_models
import keras
import numpy as np
import pytest

from aet_keras._keras import multipliers
from aet_keras._keras import optimizer as optimizers
from aet_keras._keras.statistics import NAMES, Statistics

RATE = 1e-3
X = np.array([[1.0, -2.0], [3.0, 0.5], [-1.0, 1.0]], "float32")
Y = np.array([[1.0], [-1.0], [0.5]], "float32")


def gathered(optimizer, *, every_steps=1, needs=NAMES, **settings):
    """Returns a linear model x A b with A in row 0, and its statistics."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, use_bias=False),
            keras.layers.Dense(1, use_bias=False),
        ]
    )
    model.layers[0].kernel.assign([[1.0, 2.0], [0.0, -1.0]])
    model.layers[1].kernel.assign([[1.0], [-0.5]])
    model.compile(optimizer, "mse", **settings)
    optimizers.widen(model, list(model.trainable_variables))
    rows = {id(layer.kernel): row for row, layer in enumerate(model.layers)}
    made = Statistics(model, rows, 3, needs=needs, every_steps=every_steps)
    made.install()
    return model, made


def train(model, steps):
    for step in range(steps):
        model.train_on_batch(X * (step + 1), Y)


def reference(steps, *, measured):
    """Descends by hand, and returns the means over the measured steps."""
    a = np.array([[1.0, 2.0], [0.0, -1.0]])
    b = np.array([[1.0], [-0.5]])
    found = {name: [] for name in NAMES - {"net_gradient_norms"}}
    sums = [0.0, 0.0]
    for step in range(steps):
        x = X.astype(float) * (step + 1)
        error = 2 * (x @ a @ b - Y) / len(x)
        gradients = x.T @ error @ b.T, (x @ a).T @ error
        if step in measured:
            norms = [np.linalg.norm(each) for each in gradients]
            found["gradient_norms"].append(norms)
            found["update_norms"].append([RATE * norm for norm in norms])
            found["weight_norms"].append([np.linalg.norm(a), np.linalg.norm(b)])
            sums = [s + g for s, g in zip(sums, gradients, strict=True)]
        a, b = a - RATE * gradients[0], b - RATE * gradients[1]
    means = {k: np.mean(v, axis=0) for k, v in found.items()}
    net = [np.abs(each).sum() / len(measured) for each in sums]
    return {**means, "net_gradient_norms": np.array(net)}


def assert_close(found, expected):
    """Compares both rows; updates are small differences of float32."""
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(
            found[name][:2], expected[name][:2], rtol=1e-4, err_msg=name
        )


@pytest.mark.parametrize(
    ("every_steps", "measured", "settings"),
    [
        (1, (0, 1, 2, 3), {}),
        (2, (1, 3), {}),
        (3, (2,), {"run_eagerly": True}),
        (2, (1, 3), {"jit_compile": True}),
    ],
    ids=["every step", "every second", "eager", "xla"],
)
def test_means_are_those_of_a_descent_by_hand(every_steps, measured, settings):
    model, made = gathered(
        keras.optimizers.SGD(RATE), every_steps=every_steps, **settings
    )

    train(model, 4)

    assert_close(made.read(), reference(4, measured=measured))


def test_training_goes_the_same_way():
    measured, _ = gathered(keras.optimizers.Adam(RATE), every_steps=2)
    plain, made = gathered(keras.optimizers.Adam(RATE))
    made.uninstall()

    train(measured, 3)
    train(plain, 3)

    for left, right in zip(measured.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(left, right)
    assert np.isnan(made.read()["weight_norms"]).all()
    assert type(plain.optimizer) is keras.optimizers.Adam
    assert "_distributed_tf_update_step" not in vars(plain.optimizer)


def test_a_row_without_a_gradient_is_not_a_number():
    model, made = gathered(keras.optimizers.SGD(RATE))
    model.layers[0].trainable = False
    model.make_train_function(force=True)

    train(model, 2)

    for array in made.read().values():
        np.testing.assert_array_equal(np.isnan(array), [True, False, True])


def test_reset_starts_the_means_anew():
    model, made = gathered(keras.optimizers.SGD(0.0), run_eagerly=True)
    train(model, 1)
    first = made.read()

    made.reset()

    assert all(np.isnan(array).all() for array in made.read().values())
    train(model, 1)
    assert_close(made.read(), first)


def test_only_what_is_needed_is_gathered():
    needs = {"gradient_norms"}
    model, made = gathered(keras.optimizers.SGD(RATE), needs=needs)
    model.run_eagerly = True

    train(model, 1)

    assert made.read().keys() == needs
    assert [v.shape for v in made.variables] == [(3,), (3,)]


def test_the_update_is_the_one_that_multipliers_leave():
    model, made = gathered(keras.optimizers.SGD(RATE), run_eagerly=True)
    rows = {id(layer.kernel): row for row, layer in enumerate(model.layers)}
    scales = multipliers.Multipliers(model, rows, 3, warmup_steps=0)
    scales.write([0.25, 1.0, 1.0])
    scales.install()

    train(model, 1)

    expected = reference(1, measured=(0,))
    expected["update_norms"] = expected["update_norms"] * [0.25, 1.0]
    assert_close(made.read(), expected)


def test_the_loss_scale_is_not_in_the_gradient():
    inner = keras.optimizers.SGD(RATE)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    model, made = gathered(optimizer, every_steps=2)

    train(model, 4)

    assert_close(made.read(), reference(4, measured=(1, 3)))


def test_the_gradient_is_clipped_as_the_update_is():
    optimizer = keras.optimizers.SGD(RATE, global_clipnorm=0.5)
    model, made = gathered(optimizer, run_eagerly=True)

    train(model, 1)

    norms = made.read()["gradient_norms"][:2]
    np.testing.assert_allclose(np.sum(norms**2), 0.25, rtol=1e-5)


def test_accumulated_batches_are_one_update():
    optimizer = keras.optimizers.SGD(RATE, gradient_accumulation_steps=2)
    model, made = gathered(optimizer, every_steps=2)

    for _ in range(4):  # two updates; the second is measured
        model.train_on_batch(X, Y)

    plain, expected = gathered(
        keras.optimizers.SGD(RATE), every_steps=2, run_eagerly=True
    )
    for _ in range(2):
        plain.train_on_batch(X, Y)
    assert_close(made.read(), expected.read())


def test_batch_normalization_and_the_head_are_left_out():
    model = image_models.compiled_classifier(
        keras.optimizers.SGD(RATE), run_eagerly=True
    )
    base = model.get_layer("old")
    rows = {id(w): 0 for w in base.trainable_weights}
    optimizers.widen(model, list(model.trainable_variables))
    made = Statistics(model, rows, 1, needs={"weight_norms"}, every_steps=1)
    made.install()
    kernels = [w.numpy() for w in base.weights if "conv" in w.path]

    model.train_on_batch(*image_models.noise_images(8))

    expected = np.sqrt(sum(np.sum(kernel**2) for kernel in kernels))
    np.testing.assert_allclose(made.read()["weight_norms"], expected, rtol=1e-5)


def test_sparse_gradients_are_measured():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Embedding(3, 1), OnlySum()]
    )
    model.compile(keras.optimizers.SGD(RATE), loss=lambda y, x: x)
    table = model.layers[0].embeddings
    optimizers.widen(model, [table])
    made = Statistics(model, {id(table): 0}, 1, needs=NAMES, every_steps=1)
    made.install()

    model.train_on_batch(np.array([[0, 1]]), np.zeros((1, 1)))
    model.train_on_batch(np.array([[1, 1]]), np.zeros((1, 1)))

    # gradients (1, 1, 0) and (0, 2, 0); their mean is (0.5, 1.5, 0)
    found = made.read()
    np.testing.assert_allclose(
        found["gradient_norms"], [(np.sqrt(2) + 2) / 2], rtol=1e-6
    )
    np.testing.assert_allclose(found["net_gradient_norms"], [2.0])


class OnlySum(keras.layers.Layer):
    """Adds up all but the batch."""

    def call(self, inputs):
        return keras.ops.sum(inputs, axis=(1, 2))


def test_two_replicas_measure_the_whole_batch():
    x, y = np.repeat(X, 4, axis=0)[:8], np.repeat(Y, 4, axis=0)[:8]
    settings = {"every_steps": 2, "jit_compile": False}
    single, expected = gathered(keras.optimizers.SGD(RATE), **settings)
    with image_models.two_replicas().scope():
        model, made = gathered(keras.optimizers.SGD(RATE), **settings)

    for each in (single, model):
        each.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)

    assert_close(made.read(), expected.read())


def test_an_unknown_statistic_is_refused():
    with pytest.raises(ValueError, match="no statistic `gradient_norm`. Near"):
        gathered(keras.optimizers.SGD(RATE), needs={"gradient_norm"})
