"""Are the branches of residual sums found, and nothing else?"""

import graph_models
import image_models
import keras
import pytest
from doubling_layer import DoublingLayer
from keras import layers

from aet_keras.backbones import graft, residual_branches


def dense(x, name, units=8):
    return layers.Dense(units, name=name)(x)


def identity(x):
    branch = dense(dense(x, "a"), "b")
    return layers.Add()([x, branch])


def identity_second(x):
    return layers.Add()([layers.ReLU(name="b")(dense(x, "a")), x])


def projection(x):
    short = layers.BatchNormalization()(dense(x, "short"))
    return layers.Add()([short, dense(dense(x, "a"), "b")])


def operator(x):
    return x + dense(dense(x, "a"), "b")


def scaled_branch(x):
    branch = dense(x, "a")
    return layers.Add()([x, layers.Rescaling(0.5, name="b")(branch)])


def gated_branch(x):
    branch = dense(x, "a")
    gate = dense(branch, "gate")
    return layers.Add()([x, layers.Multiply(name="b")([branch, gate])])


def attention(x):
    rows = layers.Reshape((2, 4))(x)
    found = layers.MultiHeadAttention(1, 4, name="b")(rows, rows)
    return layers.Add()([rows, found])


def nested(x):
    block = keras.Sequential([layers.Dense(8), layers.Dense(8)], name="b")
    return layers.Add()([x, block(x)])


FOUND = (
    identity,
    identity_second,
    projection,
    operator,
    scaled_branch,
    gated_branch,
    attention,
    nested,
)


@pytest.mark.parametrize("block", FOUND, ids=lambda block: block.__name__)
def test_the_end_of_a_residual_branch_is_found(block):
    vector = keras.Input((8,))
    x = block(dense(vector, "first"))
    model = keras.Model(vector, layers.Dense(2)(x))

    assert residual_branches(model) == ("b",)


def equal(x):
    return layers.Add()([dense(x, "a"), dense(x, "b")])


def two_long(x):
    left = dense(dense(x, "a"), "b")
    return layers.Add()([left, dense(dense(dense(x, "c"), "d"), "e")])


def three(x):
    return layers.Add()([x, dense(x, "a"), dense(x, "b")])


def no_weights(x):
    return layers.Add()([x, layers.ReLU()(x)])


def constant(x):
    return x + 1.0


def joined(x):
    return layers.Concatenate()([x, dense(dense(x, "a"), "b")])


def across(x):
    # the long branch takes in what the shortcut was computed from
    y = dense(x, "y")
    branch = layers.Concatenate()([dense(y, "a"), x])
    return layers.Add()([y, dense(branch, "b")])


NOT = (equal, two_long, three, no_weights, constant, joined, across)


@pytest.mark.parametrize("block", NOT, ids=lambda block: block.__name__)
def test_another_sum_is_not_residual(block):
    vector = keras.Input((8,))
    x = block(dense(vector, "first"))
    model = keras.Model(vector, layers.Dense(2)(x))

    assert residual_branches(model) == ()


def test_a_mask_that_enters_the_branch_does_not_hide_it():
    vector, mask = keras.Input((8,)), keras.Input((8,))
    x = dense(vector, "first")
    branch = layers.Multiply(name="b")([dense(x, "a"), 1.0 - mask])
    model = keras.Model([vector, mask], layers.Add()([x, branch]))

    assert residual_branches(model) == ("b",)


def test_branches_are_found_in_a_nested_model_in_order():
    body = graph_models.transformer(block_count=2)
    tokens = keras.Input((6, 8))
    model = keras.Model(tokens, layers.Dense(2)(body(tokens)))

    assert residual_branches(model) == (
        "block_0_attention",
        "block_0_dense",
        "block_1_attention",
        "block_1_dense",
    )


def test_a_gate_stands_on_the_branch_before_the_sum():
    vector = keras.Input((8,))
    model = keras.Model(vector, identity(dense(vector, "first")))

    grafted = graft(model, DoublingLayer, after=residual_branches(model))

    total = grafted.layers[-1]
    assert [tensor.shape[-1] for tensor in total.input] == [8, 8]
    new = grafted.get_layer("graft_b").output
    assert any(tensor is new for tensor in total.input)


def test_a_model_without_sums_has_none():
    assert residual_branches(image_models.classifier()) == ()
