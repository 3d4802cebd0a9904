"""Does every layer that weighs positions show how it does?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import layers

SHAPES = [(2, 5, 16), (2, 3, 4, 16)]
WEIGHTS = ["GatedAttentionPooling", "SoftAttention", "SoftAttentionPooling"]
GATES = ["ConvolutionalBlockAttention", "SpatialGate"]
NAMES = WEIGHTS + GATES


def features(shape):
    return np.random.normal(size=shape).astype("float32")


def awake(name, inputs, **kwargs):
    """Returns a layer with no weight at 0."""
    layer = getattr(layers, name)(**kwargs)
    layer(inputs)
    for weight in layer.weights:
        weight.assign(np.random.normal(scale=0.3, size=weight.shape))
    return layer


def test_layers_that_weigh_positions_have_a_map_and_no_others():
    having = {
        name
        for name in layers.__all__
        if hasattr(getattr(layers, name), "attention_map")
    }

    assert having == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_new_layer_attends_to_all_positions_alike(name, shape):
    layer = getattr(layers, name)()

    seen = layer.attention_map(np.ones(shape, "float32"))

    even = 1 if name in GATES else 1 / np.prod(shape[1:-1])
    np.testing.assert_allclose(seen, np.full(shape[:-1], even), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_built_by_its_map_is_built_as_by_a_call(name):
    x = features(SHAPES[1])
    called, mapped = (getattr(layers, name)(name="same") for _ in range(2))

    called(x), mapped.attention_map(x)

    assert [w.path for w in mapped.weights] == [w.path for w in called.weights]


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_weights_sum_to_one_and_are_zero_where_masked(name, shape):
    x = features(shape)
    mask = np.random.default_rng(0).random(shape[:-1]) < 0.6
    layer = awake(name, x)
    x[~mask] = np.nan

    seen = np.asarray(layer.attention_map(x, mask=mask))

    total = seen.reshape(2, -1).sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert np.all(seen >= 0) and np.all(seen[~mask] == 0)
    assert np.ptp(seen[mask]) > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_map_is_float32_in_half_precision(name, policy):
    x = features(SHAPES[1])
    full = awake(name, x)
    half = awake(name, x, dtype=policy)
    half.set_weights(full.get_weights())

    seen = half.attention_map(x)

    assert seen.dtype == "float32"
    np.testing.assert_allclose(seen, full.attention_map(x), atol=3e-2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_map_needs_no_known_sides(name, shape):
    x = features(shape)
    layer = awake(name, x)
    free = tf.TensorSpec([None] * (len(shape) - 1) + [shape[-1]])

    traced = tf.function(
        layer.attention_map, input_signature=[free], autograph=False
    )

    np.testing.assert_allclose(traced(x), layer.attention_map(x), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_map_can_be_an_output_of_a_model(name):
    x = features(SHAPES[1])
    layer = awake(name, x)
    inputs = keras.Input(SHAPES[1][1:])

    model = keras.Model(inputs, layer.attention_map(inputs))

    np.testing.assert_allclose(model(x), layer.attention_map(x), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_another_rank_is_refused_with_the_way_out(name):
    layer = awake(name, features(SHAPES[0]))

    with pytest.raises(ValueError, match="before pooling or flattening"):
        layer.attention_map(np.ones((2, 16), "float32"))
