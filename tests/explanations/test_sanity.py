"""Does an explanation hang on what the model has learned?

Adebayo et al., 2018 (https://arxiv.org/abs/1810.03292): a map that outlives
the weights of its model shows the image, not the model.
"""

import numpy as np
import patch_models
import pytest
from keras import layers

from aet_keras.explanations import AttentionMaps, GradCAM, Occlusion
from aet_keras.layers import SoftAttentionPooling


def grad_cam(seed):
    return GradCAM(patch_models.random_classifier(seed))(
        patch_models.noise_images(), 1
    )


def occlusion(seed):
    return Occlusion(patch_models.random_classifier(seed), window=4)(
        patch_models.noise_images(), 1
    )


def attention(seed):
    model = patch_models.random_classifier(
        seed, SoftAttentionPooling(name="pool")
    )
    return AttentionMaps(model)(patch_models.noise_images())["pool"]


METHODS = [grad_cam, occlusion, attention]


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_others_when_the_weights_are(method):
    maps = method(0)

    found = [
        patch_models.rank_correlation(maps, method(s)) for s in (1, 2, 3, 4)
    ]

    # Two random models may agree by chance, four do not.
    assert abs(np.mean(found)) < 0.3


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_the_same_when_the_weights_are(method):
    np.testing.assert_array_equal(method(0), method(0))


def test_maps_fade_as_weights_are_made_noise_from_the_head_down():
    whole = patch_models.random_classifier(0)
    maps, kept = GradCAM(whole)(patch_models.noise_images(), 1), []
    others = patch_models.random_classifier(1).layers

    for layer, other in list(zip(whole.layers, others, strict=True))[::-1]:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            layer.set_weights(other.get_weights())
            again = GradCAM(whole)(patch_models.noise_images(), 1)
            kept.append(patch_models.rank_correlation(maps, again))

    assert kept[-1] < 0.5
    assert len(kept) == 3
