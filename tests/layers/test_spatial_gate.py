"""Does the gate turn positions as the formula says?"""

import keras
import numpy as np
import pytest

from aet_keras.layers import SpatialGate

SHAPES = [(2, 5, 16), (2, 3, 4, 16)]


def features(shape):
    return np.random.normal(size=shape).astype("float32")


def awake(inputs, **kwargs):
    """Returns a layer whose gate no longer stands at 1."""
    layer = SpatialGate(**kwargs)
    layer(inputs)
    layer.conv.kernel.assign(np.random.normal(size=layer.conv.kernel.shape))
    return layer


def gate(layer, x):
    """The docstring's formula, a window around each position."""
    kernel = np.moveaxis(np.asarray(layer.conv.kernel)[..., 0], -1, 0)
    sides = kernel.shape[1:]
    seen = np.stack([x.mean(axis=-1), x.max(axis=-1)], axis=-1)
    padding = [(0, 0), *((side // 2, side // 2) for side in sides), (0, 0)]
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(seen, padding), sides, axis=tuple(range(1, x.ndim - 1))
    )  # (batch, positions or height and width, 2, *sides)
    score = np.sum(windows * kernel, axis=tuple(range(-kernel.ndim, 0)))
    return 2 / (1 + np.exp(-score))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("policy", ["float32", "float16", "bfloat16"])
def test_a_new_layer_is_exactly_the_identity(shape, policy):
    inputs = keras.ops.cast(features(shape), policy)

    outputs = SpatialGate(dtype=policy)(inputs)

    assert np.all(outputs == inputs)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kernel_size", [1, 3, 7])
def test_outputs_and_map_follow_the_formula(shape, kernel_size):
    x = features(shape)
    layer = awake(x, kernel_size=kernel_size)

    outputs, seen = layer(x), layer.attention_map(x)

    expected = gate(layer, x)
    np.testing.assert_allclose(outputs, x * expected[..., None], atol=1e-5)
    np.testing.assert_allclose(seen, expected, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_masked_positions_are_neither_looked_at_nor_changed(shape):
    x = features(shape)
    mask = np.random.default_rng(0).random(shape[:-1]) < 0.6
    layer = awake(x, kernel_size=3)
    expected = gate(layer, np.where(mask[..., None], x, 0))
    x[~mask] = np.nan  # padding may hold anything

    outputs = np.asarray(layer(x, mask=mask))
    seen = np.asarray(layer.attention_map(x, mask=mask))

    np.testing.assert_allclose(seen, np.where(mask, expected, 1), atol=1e-5)
    np.testing.assert_array_equal(outputs[~mask], x[~mask])
    scaled = (x * expected[..., None])[mask]
    np.testing.assert_allclose(outputs[mask], scaled, atol=1e-5)


def test_float16_averages_many_channels_without_overflow():
    x = 40 + features((1, 4, 4, 2048))  # a sum of 81,920 is over 65,504
    layer = awake(x, kernel_size=3, dtype="mixed_float16")
    kernel = np.random.normal(scale=0.01, size=layer.conv.kernel.shape)
    layer.conv.kernel.assign(kernel)

    seen = layer.attention_map(x)

    np.testing.assert_allclose(seen, gate(layer, x), atol=2e-2)


def test_a_mask_goes_on_with_the_outputs():
    layer = SpatialGate()
    mask = np.array([[1, 1, 1, 0, 0]] * 2, bool)

    kept = layer.compute_mask(features((2, 5, 16)), mask)

    np.testing.assert_array_equal(kept, mask)


def test_a_layer_for_maps_refuses_a_sequence():
    layer = SpatialGate()
    layer.build((None, 3, 4, 16))

    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        layer(features((2, 5, 16)))


@pytest.mark.parametrize(
    ("kernel_size", "error", "advice"),
    [
        (2, ValueError, "Take 1 or 3"),
        (-1, ValueError, "at least 1"),
        ("7", TypeError, "an int"),
    ],
    ids=["even", "negative", "word"],
)
def test_a_wrong_kernel_size_is_refused(kernel_size, error, advice):
    with pytest.raises(error, match=advice):
        SpatialGate(kernel_size=kernel_size)


@pytest.mark.parametrize("shape", [(2, 16), (2, 3, 4, 5, 16)], ids=str)
def test_another_rank_is_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match="before pooling or flattening"):
        SpatialGate()(np.ones(shape, "float32"))
