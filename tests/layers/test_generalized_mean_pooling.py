"""Is the power mean that of the formula, for features of any sign?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.layers import GeneralizedMeanPooling


def sequence(shape=(2, 5, 16)):
    return np.random.normal(size=shape).astype("float32")


def awake(inputs, p, **kwargs):
    """Returns a layer with another exponent than 1."""
    layer = GeneralizedMeanPooling(**kwargs)
    layer(inputs)
    layer.log_p.assign(np.log(p))
    return layer


def reference(x, p):
    """The docstring's formula, over axis 1."""
    x = x.astype("float64")
    mean = np.mean(np.sign(x) * np.abs(x) ** p, axis=1)
    return np.sign(mean) * np.abs(mean) ** (1 / p)


def gradients(layer, x):
    """Returns the slopes of the outputs' sum by inputs and exponent."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x))
    return tape.gradient(total, [x, layer.log_p.value])


@pytest.mark.parametrize(
    ("policy", "bound"),
    [("float32", 1e-6), ("float16", 1e-3), ("bfloat16", 8e-3)],  # last digit
)
def test_a_new_layer_is_global_average_pooling(policy, bound):
    x = keras.ops.cast(sequence((2, 7, 7, 16)), policy)

    pooled = GeneralizedMeanPooling(dtype=policy)(x)

    expected = np.mean(keras.ops.cast(x, "float64"), axis=(1, 2))
    pooled = keras.ops.cast(pooled, "float64")
    np.testing.assert_allclose(pooled, expected, atol=bound)


@pytest.mark.parametrize("p", [0.5, 1.5, 3.0])
def test_outputs_follow_the_formula(p):
    x = sequence()

    pooled = awake(x, p)(x)

    np.testing.assert_allclose(pooled, reference(x, p), rtol=1e-4)


def test_features_that_are_not_negative_pool_as_in_the_paper():
    x = np.maximum(sequence((2, 12, 16)), 0)

    pooled = awake(x, 3.0)(x.reshape(2, 3, 4, 16))

    expected = np.mean(x**3, axis=1) ** (1 / 3)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


def test_the_higher_the_exponent_the_nearer_the_maximum():
    x = np.abs(sequence())
    outputs = [awake(x, p)(x) for p in (1.0, 3.0, 300.0)]

    gaps = [np.max(x.max(axis=1) - pooled) for pooled in outputs]

    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.02  # 5 ** (1 / 300) is 1.005, the largest below 4


def test_masked_positions_are_not_looked_at():
    x = sequence()
    mask = np.array([[1, 1, 1, 0, 0]] * 2, bool)
    x[:, 3:] = np.nan  # padding may hold anything

    pooled = awake(x, 3.0)(x, mask=mask)

    np.testing.assert_allclose(pooled, reference(x[:, :3], 3.0), rtol=1e-4)


def test_a_row_without_any_position_pools_to_zero():
    x = sequence()

    pooled = awake(x, 3.0)(x, mask=np.array([[0] * 5, [1] * 5], bool))

    assert np.all(pooled[0] == 0) and np.all(np.isfinite(pooled))


@pytest.mark.parametrize("p", [0.1, 0.5, 1.0, 3.0, 20.0])
@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 5, 2), "float32"),
        np.array([[[0.0], [0.0], [2.0]]], "float32"),
        np.array([[[-1.0], [0.0], [1.0]]], "float32"),
        np.full((1, 5, 2), 1e-30, "float32"),
    ],
    ids=["zeros", "some zeros", "zero in the mean", "tiny"],
)
def test_every_gradient_is_finite(x, p):
    layer = awake(x, p)

    by_x, by_p = gradients(layer, x)

    assert np.all(np.isfinite(by_x)) and np.isfinite(by_p)


@pytest.mark.parametrize("p", [0.5, 3.0])
def test_gradients_are_the_slopes_of_the_formula(p):
    x = np.abs(sequence((1, 5, 1))) + 0.1
    step = 1e-6

    by_x, by_p = gradients(awake(x, p), x)

    for j in range(5):
        moved = x.astype("float64")
        moved[0, j] += step
        slope = (reference(moved, p) - reference(x, p)) / step
        np.testing.assert_allclose(by_x[0, j], slope[0], rtol=1e-3)
    slope = (reference(x, p * np.exp(step)) - reference(x, p)) / step
    np.testing.assert_allclose(by_p, slope[0, 0], rtol=1e-3)


def test_powers_beyond_float32_give_numbers():
    x = np.abs(1e4 * sequence())  # the tenth power of 1e4 is over 3e38

    pooled = awake(x, 10.0, dtype="mixed_float16")(x)

    expected = reference(x, 10.0)
    np.testing.assert_allclose(pooled, expected, rtol=2e-3)  # 11 bits


def test_the_exponent_stays_exact_in_half_precision():
    x = np.abs(sequence((1, 64, 4)))

    pooled = awake(x, 1.003, dtype="mixed_bfloat16")(x)  # bfloat16: 1.0

    assert np.any(pooled != GeneralizedMeanPooling(dtype="mixed_bfloat16")(x))


def test_no_mask_leaves_the_pooling():
    layer = GeneralizedMeanPooling()

    assert layer.compute_mask(sequence(), np.ones((2, 5), bool)) is None


@pytest.mark.parametrize("shape", [(2, 16), (2, 3, 4, 5, 16)], ids=str)
def test_another_rank_is_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match="before pooling or flattening"):
        GeneralizedMeanPooling()(np.ones(shape, "float32"))
