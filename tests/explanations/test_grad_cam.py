import image_models
import keras
import numpy as np
import patch_models
import pytest
from keras import layers

from aet_keras.explanations import GradCAM


def one_convolution(**last):
    """Returns a model of one 1x1 convolution with random weights."""
    head = layers.Dense(3, name="scores", **last)
    return keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            layers.Conv2D(4, 1, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(),
            head,
        ]
    )


def by_hand(model, images, classes):
    """Returns Grad-CAM in NumPy: the mean slope is W / positions."""
    kernel, bias = model.get_layer("conv").get_weights()
    features = np.maximum(images @ kernel[0, 0] + bias, 0)
    alphas = model.get_layer("scores").get_weights()[0].T[classes] / 30
    maps = np.maximum(np.einsum("bhwk,bk->bhw", features, alphas), 0)
    return maps / maps.max(axis=(1, 2), keepdims=True)


def test_maps_are_those_of_the_formula():
    model = one_convolution(activation="softmax")
    images = np.random.default_rng(0).normal(size=(3, 6, 5, 2))
    classes = np.array([2, 0, 1])

    maps = GradCAM(model)(images, classes)

    assert maps.dtype == "float32"
    np.testing.assert_allclose(maps, by_hand(model, images, classes), atol=1e-5)


def test_the_predicted_class_is_explained_where_none_is_named():
    model = one_convolution(activation="softmax")
    images = np.random.default_rng(1).normal(size=(8, 6, 5, 2))
    predicted = np.asarray(model(images)).argmax(axis=-1)
    explain = GradCAM(model)

    np.testing.assert_array_equal(explain(images), explain(images, predicted))


@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(3, activation="sigmoid")],
        [layers.Dense(3)],
        [layers.Dense(3), layers.Softmax()],
        [layers.Dense(3), layers.Activation("softmax", dtype="float32")],
    ],
    ids=["sigmoid", "scores", "Softmax", "Activation"],
)
def test_what_squashes_the_scores_makes_no_difference(last):
    model = one_convolution(activation="softmax")
    images = np.random.default_rng(0).normal(size=(3, 6, 5, 2))
    other = keras.Sequential([*model.layers[:-1], *last])
    other.build((None, 6, 5, 2))
    other.set_weights(model.get_weights())

    maps = GradCAM(other)(images, 1)

    np.testing.assert_allclose(maps, GradCAM(model)(images, 1), atol=1e-6)


def test_a_planted_patch_is_found():
    model, images = patch_models.classifier(), patch_models.patch_images()

    maps = GradCAM(model)(images, 1)

    assert all(
        patch_models.is_inside(patch_models.peak_position(each))
        for each in maps
    )
    assert maps.max() == 1.0
    outside = maps.copy()
    outside[:, 8:14, 2:8] = 0  # the kernel reaches one pixel further
    assert not outside.any()


def test_a_coarse_map_is_enlarged_to_the_image():
    model = patch_models.classifier(strides=2)

    maps = GradCAM(model)(patch_models.patch_images(), 1)

    assert maps.shape == (2, 16, 16)
    assert all(
        patch_models.is_inside(patch_models.peak_position(each))
        for each in maps
    )


def test_a_class_that_nothing_speaks_for_has_an_empty_map():
    maps = GradCAM(patch_models.classifier())(np.zeros((1, 16, 16, 3)), 1)

    assert not maps.any()


def test_a_model_that_is_sure_keeps_its_map():
    images = patch_models.patch_images()
    sure = patch_models.classifier(bias=200.0)
    assert np.all(np.asarray(sure(images))[:, 1] == 1.0)

    maps = GradCAM(sure)(images)

    np.testing.assert_allclose(
        maps, GradCAM(patch_models.classifier())(images, 1), atol=1e-5
    )


def test_class_0_of_a_single_column_is_the_opposite():
    model = one_convolution(activation="softmax")
    images = np.random.default_rng(0).normal(size=(3, 6, 5, 2))
    single = keras.Sequential(
        [*model.layers[:-1], layers.Dense(1, activation="sigmoid")]
    )
    single.build((None, 6, 5, 2))
    kernel, bias = model.layers[-1].get_weights()
    single.layers[-1].set_weights([kernel[:, :1], bias[:1]])
    mirrored = keras.models.clone_model(single)
    mirrored.set_weights(single.get_weights())
    mirrored.layers[-1].set_weights([-kernel[:, :1], -bias[:1]])

    left, right = GradCAM(single), GradCAM(mirrored)

    np.testing.assert_allclose(left(images, 0), right(images, 1), atol=1e-6)
    np.testing.assert_allclose(left(images), right(images), atol=1e-6)


def test_half_precision_draws_the_same_map():
    images = patch_models.patch_images()
    expected = GradCAM(patch_models.classifier())(images, 1)
    keras.config.set_dtype_policy("mixed_float16")

    maps = GradCAM(patch_models.classifier())(images, 1)

    np.testing.assert_allclose(maps, expected, atol=0.02)  # 3 digits


def test_many_images_are_explained_as_each_alone():
    model, images = patch_models.classifier(), patch_models.patch_images(70)
    explain, classes = GradCAM(model), np.arange(70) % 2

    maps = explain(images, classes)

    np.testing.assert_allclose(maps[69:], explain(images[69:], 1), atol=1e-6)


@pytest.mark.parametrize("name", ["a_relu", "b_conv", "old"])
def test_a_layer_is_found_by_name_in_a_nested_backbone(name):
    model = image_models.classifier()
    images, _ = image_models.noise_images(2)

    explain = GradCAM(model, name)

    assert explain.layer.name == name
    assert explain(images).shape == (2, 8, 8)


def test_the_default_inside_a_nested_backbone_is_its_last_layer():
    assert GradCAM(patch_models.classifier()).layer.name == "look"


def test_a_layer_itself_will_do_too():
    model = image_models.classifier()
    layer = model.get_layer("old").get_layer("b_relu")

    assert GradCAM(model, layer).layer is layer


def test_the_deepest_map_that_lies_over_the_image_is_the_default():
    pixels = keras.Input((8, 8, 3))
    x = trunk = layers.Conv2D(4, 3, name="entry")(pixels)
    for name in ("first", "second"):
        x = layers.Conv2D(4, 3, padding="same", name=name)(x)
    side = layers.Conv2D(4, 1, name="side")(trunk)
    x = layers.Add()(
        [
            layers.GlobalAveragePooling2D(keepdims=True)(each)
            for each in (x, side)
        ]
    )
    x = layers.ZeroPadding2D()(layers.Conv2D(3, 1, name="head")(x))
    x = layers.GlobalAveragePooling2D()(x)

    assert GradCAM(keras.Model(pixels, x)).layer.name == "second"
