import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from aet_keras._keras import steps
from aet_keras._keras.split_graph import SplitGraph
from aet_keras._keras.steps import Signature

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
Y = np.arange(6, dtype="float32")[:, None] / 6


def model(**settings):
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, "tanh", name="a", trainable=False),
            layers.Dropout(0.3),
            layers.Dense(1, name="b", kernel_regularizer="l2"),
        ]
    )
    made.compile("adam", "mse", metrics=["mae"], **settings)
    return made


def parts(model):
    """Returns the graph, their cut and what crosses it."""
    graph = SplitGraph(model)
    boundary = graph.split_below(lambda layer: layer.name == "a")
    x = Signature(tf.constant(X))
    asked = boundary.recording(boundary.keys)
    lower = steps.LowerFunctions(graph).find(asked, x, training=True)
    return graph, boundary, lower(tf.constant(X))


@pytest.mark.parametrize("eager", [True, False], ids=["eager", "traced"])
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, 6)])
def test_a_train_step_does_what_the_model_does(eager, weights):
    whole, halved = model(run_eagerly=eager), model(run_eagerly=eager)
    graph, boundary, crossing = parts(halved)
    targets = Signature((Y, weights))
    step = steps.train_function(graph, boundary, Signature(crossing), targets)

    expected = whole.train_on_batch(X, Y, weights, return_dict=True)
    logs = step(*crossing, *map(tf.constant, targets.flatten((Y, weights))))

    assert logs.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-6)
    for left, right in zip(whole.weights, halved.weights, strict=True):
        np.testing.assert_allclose(left.numpy(), right.numpy(), rtol=1e-6)


@pytest.mark.parametrize("eager", [True, False], ids=["eager", "traced"])
def test_a_test_step_does_what_the_model_does(eager):
    whole, halved = model(run_eagerly=eager), model(run_eagerly=eager)
    graph, boundary, crossing = parts(halved)
    targets = Signature((Y, None))
    step = steps.evaluate_function(
        graph, boundary, Signature(crossing), targets
    )

    logs = step(*crossing, tf.constant(Y))

    expected = whole.test_on_batch(X, Y, return_dict=True)
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-6)
    assert halved.optimizer.iterations.numpy() == 0


def test_a_step_takes_batches_of_any_size_with_one_trace():
    made = model(run_eagerly=False)
    made.optimizer.build(made.trainable_variables)
    graph, boundary, crossing = parts(made)
    targets = Signature((Y, None))
    step = steps.train_function(graph, boundary, Signature(crossing), targets)

    traces = []
    for count in (6, 2, 1):
        step(crossing[0][:count], tf.constant(Y[:count]))
        traces.append(step.experimental_get_tracing_count())

    assert traces == [1, 1, 1]  # metrics were made before the first


class Scaled(layers.Layer):
    """A user's layer, whose own layers are told of `training`."""

    def __init__(self, inner):
        super().__init__(trainable=False)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)


@pytest.mark.parametrize(
    ("layer", "are_one"),
    [
        (layers.Dense(2, "tanh", trainable=False), True),
        (layers.BatchNormalization(trainable=False), True),
        (keras.Sequential([layers.Dense(2), layers.ReLU()]), True),
        (layers.Dropout(0.5), False),
        (layers.Dense(2, activation=lambda x: x), False),
        (layers.Lambda(lambda x: x), False),
        (Scaled(layers.Dropout(0.5)), False),
    ],
    ids=lambda each: getattr(each, "name", each),
)
def test_training_and_validation_share_what_does_not_heed_training(
    layer, are_one
):
    made = keras.Sequential([keras.Input((4,)), layer])
    made.trainable = False
    graph = SplitGraph(made)
    boundary = graph.split_below(lambda layer: True)
    asked = boundary.recording(boundary.keys)
    lowers = steps.LowerFunctions(graph)

    train = lowers.find(asked, Signature(X), training=True)
    test = lowers.find(asked, Signature(X[:2]), training=False)

    assert (train is test) is are_one
    assert lowers.has(asked, Signature(X), training=False)
    assert not lowers.has(asked, Signature({"x": X}), training=True)


def test_a_signature_packs_what_it_flattened():
    structure = {"a": (Y, None), "b": [X]}
    signature = Signature(structure)

    packed = signature.pack(signature.flatten(structure))

    assert len(signature.specs) == 2
    assert packed["a"][1] is None
    np.testing.assert_array_equal(packed["b"][0], X)


@pytest.mark.parametrize(
    ("leaves", "fits"),
    [
        ([X[:2], Y[:2]], True),
        ([X[:, :2], Y], False),
        ([X], False),
        ([X, Y.astype("int32")], False),
    ],
    ids=["other rows", "other width", "one missing", "other type"],
)
def test_a_signature_knows_its_kind(leaves, fits):
    signature = Signature([X, Y])

    assert signature.fits([tf.constant(leaf) for leaf in leaves]) is fits
