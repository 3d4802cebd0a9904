import keras
import numpy as np
import pytest

from aet_keras.drift import batch_statistics
from aet_keras.drift.batch_statistics import measure_moments, move_statistics

RANDOM = np.random.default_rng(0)
OLD = RANDOM.normal(size=(200, 3)).astype("float32")
NEW = 0.5 * OLD + np.array([4, 0, -1], "float32")


def network():
    """Two normalizations, the second above the first; answers of 2 classes."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.BatchNormalization(epsilon=1e-3, name="first"),
        keras.layers.Dense(4, activation="relu", name="between"),
        keras.layers.BatchNormalization(epsilon=1e-3, name="second"),
        keras.layers.Dense(2, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((3,)), *layers])
    random = np.random.default_rng(1)
    for layer in (layers[0], layers[2]):
        width = layer.moving_mean.shape[0]
        layer.moving_mean.assign(random.normal(size=width))
        layer.moving_variance.assign(random.uniform(1, 2, size=width))
    model.get_layer("first").trainable = False
    return model


def by_hand(model, x, source=None):
    """Moments of what each layer is given, below it as it is or has moved."""
    found, given = [], x.astype("float64")
    for row, name in enumerate(("first", "second")):
        layer = model.get_layer(name)
        gamma, beta, mean, variance = layer.get_weights()
        found.append((given.mean(0), given.var(0)))
        if source is not None:
            mean = mean + given.mean(0) - source[row][0]
            ratio = given.var(0) / source[row][1]
            variance = variance * ratio.clip(0.1, 10)
        given = gamma * (given - mean) / np.sqrt(variance + 1e-3) + beta
        if row == 0:
            kernel, bias = model.get_layer("between").get_weights()
            given = np.maximum(given @ kernel + bias, 0)
    return found


def assert_equal(moments, expected):
    for row, (mean, variance) in enumerate(expected):
        np.testing.assert_allclose(moments.means[row], mean, atol=1e-4)
        np.testing.assert_allclose(moments.variances[row], variance, rtol=1e-3)


def test_moments_are_of_what_each_layer_is_given():
    model = network()
    before = model.get_weights()

    source = measure_moments(model, OLD[:150])  # one batch
    target = measure_moments(model, NEW[:150], source)

    expected = by_hand(model, OLD[:150])
    assert_equal(source, expected)
    assert_equal(target, by_hand(model, NEW[:150], expected))
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_moved_layers_put_out_what_they_did():
    model = network()
    for row, name in enumerate(("first", "second")):  # centred on old rows
        mean = measure_moments(model, OLD).means[row]
        model.get_layer(name).moving_mean.assign(mean)
    upto = keras.Model(model.inputs, model.get_layer("second").output)
    source, before = measure_moments(model, OLD), upto.predict(OLD, verbose=0)
    new = NEW[:199]  # one batch

    batch_statistics.shift_statistics(
        model, source, measure_moments(model, new, source)
    )

    # NEW is OLD, shrunk and moved; epsilon is not shrunk, and a row is left out
    np.testing.assert_allclose(upto.predict(NEW, verbose=0), before, atol=0.05)


def test_statistics_move_by_the_difference_and_nothing_else_moves():
    model = network()
    layer = model.get_layer("second")
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    others = [v.numpy() for v in model.trainable_variables]
    source, target = measure_moments(model, OLD), measure_moments(model, NEW)

    batch_statistics.shift_statistics(model, source, target)

    ratio = (target.variances[1] / source.variances[1]).clip(0.1, 10)
    moved = mean + target.means[1] - source.means[1]
    np.testing.assert_allclose(layer.moving_mean, moved, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance * ratio, 1e-5)
    for left, right in zip(others, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(left, right)


def answering(kernel):
    """A normalization below a head that is given."""
    layer = keras.layers.BatchNormalization(name="first")
    head = keras.layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((3,)), layer, head])
    head.set_weights([np.array(kernel, "float32"), np.zeros(2)])
    return model


def test_a_step_that_tells_more_is_kept():
    model = answering([[2, -2], [0, 0], [0, 0]])  # all of NEW are one class

    step = move_statistics(model, NEW, measure_moments(model, OLD))

    assert step.is_kept and step.after > step.before + 0.1
    np.testing.assert_allclose(
        model.get_layer("first").moving_mean, [4, 0, -1], atol=0.1
    )


def test_a_step_that_tells_less_is_undone():
    model = answering([[2, -2], [0, 0], [0, 0]])
    model.get_layer("first").moving_mean.assign([4, 0, -1])  # fits NEW
    before = model.get_weights()

    step = move_statistics(model, NEW, measure_moments(model, OLD))

    assert not step.is_kept and step.after < step.before
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_mutual_information_is_by_hand():
    rows = np.array([[0.9, 0.1], [0.3, 0.7]])

    mean = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    each = [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (0.9, 0.3)]
    np.testing.assert_allclose(
        batch_statistics.mutual_information(rows), mean - np.mean(each)
    )


def test_what_cannot_be_tried_says_so():
    plain = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, activation="softmax")]
    )
    none = move_statistics(plain, NEW, measure_moments(plain, OLD))
    few = move_statistics(network(), NEW[:99], measure_moments(network(), OLD))

    assert "no BatchNormalization" in none.reason
    assert "99 rows are fewer than 100" in few.reason
    with pytest.raises(ValueError, match="Wait for more"):
        measure_moments(plain, OLD[:99])


def test_moments_of_another_model_are_refused():
    with pytest.raises(ValueError, match="Measure them"):
        move_statistics(
            network(), NEW, measure_moments(answering([[1, 0]] * 3), OLD)
        )
