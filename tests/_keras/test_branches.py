"""See also tests/backbones/test_graft_branches.py, for kinds of blocks."""

import keras
from keras import layers, ops

from aet_keras._keras import branches


def test_the_operation_that_ends_a_branch_may_be_bare():
    vector = keras.Input((4,))
    x = layers.Dense(4)(vector)
    model = keras.Model(vector, x + ops.sigmoid(layers.Dense(4)(x)))

    (end,) = branches.residual_ends(model)

    assert not isinstance(end, keras.layers.Layer)
    assert end.name.startswith("sigmoid")


def test_a_branch_that_is_called_twice_is_listed_once():
    block = layers.Dense(4, name="block")
    x = vector = keras.Input((4,))
    for _ in range(2):
        x = layers.Add()([x, block(x)])

    ends = branches.residual_ends(keras.Model(vector, x))

    assert [end.name for end in ends] == ["block"]
