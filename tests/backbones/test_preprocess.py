"""Does the written-down preprocessing equal each family's own?"""

import sys

import keras
import numpy as np
import pytest

from aet_keras.backbones import backbone_names, preprocess


def written_down(name):
    raw = keras.Input((4, 5, 3))
    return keras.Model(raw, preprocess(name, raw))


def pixels():
    return np.random.uniform(0, 255, size=(2, 4, 5, 3)).astype("float32")


def own(name, images):
    """The `preprocess_input` of the module that defines the family."""
    constructor = getattr(
        keras.applications, "MobileNetV2" if name == "embedded" else name
    )
    module = sys.modules[constructor.__module__]
    return np.asarray(module.preprocess_input(images.copy()))


@pytest.mark.parametrize("name", backbone_names())
def test_it_equals_the_familys_own(name):
    images = pixels()

    outputs = written_down(name)(images)

    np.testing.assert_allclose(outputs, own(name, images), atol=1e-4)


@pytest.mark.parametrize(
    "name", ["embedded", "ResNet50", "DenseNet121", "EfficientNetB0"]
)
def test_it_survives_a_saved_model(name, tmp_path):
    images, model = pixels(), written_down(name)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(model(images), loaded(images))


def test_a_family_that_takes_raw_pixels_gets_no_layer():
    raw = keras.Input((4, 5, 3))

    assert preprocess("EfficientNetB0", raw) is raw


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="no backbone `resnet`.*`ResNet"):
        preprocess("resnet", keras.Input((4, 5, 3)))
