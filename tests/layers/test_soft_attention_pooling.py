"""Does the weighted mean weigh as the formula says?"""

import keras
import numpy as np
import pytest

from aet_keras.layers import SoftAttentionPooling


def sequence(shape=(2, 5, 16)):
    return np.random.normal(size=shape).astype("float32")


def awake(inputs, **kwargs):
    """Returns a layer whose scores are no longer even."""
    layer = SoftAttentionPooling(**kwargs)
    layer(inputs)
    layer.score.kernel.assign(np.random.normal(size=layer.score.kernel.shape))
    return layer


def reference(layer, x, mask=None):
    """The docstring's formula, one example at a time."""
    hidden = np.tanh(x @ np.asarray(layer.hidden.kernel))
    scores = (hidden @ np.asarray(layer.score.kernel))[..., 0]
    weights = np.exp(scores / layer.temperature)
    weights = weights * (1 if mask is None else mask)
    weights = weights / weights.sum(axis=1, keepdims=True)
    pooled = [row @ each for row, each in zip(weights, x, strict=True)]
    return np.stack(pooled), weights


def test_a_new_layer_is_global_average_pooling():
    x = sequence((2, 7, 7, 16))

    pooled = SoftAttentionPooling()(x)

    expected = keras.layers.GlobalAveragePooling2D()(x)
    np.testing.assert_allclose(pooled, expected, atol=1e-6)  # rounding


def test_a_new_layer_averages_under_a_mask_as_keras_does():
    x = sequence()
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)

    pooled = SoftAttentionPooling()(x, mask=mask)

    expected = keras.layers.GlobalAveragePooling1D()(x, mask=mask)
    np.testing.assert_allclose(pooled, expected, atol=1e-6)  # rounding


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_outputs_and_weights_follow_the_formula(temperature):
    x = sequence()
    layer = awake(x, temperature=temperature, return_map=True)

    pooled, weights = layer(x)

    expected, expected_weights = reference(layer, x)
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-6)


def test_masked_positions_have_no_weight():
    x = sequence()
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
    layer = awake(x, return_map=True)

    pooled, weights = layer(x, mask=mask)

    expected, expected_weights = reference(layer, x, mask)
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-6)
    assert np.all(np.asarray(weights)[~mask] == 0)


def test_a_feature_map_is_weighed_pixel_by_pixel():
    x = sequence((2, 3, 4, 16))
    layer = awake(x, return_map=True)

    pooled, weights = layer(x)

    row_pooled, row_weights = layer(x.reshape(2, 12, 16))
    np.testing.assert_allclose(pooled, row_pooled, atol=1e-6)
    assert weights.shape == (2, 3, 4)
    row_weights = np.reshape(row_weights, weights.shape)
    np.testing.assert_allclose(weights, row_weights, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_row_without_any_position_pools_to_zero(policy):
    x = sequence()
    mask = np.array([[0] * 5, [1] * 5], bool)
    layer = awake(x, return_map=True, dtype=policy)

    pooled, weights = layer(x, mask=mask)

    assert np.all(pooled[0] == 0)
    assert np.all(np.isfinite(pooled))
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1, atol=2e-3)


def test_padding_may_hold_anything():
    x = sequence()
    mask = np.array([[1, 1, 1, 0, 0]] * 2, bool)
    layer = awake(x)
    clean = layer(x, mask=mask)
    x[:, 3:] = np.nan

    pooled = layer(x, mask=mask)

    np.testing.assert_array_equal(pooled, clean)


def test_float16_averages_a_large_map_to_its_last_digit():
    x = 1000 + sequence((1, 64, 64, 4))  # a sum of 4,096,000 in float16: inf

    pooled = SoftAttentionPooling(dtype="float16")(x.astype("float16"))

    expected = x.astype("float16").mean(axis=(1, 2), dtype="float64")
    np.testing.assert_allclose(pooled, expected, rtol=5e-4)  # half a digit


def test_no_mask_leaves_the_pooling():
    layer = SoftAttentionPooling()

    mask = layer.compute_mask(sequence(), np.ones((2, 5), bool))

    assert mask is None


@pytest.mark.parametrize(
    ("kwargs", "error", "advice"),
    [
        ({"temperature": -1.0}, ValueError, "above 0"),
        ({"units": 2.5}, TypeError, "an int"),
        ({"return_map": None}, TypeError, "True or False"),
    ],
    ids=["cold", "fraction", "none"],
)
def test_a_wrong_argument_is_refused(kwargs, error, advice):
    with pytest.raises(error, match=advice):
        SoftAttentionPooling(**kwargs)


@pytest.mark.parametrize("shape", [(2, 16), (2, 3, 4, 5, 16)], ids=str)
def test_another_rank_is_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match="before pooling or flattening"):
        SoftAttentionPooling()(np.ones(shape, "float32"))
