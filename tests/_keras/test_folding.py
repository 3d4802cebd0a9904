import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from aet_keras._keras import split_graph
from aet_keras._keras.folding import find_folds
from aet_keras._keras.split_graph import SplitGraph
from aet_keras.replay import FeatureCache
from aet_keras.replay.readers import make_recorders

IMAGES = np.random.default_rng(0).normal(size=(4, 12, 12, 3)).astype("float32")
LINEAR = {
    "conv": lambda: layers.Conv2D(5, 3, strides=2, padding="same"),
    "conv without bias": lambda: layers.Conv2D(5, 3, use_bias=False),
    "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
    "separable": lambda: layers.SeparableConv2D(5, 3, dilation_rate=2),
    "dense": lambda: layers.Dense(5),
}


TYPES = {"float16": True, "bfloat16": True, "float32": False}


class OwnConv2D(layers.Conv2D):
    """A convolution whose call may be another."""


def normalization(**settings):
    """Returns a frozen normalization whose every number matters."""
    layer = layers.BatchNormalization(trainable=False, **settings)
    random = np.random.default_rng(1)

    def draw(shape, dtype=None):
        return tf.constant(random.uniform(0.5, 2.0, shape), dtype)

    for name in ("beta", "gamma", "moving_mean", "moving_variance"):
        setattr(layer, f"{name}_initializer", draw)
    return layer


def frozen(*stack, inputs=None):
    inputs = keras.Input((12, 12, 3)) if inputs is None else inputs
    x = inputs
    for layer in stack:
        x = layer(x)
    model = keras.Model(inputs, x)
    model.trainable = False
    return model


def folds(model):
    """Counts what is folded, and checks it against the model itself."""
    graph = SplitGraph(model)
    boundary = graph.split_below(lambda layer: True)
    keys = boundary.keys
    (found,) = graph.compute_lower(
        IMAGES, boundary, keys, training=True, is_folded=True
    )
    np.testing.assert_allclose(found, model(IMAGES), rtol=1e-4, atol=1e-5)
    return len(find_folds(graph.steps, set(keys)))


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("settings", [{}, {"center": False, "scale": False}])
def test_a_frozen_normalization_is_folded_into_what_it_reads(name, settings):
    keras.utils.set_random_seed(1)
    model = frozen(LINEAR[name](), normalization(**settings), layers.ReLU())

    assert folds(model) == 1


OTHERS = {
    "an activation between": [
        lambda: layers.Conv2D(5, 3, activation="relu"),
        normalization,
    ],
    "another axis": [
        lambda: layers.Conv2D(5, 3),
        lambda: normalization(axis=1),
    ],
    "a user's convolution": [lambda: OwnConv2D(5, 3), normalization],
    "a narrow type": [
        lambda: layers.Conv2D(5, 3, dtype="mixed_bfloat16"),
        normalization,
    ],
    "a convolution that pads in its call": [
        lambda: layers.Reshape((144, 3)),
        lambda: layers.Conv1D(5, 3, padding="causal"),
        normalization,
    ],
    "nothing before": [normalization],
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_may_be_something_else_is_left_alone(name):
    assert folds(frozen(*[make() for make in OTHERS[name]])) == 0


def test_what_another_layer_reads_is_left_alone():
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    model = keras.Model(inputs, layers.Add()([x, normalization()(x)]))
    model.trainable = False

    assert folds(model) == 0


def test_what_is_recorded_is_left_alone():
    model = frozen(layers.Conv2D(5, 3), normalization())
    graph = SplitGraph(model)
    boundary = graph.split_below(lambda layer: True)
    convolved = graph.steps[0].writes[0]

    found = graph.compute_lower(
        IMAGES,
        boundary,
        [convolved, *boundary.keys],
        training=True,
        is_folded=True,
    )

    for tensor, layer in zip(found, model.layers[1:], strict=True):
        expected = keras.Model(model.input, layer.output)(IMAGES)
        np.testing.assert_allclose(tensor, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "is_folded"), TYPES.items())
def test_features_are_folded_where_they_are_rounded_anyway(
    dtype, is_folded, monkeypatch
):
    asked = []
    monkeypatch.setattr(
        split_graph, "find_folds", lambda *_: asked.append(1) or {}
    )
    graph = SplitGraph(frozen(layers.Conv2D(5, 3), normalization()))
    boundary = graph.split_below(lambda layer: True)
    cache = FeatureCache("memory", dtype=dtype)
    recorder, _ = make_recorders(graph, cache, None)

    batch = tf.constant(IMAGES), tf.zeros(len(IMAGES))
    recorder.add(batch, boundary.recording(boundary.keys))

    assert bool(asked) is is_folded


def test_weights_that_are_written_count_at_once():
    model = frozen(layers.Conv2D(5, 3), normalization())
    graph = SplitGraph(model)
    boundary = graph.split_below(lambda layer: True)

    @tf.function
    def compute():
        return graph.compute_lower(
            IMAGES, boundary, boundary.keys, training=True, is_folded=True
        )

    compute()

    for weight in model.weights:
        weight.assign(weight * 1.5)

    np.testing.assert_allclose(
        compute()[0], model(IMAGES), rtol=1e-4, atol=1e-5
    )


def test_a_normalization_that_moves_is_not_folded():
    model = frozen(layers.Conv2D(5, 3), normalization())
    model.layers[-1].trainable = True
    graph = SplitGraph(model)
    boundary = graph.split_below(lambda layer: True)

    (found,) = graph.compute_lower(
        IMAGES, boundary, boundary.keys, training=True, is_folded=True
    )

    batch = found.numpy()
    mean = model.layers[-1].beta.numpy()
    np.testing.assert_allclose(batch.mean(axis=(0, 1, 2)), mean, atol=1e-4)
