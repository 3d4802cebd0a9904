"""Does the gated score weigh as the formula says?"""

import keras
import numpy as np
import pytest

from aet_keras.layers import GatedAttentionPooling


def sequence(shape=(2, 5, 16)):
    return np.random.normal(size=shape).astype("float32")


def awake(inputs, **kwargs):
    """Returns a layer whose scores are no longer even."""
    layer = GatedAttentionPooling(**kwargs)
    layer(inputs)
    layer.score.kernel.assign(np.random.normal(size=layer.score.kernel.shape))
    return layer


def reference(layer, x, mask=None):
    """The docstring's formula, one example at a time."""
    hidden = np.tanh(x @ np.asarray(layer.hidden.kernel))
    gate = 1 / (1 + np.exp(-x @ np.asarray(layer.gate.kernel)))
    scores = ((hidden * gate) @ np.asarray(layer.score.kernel))[..., 0]
    weights = np.exp(scores / layer.temperature)
    weights = weights * (1 if mask is None else mask)
    weights = weights / weights.sum(axis=1, keepdims=True)
    pooled = [row @ each for row, each in zip(weights, x, strict=True)]
    return np.stack(pooled), weights


@pytest.mark.parametrize(
    ("policy", "bound"),
    [("float32", 1e-6), ("float16", 1e-3), ("bfloat16", 8e-3)],  # last digit
)
def test_a_new_layer_is_global_average_pooling(policy, bound):
    x = keras.ops.cast(sequence((2, 7, 7, 16)), policy)

    pooled = GatedAttentionPooling(dtype=policy)(x)

    expected = np.mean(keras.ops.cast(x, "float64"), axis=(1, 2))
    pooled = keras.ops.cast(pooled, "float64")
    np.testing.assert_allclose(pooled, expected, atol=bound)


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
    expected, expected_weights = reference(layer, x, mask)
    x[~mask] = np.nan  # padding may hold anything

    pooled, weights = layer(x, mask=mask)

    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-6)


def test_the_map_is_the_weights():
    x = sequence((2, 3, 4, 16))
    mask = np.random.default_rng(0).random((2, 3, 4)) < 0.6
    layer = awake(x, return_map=True)

    seen = layer.attention_map(x, mask=mask)

    np.testing.assert_array_equal(seen, layer(x, mask=mask)[1])
    np.testing.assert_allclose(np.sum(seen, axis=(1, 2)), 1, atol=1e-6)


@pytest.mark.parametrize(("channels", "width"), [(64, 8), (4, 1)])
def test_units_default_to_an_eighth_of_the_channels(channels, width):
    layer = GatedAttentionPooling()

    layer.build((None, 5, channels))

    assert layer.hidden.units == layer.gate.units == width
    assert layer.get_config()["units"] is None


@pytest.mark.parametrize(
    ("kwargs", "error", "advice"),
    [
        ({"temperature": 0.0}, ValueError, "above 0"),
        ({"units": 0}, ValueError, "at least 1"),
        ({"return_map": "yes"}, TypeError, "True or False"),
    ],
    ids=["cold", "no units", "word"],
)
def test_a_wrong_argument_is_refused_in_the_layer_s_name(kwargs, error, advice):
    with pytest.raises(error, match=f"GatedAttentionPooling: .*{advice}"):
        GatedAttentionPooling(**kwargs)


@pytest.mark.parametrize("shape", [(2, 16), (2, 3, 4, 5, 16)], ids=str)
def test_another_rank_is_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match="before pooling or flattening"):
        GatedAttentionPooling()(np.ones(shape, "float32"))
