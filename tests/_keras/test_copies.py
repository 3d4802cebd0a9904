"""Is a copy of a layer like it in all that the config does not hold?"""

import keras
import numpy as np
import pytest
from keras import layers, ops

from aet_keras._keras import copies


def copied(layer, *inputs):
    """Returns a copy that was called, with the state of the layer."""
    made = copies.copy_layer(layer)
    made(*inputs)
    copies.copy_state(layer, made)
    return made


def normalization():
    layer = layers.Normalization()
    layer.adapt(10 + 3 * np.random.normal(size=(50, 4)))
    return layer


LAYERS = {
    "weights": lambda: layers.Dense(3, bias_initializer="normal"),
    "statistics": normalization,
    "parts": lambda: layers.TimeDistributed(layers.Dense(2)),
    "attention": lambda: layers.MultiHeadAttention(2, 3),
    "recurrent": lambda: layers.Bidirectional(layers.LSTM(2)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_a_copy_computes_the_same_with_weights_of_its_own(kind):
    layer = LAYERS[kind]()
    x = np.random.normal(size=(2, 5, 4)).astype("float32")
    inputs = (x, x) if kind == "attention" else (x,)
    expected = layer(*inputs)

    made = copied(layer, *inputs)

    np.testing.assert_array_equal(made(*inputs), expected)
    assert not {id(w) for w in made.weights} & {id(w) for w in layer.weights}
    assert made.name == layer.name


def test_a_vocabulary_is_copied():
    layer = layers.StringLookup()
    layer.adapt(["b", "a", "b"])

    made = copied(layer, keras.Input((), dtype="string"))

    np.testing.assert_array_equal(made(np.array(["a", "b", "c"])), [2, 1, 0])


def test_a_copy_draws_what_the_layer_would_draw():
    layer = layers.Dropout(0.5)
    x = np.ones((4, 50), "float32")
    layer(x, training=True)

    made = copied(layer, x)

    drawn = layer(x, training=True)
    np.testing.assert_array_equal(made(x, training=True), drawn)


def test_each_flag_inside_is_copied():
    layer = layers.MultiHeadAttention(2, 3)
    x = np.ones((2, 5, 4), "float32")
    layer(x, x)
    layer.query_dense.trainable = False
    layer.value_dense.bias.trainable = False

    made = copied(layer, x, x)

    assert [w.trainable for w in made.weights] == [
        w.trainable for w in layer.weights
    ]
    assert not made.query_dense.trainable and made.value_dense.trainable


def test_a_layer_with_other_weights_than_its_copy_is_refused():
    layer = layers.Dense(3)
    layer.build((None, 4))
    made = layers.Dense(3)
    made.build((None, 5))

    with pytest.raises(copies.NotCopied, match="with other weights"):
        copies.copy_state(layer, made)


def test_a_bare_operation_is_copied_with_what_it_was_made_with():
    x = keras.Input((4, 3))
    rows = ops.map(lambda row: 2 * row, x)
    operation = rows._keras_history.operation
    values = np.ones((2, 4, 3), "float32")

    made = copies.copy_bare(operation)

    assert made.name == operation.name
    assert operation._inbound_nodes and not made._inbound_nodes
    f = operation._inbound_nodes[0].arguments.args
    np.testing.assert_array_equal(made(f[0], values), 2 * values)


def test_a_copy_has_the_same_adapters_not_merged_ones():
    layer = layers.Dense(3)
    layer.build((None, 4))
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.ones((2, 3)))

    made = copied(layer, np.ones((2, 4), "float32"))

    for old, new in zip(layer.weights, made.weights, strict=True):
        np.testing.assert_array_equal(new.numpy(), old.numpy())
        assert new.trainable == old.trainable
    assert np.abs(made.lora_kernel_a.numpy()).max() > 0
