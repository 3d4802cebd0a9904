"""Does each channel ask its neighbours, as the formula says?"""

import keras
import numpy as np
import pytest

from aet_keras.layers import EfficientChannelAttention


def feature_map(shape=(2, 3, 4, 16)):
    return np.random.normal(size=shape).astype("float32")


def awake(inputs, **kwargs):
    """Returns a layer whose gate no longer stands at 1."""
    layer = EfficientChannelAttention(**kwargs)
    layer(inputs)
    layer.conv.kernel.assign(np.random.normal(size=layer.conv.kernel.shape))
    return layer


def gate(layer, z):
    """The docstring's formula for one mean a channel."""
    kernel = np.asarray(layer.conv.kernel)[:, 0, 0]
    rows = [np.correlate(row, kernel, mode="same") for row in z]
    return 2 / (1 + np.exp(-np.stack(rows)))


@pytest.mark.parametrize("shape", [(2, 5, 16), (2, 3, 4, 16)], ids=str)
@pytest.mark.parametrize("policy", ["float32", "float16", "bfloat16"])
def test_a_new_layer_is_exactly_the_identity(shape, policy):
    inputs = keras.ops.cast(feature_map(shape), policy)

    outputs = EfficientChannelAttention(dtype=policy)(inputs)

    assert np.all(outputs == inputs)


@pytest.mark.parametrize("kernel_size", [None, 1, 5])
def test_a_map_is_gated_by_its_mean(kernel_size):
    x = feature_map()
    layer = awake(x, kernel_size=kernel_size)

    outputs = layer(x)

    expected = x * gate(layer, x.mean(axis=(1, 2)))[:, None, None, :]
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_a_sequence_is_gated_by_its_mean():
    x = feature_map((2, 5, 16))
    layer = awake(x)

    outputs = layer(x)

    expected = x * gate(layer, x.mean(axis=1))[:, None, :]
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize(
    # (log2(channels) + 1) / 2 is 0.5, 2.5, 3.5, 4.5, 5, 6
    ("channels", "size"),
    [(1, 1), (16, 3), (64, 3), (256, 5), (512, 5), (2048, 7)],
)
def test_the_kernel_grows_with_the_channels_as_in_the_paper(channels, size):
    layer = EfficientChannelAttention()

    layer.build((None, 4, 4, channels))

    assert layer.conv.kernel.shape == (size, 1, 1)
    assert layer.get_config()["kernel_size"] is None


def test_masked_positions_are_neither_looked_at_nor_changed():
    x = feature_map((2, 5, 16))
    mask = np.array([[1, 1, 1, 0, 0]] * 2, bool)
    layer = awake(x)
    x[:, 3:] = np.nan  # padding may hold anything

    outputs = layer(x, mask=mask)

    expected = x * gate(layer, x[:, :3].mean(axis=1))[:, None, :]
    np.testing.assert_allclose(outputs[:, :3], expected[:, :3], atol=1e-5)
    np.testing.assert_array_equal(outputs[:, 3:], x[:, 3:])


def test_a_row_without_any_position_stays_as_it_is():
    x = feature_map((1, 5, 16))
    layer = awake(x)

    outputs = layer(x, mask=np.zeros((1, 5), bool))

    np.testing.assert_array_equal(outputs, x)


def test_a_mask_may_have_the_sides_of_the_map():
    x = feature_map()
    mask = np.random.default_rng(0).random((2, 3, 4)) < 0.5
    layer = awake(x)

    outputs = layer(x, mask=mask)

    row = layer(x.reshape(2, 12, 16), mask=mask.reshape(2, 12))
    np.testing.assert_allclose(outputs, np.reshape(row, x.shape), atol=1e-6)


def test_float16_averages_a_large_map_without_overflow():
    x = 20 + feature_map((1, 64, 64, 4))  # a sum of 81,920 is over 65,504
    layer = awake(x, kernel_size=3, dtype="mixed_float16")
    layer.conv.kernel.assign([[[-0.1]], [[0.1]], [[0.0]]])

    outputs = layer(x)

    expected = x * gate(layer, x.mean(axis=(1, 2)))[:, None, None, :]
    np.testing.assert_allclose(outputs, expected, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(
    ("kernel_size", "error", "advice"),
    [
        (4, ValueError, "Take 3 or 5"),
        (0, ValueError, "at least 1"),
        (3.0, TypeError, "an int"),
    ],
    ids=["even", "none", "float"],
)
def test_a_wrong_kernel_size_is_refused(kernel_size, error, advice):
    with pytest.raises(error, match=advice):
        EfficientChannelAttention(kernel_size=kernel_size)


@pytest.mark.parametrize("shape", [(2, 16), (2, 3, 4, 5, 16)], ids=str)
def test_another_rank_is_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match="before pooling or flattening"):
        EfficientChannelAttention()(np.ones(shape, "float32"))
