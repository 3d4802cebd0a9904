"""Is the user's model as it was after it has been explained?"""

import keras
import numpy as np
import patch_models
import pytest
from keras import layers

from aet_keras.explanations import AttentionMaps, GradCAM, Occlusion
from aet_keras.layers import SoftAttentionPooling


@pytest.mark.parametrize("method", [AttentionMaps, GradCAM, Occlusion])
def test_an_explanation_leaves_the_model_as_it_was(method):
    model = patch_models.classifier(SoftAttentionPooling())
    model.get_layer("backbone").trainable = False
    before = patch_models.snapshot(model)

    method(model)(patch_models.patch_images())

    assert patch_models.snapshot(model) == before


def test_batch_statistics_and_random_layers_stay_still():
    pixels = keras.Input((16, 16, 3))
    x = layers.BatchNormalization()(patch_models.backbone()(pixels))
    x = layers.Dropout(0.5, seed=0)(x)
    x = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))
    noisy = keras.Model(pixels, x)
    before = [np.asarray(v) for v in noisy.variables]

    maps = [GradCAM(noisy)(patch_models.patch_images()) for _ in range(2)]

    np.testing.assert_array_equal(*maps)
    for value, variable in zip(before, noisy.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_a_model_can_be_trained_after_it_was_explained():
    model = patch_models.classifier()
    GradCAM(model)(patch_models.patch_images())
    model.compile("sgd", "sparse_categorical_crossentropy")

    history = model.fit(patch_models.patch_images(8), np.ones(8), verbose=0)

    assert np.isfinite(history.history["loss"]).all()
