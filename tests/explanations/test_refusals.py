"""Does each explanation say what it cannot explain, and what to do?"""

import image_models
import keras
import numpy as np
import patch_models
import pytest
from keras import layers

from aet_keras.explanations import AttentionMaps, GradCAM, Occlusion


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = patch_models.classifier()

    def call(self, inputs):
        return self.inner(inputs)


def unbuilt():
    return keras.Sequential([layers.Conv2D(2, 3), layers.Flatten()])


def two_inputs():
    pixels, table = keras.Input((8, 8, 3)), keras.Input((2,))
    x = layers.Concatenate()([layers.Flatten()(pixels), table])
    return keras.Model([pixels, table], layers.Dense(2)(x))


@pytest.mark.parametrize("method", [AttentionMaps, GradCAM])
@pytest.mark.parametrize("make", [Subclassed, unbuilt])
def test_a_model_without_a_graph_is_refused(method, make):
    with pytest.raises(ValueError, match=r"`keras.Model\(inputs, outputs\)`"):
        method(make())


@pytest.mark.parametrize("make", [two_inputs, image_models.backbone])
def test_a_model_that_does_not_name_one_image_is_refused(make):
    with pytest.raises(ValueError, match="Explain the part that does"):
        GradCAM(make())


def test_a_model_without_a_feature_map_is_sent_to_occlusion():
    with pytest.raises(ValueError, match="Use `Occlusion`"):
        GradCAM(image_models.linear_classifier())


def test_an_unknown_layer_gets_the_nearest_names():
    with pytest.raises(ValueError, match="Nearest: `c_relu`"):
        GradCAM(image_models.classifier(), "c_rely")


@pytest.mark.parametrize(
    "layer", ["scores", layers.Conv2D(2, 3)], ids=["vector", "stranger"]
)
def test_a_layer_without_a_map_in_the_model_is_refused(layer):
    with pytest.raises(ValueError, match="Leave it out"):
        GradCAM(image_models.classifier(), layer)


@pytest.mark.parametrize("method", [GradCAM, Occlusion])
@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.ones((16, 16, 3)), r"`image\[None\]`"),
        (np.ones((2, 8, 8, 3)), "own shape"),
        (np.ones((0, 16, 16, 3)), "at least one"),
        (np.full((1, 16, 16, 3), "a"), "must be numbers"),
    ],
    ids=["one", "size", "none", "letters"],
)
def test_other_images_are_refused(method, images, words):
    with pytest.raises(ValueError, match=words):
        method(patch_models.classifier())(images)


@pytest.mark.parametrize("method", [GradCAM, Occlusion])
@pytest.mark.parametrize(
    "classes", [2, -1, [0, 1, 0], 0.5, True], ids=lambda value: repr(value)
)
def test_other_classes_are_refused(method, classes):
    with pytest.raises(ValueError, match="`classes` must be"):
        method(patch_models.classifier())(patch_models.patch_images(2), classes)


@pytest.mark.parametrize("method", [GradCAM, Occlusion])
def test_nan_is_refused_instead_of_drawn(method):
    images = patch_models.patch_images().astype("float32")
    images[0, 0, 0, 0] = np.nan

    with pytest.raises(ValueError, match="then in the model's weights"):
        method(patch_models.classifier())(images)
