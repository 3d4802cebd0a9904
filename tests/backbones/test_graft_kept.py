"""What of a model is kept by a graft, and is the given one left alone?"""

import graph_models
import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf
from doubling_layer import DoublingLayer
from keras import layers

from aet_keras._keras import trainable
from aet_keras.backbones import graft, group_layers, is_grafted
from aet_keras.layers import SqueezeExcite


def awake(model, places):
    """Returns a model whose new gates no longer stand at 1."""
    grafted = graft(model, SqueezeExcite, after=places)
    for layer in new_layers(grafted):
        for weight in layer.weights:
            weight.assign(np.random.normal(size=weight.shape))
    return grafted


def new_layers(model):
    return [each for each in trainable.sublayers(model) if is_grafted(each)]


def described(model):
    """Returns all of a model that could be seen to change."""
    inside = trainable.sublayers(model)
    return (
        model.get_config(),
        [layer.trainable for layer in inside],
        [len(layer._inbound_nodes) for layer in inside],
        [np.array(weight) for weight in model.weights],
    )


def flags(model):
    return {
        layer.name: (layer.trainable, [v.trainable for v in layer.variables])
        for layer in trainable.sublayers(model)
        if not isinstance(layer, keras.Model | keras.layers.InputLayer)
    }


def test_the_given_model_stays_as_it_is():
    model = image_models.classifier()
    model.compile("sgd", "mse")
    before = described(model)

    grafted = graft(model, SqueezeExcite, after=group_layers(model))
    grafted.compile("sgd", "sparse_categorical_crossentropy")
    grafted.fit(*image_models.noise_images(), epochs=1, verbose=0)

    after = described(model)
    assert after[:3] == before[:3]
    np.testing.assert_equal(after[3], before[3])
    assert model.compiled


def test_the_new_model_is_not_compiled():
    model = image_models.classifier()
    model.compile("sgd", "mse")

    assert not graft(model, DoublingLayer, after="a_conv").compiled


def test_shared_layers_are_the_same_and_move_together():
    model = image_models.classifier()
    base = model.get_layer("old")

    grafted = graft(model, SqueezeExcite, after="b_relu", share_weights=True)

    made = grafted.get_layer("old")
    alike = [x.name for x in made.layers if x in base.layers]
    assert made is not base
    assert alike == [x.name for x in base.layers[1:]]  # less the input
    assert grafted.get_layer("scores") is model.get_layer("scores")
    assert {id(w) for w in model.weights} < {id(w) for w in grafted.weights}


def test_a_shared_nested_model_without_a_place_stays_the_same():
    model = image_models.classifier()

    grafted = graft(model, DoublingLayer, after="old", share_weights=True)

    assert grafted.get_layer("old") is model.get_layer("old")


def test_names_flags_and_policies_are_kept():
    base = image_models.backbone()
    model = image_models.classifier(base)
    base.get_layer("a_conv").trainable = False
    base.get_layer("b_bn").trainable = False
    base.get_layer("c_conv").kernel.trainable = False

    grafted = graft(model, DoublingLayer, after="b_relu")

    kept = flags(grafted)
    assert kept.pop("graft_b_relu") == (True, [])
    assert kept == flags(model)
    assert grafted.name == model.name
    assert [x.name for x in grafted.layers] == [x.name for x in model.layers]
    assert len(grafted.trainable_weights) == len(model.trainable_weights)


def test_a_frozen_backbone_opens_for_what_is_new_and_nothing_else():
    base = image_models.backbone()
    model = image_models.classifier(base)
    base.trainable = False
    base.get_layer("c_conv").trainable = True  # hidden by its parent

    grafted = graft(model, SqueezeExcite, after=["b_relu", "a_conv"])

    moving = {id(weight) for weight in grafted.trainable_weights}
    new = new_layers(grafted)
    expected = [w for x in new for w in x.weights]
    expected += grafted.get_layer("scores").weights
    assert len(new) == 2 and moving == {id(weight) for weight in expected}


def test_a_frozen_backbone_without_a_place_stays_closed():
    base = image_models.backbone()
    model = image_models.classifier(base)
    base.trainable = False

    grafted = graft(model, DoublingLayer, after="old")

    assert not grafted.get_layer("old").trainable
    assert not grafted.get_layer("old").trainable_weights


def test_statistics_of_the_input_are_copied():
    statistics = layers.Normalization(name="statistics")
    statistics.adapt(10 + 3 * np.random.normal(size=(50, 3)))
    pixels = keras.Input((16, 16, 3))
    model = keras.Model(pixels, graph_models.body(statistics(pixels)))
    x = np.full((1, 16, 16, 3), 12.0)

    grafted = graft(model, SqueezeExcite, after="c")

    np.testing.assert_allclose(grafted(x), model(x), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("is_reset", [False, True], ids=["set", "reset"])
def test_half_precision_is_kept(policy, is_reset):
    keras.config.set_dtype_policy(policy)
    model = image_models.classifier()
    if is_reset:
        keras.config.set_dtype_policy("float32")
    images, _ = image_models.noise_images()

    grafted = graft(model, SqueezeExcite, after=group_layers(model))

    base = grafted.get_layer("old")
    assert {x.dtype_policy.name for x in new_layers(grafted)} == {policy}
    assert base.dtype_policy.name == policy
    assert grafted.get_layer("scores").dtype_policy.name == "float32"
    np.testing.assert_array_equal(grafted(images), model(images))


@pytest.mark.parametrize("kind", ["nested", "flat"])
def test_a_saved_model_gives_the_same_and_knows_what_is_new(kind, tmp_path):
    images, _ = image_models.noise_images()
    model = (
        image_models.classifier()
        if kind == "nested"
        else image_models.backbone()
    )
    grafted = awake(model, group_layers(model))
    expected = grafted.predict(images, verbose=0)

    grafted.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    for each in (grafted, loaded):
        names = sorted(layer.name for layer in new_layers(each))
        assert names == ["graft_a_relu", "graft_b_relu", "graft_c_relu"]
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)


def test_an_exported_model_gives_the_same(tmp_path):
    images, _ = image_models.noise_images()
    model = image_models.classifier()
    grafted = awake(model, group_layers(model))
    expected = grafted.predict(images, verbose=0)

    grafted.export(tmp_path / "served", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "served")
    served = loaded.serve(images)

    assert not np.allclose(expected, model.predict(images, verbose=0))
    np.testing.assert_allclose(served, expected, atol=1e-6)  # other kernels


def test_a_new_layer_shows_what_it_gives():
    model = image_models.backbone()

    grafted = graft(model, DoublingLayer, after="b_relu")

    images, _ = image_models.noise_images()
    made = keras.Model(grafted.input, grafted.get_layer("graft_b_relu").output)
    given = keras.Model(model.input, model.get_layer("b_relu").output)
    np.testing.assert_allclose(made(images), 2 * given(images), rtol=1e-6)
