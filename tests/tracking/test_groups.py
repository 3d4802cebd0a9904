import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

import aet_keras
from aet_keras.engine import Engine
from aet_keras.tracking import _records


class Reader(keras.callbacks.Callback):
    """Keeps what is read of the groups at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.read = []

    def on_epoch_begin(self, epoch, logs=None):
        _records.watch(self.model, self.params["steps"])

    def on_epoch_end(self, epoch, logs=None):
        self.read.append(_records.read_groups(self.model))


class Ratios(keras.callbacks.Callback):
    """Works out each group's relative gradient norm before an epoch."""

    def __init__(self):
        super().__init__()
        self.ratios = []

    def on_epoch_begin(self, epoch, logs=None):
        x, y = image_models.noise_images()
        kernels = [self.model.get_layer("old").get_layer(n) for n in CONVS]
        weights = [kernel.trainable_weights for kernel in kernels]
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(
                y, self.model(x, training=False)
            )
            loss = tf.reduce_mean(losses)
        values = [[w.value for w in group] for group in weights]
        gradients = tape.gradient(loss, values)
        self.ratios.append(
            [norm(g) / norm(v) for g, v in zip(gradients, values, strict=True)]
        )


CONVS = ("a_conv", "b_conv", "c_conv")
NAMES = ("stem", "b_conv", "c_conv")


def norm(tensors):
    return np.sqrt(sum(float((t.numpy() ** 2).sum()) for t in tensors))


def values(read, kind):
    """Returns a row an epoch of what was read, NaN where nothing was."""
    return [
        [epoch.get(f"{kind}/{name}", np.nan) for name in NAMES]
        for epoch in read
    ]


@pytest.fixture(scope="module")
def fitted():
    """Returns what was read in four epochs; a group more moves in each."""
    keras.utils.set_random_seed(0)
    reader, freezing = Reader(), image_models.gradual_freezing()
    model = image_models.compiled_classifier(run_eagerly=True)
    image_models.fit(model, freezing, reader)
    return reader.read, freezing


def test_it_says_which_groups_moved(fitted):
    read, freezing = fitted

    trainable = np.asarray(values(read, "group_trainable"), bool)

    assert freezing.group_names == NAMES
    assert [tuple(row) for row in trainable] == freezing.history


def test_groups_that_moved_share_the_gradient(fitted):
    read, freezing = fitted

    shares = np.asarray(values(read, "group_gradient_share"))

    np.testing.assert_array_equal(np.isfinite(shares), freezing.history)
    np.testing.assert_allclose(np.nansum(shares[1:], axis=1), 1.0)


def test_the_share_is_the_relative_gradient_norms():
    reader, ratios = Reader(), Ratios()
    freezing = aet_keras.callbacks.ElasticFreezing(
        aet_keras.policies.ThawAll(), cache=None
    )
    x, y = image_models.noise_images()

    image_models.compiled_classifier("sgd").fit(
        x, y, 32, 3, verbose=0, callbacks=[freezing, ratios, reader]
    )

    shares = values(reader.read, "group_gradient_share")
    expected = [np.asarray(row) / sum(row) for row in ratios.ratios]
    np.testing.assert_allclose(shares, expected, rtol=1e-4)  # float32


def test_the_multiplier_is_the_engines_and_zero_for_frozen_groups():
    model = image_models.compiled_classifier()
    engine = Engine.of(model)
    engine.control(aet_keras.backbones.group_layers(model)[:-1])
    engine.apply(
        aet_keras.policies.Decision(
            trainable=(False, True, True), multipliers=(0.9, 0.5, 0.25)
        )
    )

    read = _records.read_groups(model)

    assert values([read], "group_multiplier") == [[0.0, 0.5, 0.25]]


def test_without_groups_nothing_is_read():
    reader = Reader()

    image_models.fit(image_models.linear_classifier(), reader, epochs=1)

    assert reader.read == [{}]


def test_a_later_fit_without_freezing_says_nothing_of_old_groups(fitted):
    model, reader = image_models.compiled_classifier(), Reader()
    image_models.fit(model, image_models.gradual_freezing(), epochs=1)
    assert Engine.of(model).group_names

    image_models.fit(model, reader, epochs=1)

    assert reader.read == [{}]
