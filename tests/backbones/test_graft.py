"""Do new layers stand where they should, in a copy that is else the same?"""

import graph_models
import keras
import numpy as np
import pytest
from doubling_layer import DoublingLayer
from keras import layers, ops

from aet_keras._keras import trainable
from aet_keras.backbones import graft, group_layers, is_grafted
from aet_keras.layers import SqueezeExcite


def images(channels=3):
    shape = (2, 16, 16, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def sequential():
    model = keras.Sequential([keras.Input((16, 16, 3))], name="stack")
    for layer in graph_models.nested_body().layers[1:]:
        model.add(layer)
    return model


MODELS = {
    "flat": lambda: graph_models.classifier(graph_models.body, flat=True),
    "nested": lambda: graph_models.classifier(graph_models.nested_body()),
    "sequential": sequential,
    "nested sequential": lambda: graph_models.classifier(sequential()),
}


def assert_scaled(model, grafted, factor, inputs=None):
    """Does the new model give a multiple of what the other gives?"""
    inputs = images() if inputs is None else inputs
    given, made = (keras.tree.flatten(m(inputs)) for m in (model, grafted))
    for one, other in zip(given, made, strict=True):
        assert np.ptp(one) > 1e-3
        np.testing.assert_allclose(other, factor * one, rtol=1e-4, atol=1e-6)


def new_layers(model):
    return [each for each in trainable.sublayers(model) if is_grafted(each)]


@pytest.mark.parametrize("share", [False, True], ids=["copied", "shared"])
@pytest.mark.parametrize("kind", MODELS)
def test_a_gate_after_every_group_changes_nothing(kind, share):
    model = MODELS[kind]()
    inputs = images()
    expected = np.asarray(model(inputs))

    grafted = graft(
        model, SqueezeExcite, after=group_layers(model), share_weights=share
    )

    difference = np.abs(np.asarray(grafted(inputs)) - expected).max()
    assert len(new_layers(grafted)) == 3
    assert difference <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("share", [False, True], ids=["copied", "shared"])
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(
    ("after", "factor"), [("a", 2), (["e"], 2), (["a", "d", "a"], 4)]
)
def test_a_new_layer_is_on_the_path(kind, share, after, factor):
    model = MODELS[kind]()

    grafted = graft(model, DoublingLayer, after=after, share_weights=share)

    names = [f"graft_{name}" for name in dict.fromkeys(after)]
    assert sorted(layer.name for layer in new_layers(grafted)) == names
    assert type(grafted) is type(model)
    assert_scaled(model, grafted, factor)


@pytest.mark.parametrize("kind", ["layer", "nested model", "group", "mixed"])
def test_a_place_is_named_in_each_way(kind):
    model = graph_models.classifier(graph_models.nested_body())
    body = model.get_layer("body")
    groups = group_layers(model)
    after = {
        "layer": (body.get_layer("c"), "graft_c"),
        "nested model": ("body", "graft_body"),
        "group": (groups[0], "graft_b"),
        "mixed": ([groups[1], "d", groups[-1]], "graft_d"),
    }[kind]

    grafted = graft(model, DoublingLayer, after=after[0])

    assert [layer.name for layer in new_layers(grafted)] == [after[1]]
    assert_scaled(model, grafted, 2)


def test_all_that_read_the_tensor_read_the_new_one():
    model = graph_models.classifier(graph_models.residual([(4, 1)]), flat=True)

    both = graft(model, DoublingLayer, after="entry")
    one = graft(model, DoublingLayer, after="r0_left")

    assert_scaled(model, both, 2)
    part = keras.Model(model.input, model.get_layer("r0_left").output)
    sums = keras.Model(model.input, model.get_layer("r0_add").output)
    made = keras.Model(one.input, one.get_layer("r0_add").output)
    inputs = images()
    np.testing.assert_allclose(
        made(inputs), sums(inputs) + part(inputs), atol=1e-5
    )


@pytest.mark.parametrize("is_nested", [False, True], ids=["flat", "nested"])
def test_a_layer_called_twice_has_one_new_layer_behind_each_call(is_nested):
    shared = graph_models.convolution(3, "shared")
    inner = keras.Sequential([keras.Input((16, 16, 3)), shared], name="inner")
    first = inner if is_nested else shared
    pixels = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(first(shared(pixels)))
    model = keras.Model(pixels, x)

    grafted = graft(model, DoublingLayer, after="shared")

    assert [layer.name for layer in new_layers(grafted)] == ["graft_shared"]
    assert len(grafted.weights) == len(model.weights)
    assert_scaled(model, grafted, 4)


def test_a_nested_model_called_twice_is_built_again_once():
    body = graph_models.nested_body()
    left, right = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    x = layers.Subtract()([body(left), body(right)])
    model = keras.Model([left, right], layers.GlobalAveragePooling2D()(x))

    grafted = graft(model, DoublingLayer, after="c")

    assert len(grafted.weights) == len(model.weights)
    assert_scaled(model, grafted, 2, [images(), 3 * images()])


def test_inputs_and_outputs_keep_their_structure():
    pixels = keras.Input((16, 16, 3), name="pixels")
    table = keras.Input((2,), name="table")
    x = layers.GlobalAveragePooling2D()(graph_models.body(pixels))
    both = layers.Concatenate()([x, layers.Rescaling(0.0)(table)])
    outputs = {
        "map": layers.Dense(2, name="one")(both),
        "scores": [layers.Dense(3, name="two")(both), x],
    }
    model = keras.Model({"pixels": pixels, "table": table}, outputs)
    inputs = {"pixels": images(), "table": np.ones((2, 2), "float32")}

    grafted = graft(model, DoublingLayer, after="e")

    keras.tree.assert_same_structure(grafted.output, model.output)
    assert list(grafted.input) == ["pixels", "table"]
    assert_scaled(model, grafted, 2, inputs)


def test_the_outputs_of_a_model_are_places():
    model = graph_models.nested_body()
    ends = [model.get_layer(name).output for name in ("c", "e")]
    model = keras.Model(model.input, ends)

    grafted = graft(model, DoublingLayer, after="e")

    inputs = images()
    (kept, last), (new_kept, doubled) = model(inputs), grafted(inputs)
    np.testing.assert_allclose(new_kept, kept, rtol=1e-6)
    np.testing.assert_allclose(doubled, 2 * last, rtol=1e-6)


def test_bare_operations_survive_and_are_places():
    pixels = keras.Input((16, 16, 3))
    x = graph_models.convolve(ops.flip(pixels, axis=-1), 4, "a")
    x = 2.0 * x * ops.sigmoid(pixels[:, ::-1, :, :1])
    last = ops.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])
    model = keras.Model(pixels, last)
    name = model.operations[-1].name

    grafted = graft(model, DoublingLayer, after=["a", name])

    assert {layer.name for layer in new_layers(grafted)} == {
        "graft_a",
        f"graft_{name}",
    }
    assert_scaled(model, grafted, 4)


def test_a_second_graft_at_a_place_is_named_apart():
    model = graph_models.nested_body()

    twice = graft(
        graft(model, DoublingLayer, after="a"), DoublingLayer, after="a"
    )
    thrice = graft(twice, DoublingLayer, after="graft_a")

    assert [layer.name for layer in new_layers(thrice)] == [
        "graft_a_2",
        "graft_a",
        "graft_graft_a",
    ]
    assert_scaled(model, thrice, 8)
