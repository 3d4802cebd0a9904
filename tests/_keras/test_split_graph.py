import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from aet_keras._keras.fixed import is_fixed
from aet_keras._keras.split_graph import SplitGraph, UnsafeBelow

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def below(name):
    """Returns what says that layers stand whose name comes before another."""
    return lambda layer: layer.name < name


def names(graph, boundary):
    return [layer.name for layer in graph.lower_layers(boundary)]


def through(model, is_fixed, x=X, *, training=False):
    """Computes a model in two parts."""
    graph = SplitGraph(model)
    boundary = graph.split_below(is_fixed)
    tensors = graph.compute_lower(x, boundary, boundary.keys, training=training)
    return graph.compute_upper(tensors, boundary, training=training)


def chain():
    """Returns a model around a nested one: a, (b, c), d."""
    nested = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4, name="b"),
            layers.Dense(4, name="c"),
        ]
    )
    inputs = keras.Input((4,))
    x = nested(layers.Dense(4, "tanh", name="a")(inputs))
    return keras.Model(inputs, layers.Dense(2, name="d")(x))


def branches():
    """Returns two inputs, a short-cut and two named outputs."""
    u, v = keras.Input((4,), name="u"), keras.Input((4,), name="v")
    a = layers.Dense(3, "tanh", name="a")(u)
    b = layers.Dense(3, "tanh", name="b")(a)
    c = layers.Dense(3, name="c")(layers.Add(name="add")([a, b]))
    d = layers.Dense(2, name="d")(layers.Concatenate(name="cat")([c, v]))
    return keras.Model({"u": u, "v": v}, {"far": d, "near": [c, b]})


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e"])
def test_two_parts_compute_what_the_model_computes(name):
    model = chain()

    outputs = through(model, below(name))

    np.testing.assert_array_equal(outputs, model(X))


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e"])
def test_outputs_keep_their_structure(name):
    model, inputs = branches(), {"u": X, "v": 2 * X}

    outputs = through(model, below(name), inputs)

    expected = model(inputs)
    assert outputs.keys() == expected.keys()
    for left, right in zip(
        keras.tree.flatten(outputs), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(left, right, atol=1e-6)


def test_a_cut_reaches_into_a_nested_model():
    graph = SplitGraph(chain())

    assert names(graph, graph.split_below(below("c"))) == ["a", "b"]


def test_all_that_the_upper_part_needs_crosses():
    graph = SplitGraph(branches())

    # `a` goes into the sum, and `v` passes by.
    assert len(graph.split_below(below("b")).keys) == 2
    # `b` is an output too.
    assert len(graph.split_below(below("c")).keys) == 3


def test_nothing_above_what_moves_is_below_the_cut():
    graph = SplitGraph(chain())

    boundary = graph.split_below(lambda layer: layer.name != "b")

    assert names(graph, boundary) == ["a"]


def test_a_layer_called_twice_is_below_for_its_first_call_only():
    shared, mid = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, shared(mid(shared(inputs))))
    graph = SplitGraph(model)

    boundary = graph.split_below(below("b"))

    assert names(graph, boundary) == ["a"]
    np.testing.assert_array_equal(through(model, below("b")), model(X))


def test_raw_is_what_no_weights_were_needed_for():
    u, v = keras.Input((4,)), keras.Input((1,))
    dense = layers.Dense(3)(layers.Rescaling(2.0)(u))
    model = keras.Model([u, v], layers.Concatenate()([dense, 3.0 * v]))
    graph = SplitGraph(model)

    raw = [key in graph.raw for step in graph.steps for key in step.writes]

    assert sorted(raw) == [False, False, True, True]
    assert set(graph.inputs) <= graph.raw


def test_layers_are_told_that_they_train():
    inputs = keras.Input((4,))
    dropped = layers.Dropout(0.5)(inputs, training=False)
    model = keras.Model(inputs, layers.Dropout(0.5)(dropped))

    quiet = through(model, is_fixed)
    loud = through(model, is_fixed, training=True)

    np.testing.assert_array_equal(quiet, X)
    assert np.mean(np.asarray(loud) == 0) > 0.5  # as in `fit`: both drop


def test_no_layer_gets_a_node():
    model = chain()
    inside = list(model._flatten_layers())
    before = [len(layer._inbound_nodes) for layer in inside]

    through(model, below("c"))

    assert [len(layer._inbound_nodes) for layer in inside] == before


def test_layers_compute_in_the_precision_of_their_model():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = chain()
    graph = SplitGraph(model)
    boundary = graph.split_below(below("c"))

    (tensor,) = graph.compute_lower(X, boundary, boundary.keys, training=False)

    assert tensor.dtype == tf.bfloat16
    np.testing.assert_array_equal(through(model, below("c")), model(X))


def test_a_loss_below_is_named():
    class Adds(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    inputs = keras.Input((4,))
    x = Adds(name="adds")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(x))

    with pytest.raises(UnsafeBelow, match="`adds` adds a loss"):
        through(model, below("dense"))


def test_a_tensor_with_a_mask_is_not_given():
    inputs = keras.Input((4, 2))
    x = layers.Dense(3, name="b")(layers.Masking(name="a")(inputs))
    model = keras.Model(inputs, layers.GlobalAveragePooling1D(name="c")(x))
    graph = SplitGraph(model)
    boundary = graph.split_below(lambda layer: layer.name != "c")

    found = graph.compute_lower(
        np.ones((2, 4, 2)), boundary, boundary.keys, training=False
    )

    assert None in found


def test_a_mask_that_attention_takes_off_is_missed():
    # Keras 3.15: attention removes the mask of the tensors that it reads.
    inputs = keras.Input((4,))
    x = layers.Embedding(9, 6, mask_zero=True, name="a")(inputs)
    seen = layers.MultiHeadAttention(2, 3, name="b")(x, x)
    pool = layers.GlobalAveragePooling1D(name="c")
    graph = SplitGraph(keras.Model(inputs, [pool(x), pool(seen)]))
    boundary = graph.split_below(lambda layer: layer.name != "c")

    found = graph.compute_lower(
        np.array([[3, 0, 0, 0]]), boundary, boundary.keys, training=False
    )

    assert found[0] is None


def test_text_is_not_given():
    inputs = keras.Input((1,), dtype="string")
    x = layers.StringLookup(vocabulary=["a"])(inputs)
    graph = SplitGraph(keras.Model(inputs, x))
    boundary = graph.split_below(lambda layer: False)

    found = graph.compute_lower(
        tf.constant([["a"]]), boundary, boundary.keys, training=False
    )

    assert found == [None]


def test_a_nested_model_with_a_call_of_its_own_is_one_step():
    class Own(keras.Model):
        def call(self, *args, **settings):
            return 2.0 * super().call(*args, **settings)

    inner = keras.Input((4,))
    nested = Own(inner, layers.Dense(4, name="b")(inner), name="own")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2, name="z")(nested(inputs)))
    graph = SplitGraph(model)

    boundary = graph.split_below(below("z"))

    assert names(graph, boundary) == ["own"]
    np.testing.assert_array_equal(through(model, below("z")), model(X))
