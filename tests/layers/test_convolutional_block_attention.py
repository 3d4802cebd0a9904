"""Do both gates turn the features as the formula says?"""

import keras
import numpy as np
import pytest

from aet_keras.layers import ConvolutionalBlockAttention

SHAPES = [(2, 5, 16), (2, 3, 4, 16)]


def features(shape):
    return np.random.normal(size=shape).astype("float32")


def awake(inputs, **kwargs):
    """Returns a layer whose gates no longer stand at 1."""
    layer = ConvolutionalBlockAttention(**kwargs)
    layer(inputs)
    for weight in layer.weights:
        weight.assign(np.random.normal(scale=0.5, size=weight.shape))
    return layer


def scaled(layer, x, kept):
    """The docstring's y, one example at a time; `kept` as of a mask."""
    squeeze, kernel, bias = layer.get_weights()[:3]
    y = np.zeros_like(x)
    for b in range(len(x)):
        rows = x[b][kept[b]]
        hidden = sum(
            np.maximum(pooled @ squeeze, 0)
            for pooled in (rows.mean(axis=0), rows.max(axis=0))
        )
        gate = 2 / (1 + np.exp(-(hidden @ kernel + bias)))
        y[b][kept[b]] = rows * gate
    return y


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("policy", ["float32", "float16", "bfloat16"])
def test_a_new_layer_is_exactly_the_identity(shape, policy):
    inputs = keras.ops.cast(features(shape), policy)

    outputs = ConvolutionalBlockAttention(dtype=policy)(inputs)

    assert np.all(outputs == inputs)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_and_map_follow_the_formula(shape):
    x = features(shape)
    layer = awake(x, ratio=4, kernel_size=3)

    outputs, seen = layer(x), layer.attention_map(x)

    y = scaled(layer, x, np.ones(shape[:-1], bool))
    np.testing.assert_allclose(outputs, layer.spatial(y), atol=1e-5)
    np.testing.assert_allclose(seen, layer.spatial.attention_map(y), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_masked_positions_are_neither_looked_at_nor_changed(shape):
    x = features(shape)
    mask = np.random.default_rng(0).random(shape[:-1]) < 0.6
    layer = awake(x, ratio=4, kernel_size=3)
    y = scaled(layer, x, mask)
    x[~mask] = np.nan  # padding may hold anything

    outputs = np.asarray(layer(x, mask=mask))
    seen = np.asarray(layer.attention_map(x, mask=mask))

    expected = np.asarray(layer.spatial(y, mask=mask))
    np.testing.assert_allclose(outputs[mask], expected[mask], atol=1e-5)
    np.testing.assert_array_equal(outputs[~mask], x[~mask])
    expected = layer.spatial.attention_map(y, mask=mask)
    np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_the_maximum_is_of_what_is_not_masked():
    x = -1 - np.abs(features((1, 5, 16)))  # the zeros of a mask are higher
    mask = np.array([[1, 1, 1, 0, 0]], bool)
    layer = awake(x, ratio=2, kernel_size=1)

    outputs = layer(x, mask=mask)

    expected = layer(x[:, :3])
    np.testing.assert_allclose(outputs[:, :3], expected, atol=1e-5)


def test_a_row_without_any_position_stays_as_it_is():
    x = features((1, 5, 16))
    layer = awake(x)

    outputs = layer(x, mask=np.zeros((1, 5), bool))

    np.testing.assert_array_equal(outputs, x)


def test_float16_squeezes_a_large_map_without_overflow():
    x = 20 + features((1, 64, 64, 4))  # a sum of 81,920 is over 65,504
    full = awake(x, ratio=1, kernel_size=1)
    for weight in full.weights:
        weight.assign(0.05 * weight)
    half = ConvolutionalBlockAttention(1, 1, dtype="mixed_float16")
    half(x)
    half.set_weights(full.get_weights())

    outputs = half(x)

    np.testing.assert_allclose(outputs, full(x), rtol=2e-2)


def test_the_spatial_gate_gets_the_kernel_size():
    layer = ConvolutionalBlockAttention(kernel_size=5)

    layer.build((None, 4, 4, 16))

    assert layer.spatial.conv.kernel.shape == (5, 5, 2, 1)


@pytest.mark.parametrize(
    ("kwargs", "error", "advice"),
    [
        ({"ratio": 0}, ValueError, "at least 1"),
        ({"ratio": 0.5}, TypeError, "an int"),
        ({"kernel_size": 6}, ValueError, "Attention.* Take 5 or 7"),
    ],
    ids=["no ratio", "fraction", "even"],
)
def test_a_wrong_argument_is_refused(kwargs, error, advice):
    with pytest.raises(error, match=advice):
        ConvolutionalBlockAttention(**kwargs)


@pytest.mark.parametrize("shape", [(2, 16), (2, 3, 4, 5, 16)], ids=str)
def test_another_rank_is_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match="before pooling or flattening"):
        ConvolutionalBlockAttention()(np.ones(shape, "float32"))
