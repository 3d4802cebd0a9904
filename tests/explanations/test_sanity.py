"""Does an explanation hang on what the model has learned?

Adebayo et al., 2018 (https://arxiv.org/abs/1810.03292): a map that outlives
the weights of its model shows the picture, not the model.
"""

import bright
import numpy as np
import pytest
from keras import layers

from aet_keras.explanations import AttentionMaps, GradCAM, Occlusion
from aet_keras.layers import SoftAttentionPooling


def grad_cam(seed):
    return GradCAM(bright.deep(seed))(bright.noise(), 1)


def occlusion(seed):
    return Occlusion(bright.deep(seed), window=4)(bright.noise(), 1)


def attention(seed):
    model = bright.deep(seed, SoftAttentionPooling(name="pool"))
    return AttentionMaps(model)(bright.noise())["pool"]


METHODS = [grad_cam, occlusion, attention]


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_others_when_the_weights_are(method):
    maps = method(0)

    found = [bright.rank_correlation(maps, method(s)) for s in (1, 2, 3, 4)]

    # Two random models may agree by chance, four do not.
    assert abs(np.mean(found)) < 0.3


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_the_same_when_the_weights_are(method):
    np.testing.assert_array_equal(method(0), method(0))


def test_maps_fade_as_weights_are_made_noise_from_the_head_down():
    whole = bright.deep(0)
    maps, kept = GradCAM(whole)(bright.noise(), 1), []
    others = bright.deep(1).layers

    for layer, other in list(zip(whole.layers, others, strict=True))[::-1]:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            layer.set_weights(other.get_weights())
            again = GradCAM(whole)(bright.noise(), 1)
            kept.append(bright.rank_correlation(maps, again))

    assert kept[-1] < 0.5
    assert len(kept) == 3
