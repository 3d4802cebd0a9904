"""Does a loss get the very tensors that the last layers put out?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras._keras import marks


class Marks(keras.layers.Layer):
    def call(self, x):
        outputs = keras.ops.copy(x)
        marks.mark(outputs, self.name)
        return outputs


def nested():
    inner = keras.Sequential([keras.Input((2,)), Marks(name="last")])
    inputs = keras.Input((2,))
    return keras.Model(inputs, {"own": inner(inputs)})


def flat():
    inputs = keras.Input((2,))
    return keras.Model(inputs, {"own": Marks(name="last")(inputs)})


@pytest.mark.parametrize("make", [flat, nested])
@pytest.mark.parametrize("is_traced", [False, True])
def test_a_mark_comes_through_a_functional_model(make, is_traced):
    seen = []

    def loss(y, y_pred):
        seen.append(marks.mark_of(y_pred))
        return tf.reduce_mean(y_pred, axis=-1)

    class Loss(keras.losses.Loss):
        def __call__(self, y, y_pred, sample_weight=None):
            return loss(y, y_pred)

    model = make()
    model.compile("sgd", {"own": Loss()}, run_eagerly=not is_traced)

    model.evaluate(np.ones((1, 2)), {"own": np.ones((1, 2))}, verbose=0)

    assert set(seen) == {"last"}


def test_a_tensor_without_a_mark_has_none():
    assert marks.mark_of(tf.ones(2)) is None


class Asks(keras.layers.Layer):
    def call(self, x):
        self.answer = marks.is_drawn_only()
        return x


def test_shapes_that_are_asked_for_are_told_from_steps():
    layer = Asks()

    layer(keras.Input((2,)))
    assert layer.answer is True

    layer(tf.ones((1, 2)))
    assert layer.answer is False
