"""Does each position see the others as the formula says?"""

import keras
import numpy as np
import pytest

from aet_keras.layers import SoftAttention


def sequence(shape=(2, 5, 16)):
    return np.random.normal(size=shape).astype("float32")


def awake(inputs, **kwargs):
    """Returns a layer whose gain is no longer 0."""
    layer = SoftAttention(**kwargs)
    layer(inputs)
    layer.gain.assign(0.7)
    return layer


def reference(layer, x, mask=None):
    """The docstring's formula, one position at a time."""
    u, v, w = (x @ np.asarray(p.kernel) for p in (layer.u, layer.v, layer.w))
    outputs, weights = x.copy(), np.zeros((len(x), x.shape[1], x.shape[1]))
    for b, i in np.ndindex(x.shape[:2]):
        scores = v[b] @ u[b, i] / layer.temperature
        even = np.exp(scores - scores.max())
        kept = even * (1 if mask is None else mask[b])
        weights[b, i] = kept / kept.sum()
        if mask is None or mask[b, i]:
            outputs[b, i] += float(layer.gain) * weights[b, i] @ w[b]
    return outputs, weights


@pytest.mark.parametrize("shape", [(2, 5, 16), (2, 3, 4, 16)], ids=str)
@pytest.mark.parametrize("policy", ["float32", "float16", "bfloat16"])
def test_a_new_layer_is_exactly_the_identity(shape, policy):
    inputs = keras.ops.cast(sequence(shape), policy)

    outputs = SoftAttention(dtype=policy)(inputs)

    assert np.all(outputs == inputs)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_outputs_and_weights_follow_the_formula(temperature):
    x = sequence()
    layer = awake(x, temperature=temperature, return_map=True)

    outputs, weights = layer(x)

    expected, expected_weights = reference(layer, x)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-6)


def test_a_feature_map_is_a_sequence_of_its_pixels():
    x = sequence((2, 3, 4, 16))
    layer = awake(x)

    outputs = layer(x)

    row = layer(x.reshape(2, 12, 16))
    np.testing.assert_allclose(outputs, np.reshape(row, x.shape), atol=1e-6)


def test_a_hotter_softmax_is_more_even():
    x = sequence()
    cold = SoftAttention(temperature=0.5, return_map=True)
    hot = SoftAttention(temperature=50.0, return_map=True)
    cold(x), hot(x)
    hot.set_weights(cold.get_weights())

    peaks = [np.max(layer(x)[1], axis=-1) for layer in (cold, hot)]

    assert np.all(peaks[0] > peaks[1])
    np.testing.assert_allclose(peaks[1], 1 / 5, atol=0.05)  # 5 positions


@pytest.mark.parametrize(("channels", "width"), [(64, 8), (20, 2), (4, 1)])
def test_units_default_to_an_eighth_of_the_channels(channels, width):
    layer = SoftAttention()

    layer.build((None, 5, channels))

    assert layer.u.units == layer.v.units == width
    assert layer.w.units == channels
    assert layer.get_config()["units"] is None


def test_masked_positions_are_neither_looked_at_nor_changed():
    x = sequence()
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
    layer = awake(x, return_map=True)

    outputs, weights = layer(x, mask=mask)

    expected, expected_weights = reference(layer, x, mask)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    weights = np.asarray(weights)
    np.testing.assert_allclose(weights[mask], expected_weights[mask], atol=1e-6)
    np.testing.assert_allclose(
        weights[~mask].max(axis=-1), [1 / 3, 1 / 3, 1 / 4]
    )
    assert np.all(np.asarray(outputs)[~mask] == x[~mask])


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_padding_may_hold_anything(policy):
    x = sequence()
    mask = np.array([[1, 1, 1, 0, 0]] * 2, bool)
    layer = awake(x, dtype=policy)
    clean = layer(x, mask=mask)
    x[:, 3:] = np.nan

    outputs = layer(x, mask=mask)

    np.testing.assert_array_equal(outputs[:, :3], clean[:, :3])


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_row_without_any_position_stays_as_it_is(policy):
    x = sequence()
    mask = np.array([[0] * 5, [1] * 5], bool)
    layer = awake(x, return_map=True, dtype=policy)

    outputs, weights = layer(x, mask=mask)

    assert np.all(outputs[0] == x[0].astype(layer.compute_dtype))
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1, atol=2e-3)
    np.testing.assert_allclose(weights[0], 1 / 5, atol=1e-3)


def test_a_mask_may_have_the_sides_of_the_map():
    x = sequence((2, 3, 4, 16))
    mask = np.random.default_rng(0).random((2, 3, 4)) < 0.5
    layer = awake(x)

    outputs = layer(x, mask=mask)

    row = layer(x.reshape(2, 12, 16), mask=mask.reshape(2, 12))
    np.testing.assert_allclose(outputs, np.reshape(row, x.shape), atol=1e-6)


def test_scores_beyond_float16_give_numbers():
    x = 300 * np.ones((1, 3, 16), "float32")  # 300 * 300 * 16 is over 65,504
    layer = SoftAttention(units=16, return_map=True, dtype="mixed_float16")
    layer(x)
    layer.u.kernel.assign(np.eye(16))
    layer.v.kernel.assign(np.eye(16))

    _, weights = layer(x)

    np.testing.assert_allclose(weights, 1 / 3, atol=1e-3)


def test_a_mask_goes_on_with_the_outputs_alone():
    inputs = keras.Input((5, 16))
    masked = keras.layers.Masking()(inputs)

    outputs, weights = SoftAttention(return_map=True)(masked)
    pooled = keras.layers.GlobalAveragePooling1D()(outputs)

    x = sequence()
    x[:, 3:] = 0  # what `Masking` hides
    result = keras.Model(inputs, pooled)(x)
    np.testing.assert_allclose(result, x[:, :3].mean(axis=1), atol=1e-6)
    assert weights.shape == (None, 5, 5)


@pytest.mark.parametrize(
    ("kwargs", "error", "advice"),
    [
        ({"temperature": 0}, ValueError, "above 0"),
        ({"temperature": "hot"}, TypeError, "above 0"),
        ({"units": 0}, ValueError, "at least 1"),
        ({"return_map": 1}, TypeError, "True or False"),
    ],
    ids=["cold", "word", "no units", "number"],
)
def test_a_wrong_argument_is_refused(kwargs, error, advice):
    with pytest.raises(error, match=advice):
        SoftAttention(**kwargs)


@pytest.mark.parametrize("shape", [(2, 16), (2, 3, 4, 5, 16)], ids=str)
def test_another_rank_is_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match="before pooling or flattening"):
        SoftAttention()(np.ones(shape, "float32"))
