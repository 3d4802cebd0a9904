import graph_models
import keras
import numpy as np
import pytest
from doubling_layer import DoublingLayer
from keras import layers

from aet_keras._keras import graph, rebuild


def test_what_a_nested_model_calls_comes_before_it():
    model = graph_models.classifier(graph_models.nested_body())

    called = rebuild.called(model)

    names = [each.operation.name for each in called.values()]
    assert names == ["a", "b", "c", "d", "e", "body", "pool", "scores"]


def test_each_call_of_a_layer_is_listed():
    shared = layers.Dense(4, name="shared")
    vector = keras.Input((4,))
    model = keras.Model(vector, shared(shared(vector)))

    (each,) = rebuild.called(model).values()

    assert [len(outputs) for outputs in each.outputs] == [1, 1]


class Own(keras.Model):
    """Is made from inputs and outputs."""


class Other(keras.Model):
    """Is made from a number."""

    def __init__(self, units):
        vector = keras.Input((4,))
        super().__init__(vector, layers.Dense(units, name="a")(vector))


class Busy(Other):
    """Does more than run its graph."""

    def call(self, inputs):
        return 3 * super().call(inputs)


def own():
    vector = keras.Input((4,))
    return Own(vector, layers.Dense(2, name="a")(vector))


@pytest.mark.parametrize("make", [own, lambda: Other(2)], ids=["own", "other"])
@pytest.mark.parametrize("share", [False, True], ids=["copied", "shared"])
def test_a_class_is_kept_where_a_graph_makes_it(make, share):
    model = make()
    key = id(model.get_layer("a"))
    x = np.random.normal(size=(2, 4)).astype("float32")

    made = rebuild.rebuild(model, {key: DoublingLayer()}, share=share)

    assert isinstance(made, Own) == isinstance(model, Own)
    np.testing.assert_allclose(made(x), 2 * model(x), rtol=1e-6)


def test_a_model_with_a_call_of_its_own_is_one_layer():
    busy = Busy(2)
    vector = keras.Input((4,))
    model = keras.Model(vector, busy(vector))

    assert not graph.runs_only_its_graph(busy)
    assert list(rebuild.called(model)) == [id(busy)]


def test_a_trial_leaves_no_trace():
    layer = layers.Dense(3)

    outputs = rebuild.try_on(layer, keras.KerasTensor((None, 4)))

    assert outputs.shape == (None, 3) and layer.built
    vector = keras.Input((4,))
    made = layer(vector)
    assert layer.output is made


def test_inputs_keep_what_they_were_declared_as():
    vector = keras.Input((4,), batch_size=2, name="vector", dtype="float16")
    model = keras.Model(vector, layers.Rescaling(1.0, name="a")(vector))
    key = id(model.get_layer("a"))

    made = rebuild.rebuild(model, {key: DoublingLayer()}, share=False)

    assert made.inputs[0].name == "vector"
    assert made.inputs[0].shape == (2, 4)
    assert made.inputs[0].dtype == "float16"
