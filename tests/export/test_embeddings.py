"""Is what goes into the head found, and left out where there is none?"""

import keras
import numpy as np
import pytest
from keras import layers

from aet_keras.export.embeddings import call


def pooled(inputs):
    x = layers.Conv2D(6, 3, activation="relu")(inputs)
    return layers.GlobalAveragePooling2D(name="pool")(x)


def plain(inputs, x):
    return layers.Dense(3, activation="softmax")(layers.Dropout(0.5)(x))


def with_activation(inputs, x):
    return layers.Softmax()(layers.Dense(3)(x))


def nested(inputs, x):
    head = [keras.Input((6,)), layers.Dropout(0.5), layers.Dense(3)]
    return keras.Sequential(head)(x)


def two_dense(inputs, x):
    return layers.Dense(3)(layers.Dense(6, activation="linear", name="low")(x))


def gated(inputs, x):
    return layers.Dense(3)(x * layers.Dense(6, activation="sigmoid")(x))


def model_of(head):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, head(inputs, pooled(inputs)))


@pytest.mark.parametrize("head", [plain, with_activation, nested])
def test_the_input_of_the_last_dense_layer_is_found(head, images):
    model = model_of(head)
    pixels = images.astype("float32")

    said = call(model, pixels)

    pool = keras.Model(model.input, model.get_layer("pool").output)
    np.testing.assert_allclose(said.embeddings, pool(pixels), atol=1e-6)
    np.testing.assert_allclose(said.probabilities, model(pixels), atol=1e-6)


@pytest.mark.parametrize("head", [two_dense, gated])
def test_of_several_dense_layers_the_last_is_the_head(head, images):
    model = model_of(head)
    pixels = images.astype("float32")

    said = call(model, pixels)

    kernel, bias = model.layers[-1].get_weights()
    again = said.embeddings @ kernel + bias
    np.testing.assert_allclose(again, said.probabilities, atol=1e-5)


def test_asking_leaves_the_model_as_it_was(classifier, images):
    summary = []
    classifier.summary(print_fn=summary.append)

    call(classifier, images.astype("float32"))

    again = []
    classifier.summary(print_fn=again.append)
    assert again == summary


def residual(inputs, x):
    out = layers.Dense(6, activation="relu")(x)
    return layers.add([x, out])


def convolution(inputs, x):
    return layers.Flatten()(layers.Conv2D(3, 8)(inputs))


def rows_of_rows(inputs, x):
    rows = layers.Dense(3)(layers.Reshape((1, 6))(x))
    return layers.Activation("softmax")(rows)


def with_loss(inputs, x):
    return layers.Dense(3)(layers.ActivityRegularization(0.1)(x))


@pytest.mark.parametrize(
    "head", [residual, convolution, rows_of_rows, with_loss]
)
def test_without_one_dense_layer_for_a_head_there_are_none(head, images):
    model = model_of(head)
    pixels = images.astype("float32")

    said = call(model, pixels)

    assert said.embeddings is None
    np.testing.assert_allclose(said.probabilities, model(pixels), atol=1e-6)


def test_a_call_of_its_own_is_honoured(images):
    class DoublingLayer(keras.Model):
        def call(self, inputs, training=None):
            return 2 * super().call(inputs, training=training)

    inputs = keras.Input((8, 8, 3))
    model = DoublingLayer(inputs, plain(inputs, pooled(inputs)))
    pixels = images.astype("float32")

    said = call(model, pixels)

    assert said.embeddings is None
    np.testing.assert_allclose(said.probabilities, model(pixels))
    assert np.allclose(np.sum(said.probabilities, axis=1), 2, atol=1e-5)
