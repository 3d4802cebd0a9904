"""Does attention by its short name stand where it says, and change nothing?"""

import image_models
import keras
import numpy as np
import pytest

from aet_keras import backbones, layers
from aet_keras.backbones.attention import graft_attention

PLACES = {
    "se": (layers.SqueezeExcite, ["graft_b_relu", "graft_c_relu"]),
    "eca": (layers.EfficientChannelAttention, ["graft_b_relu", "graft_c_relu"]),
    "cbam": (
        layers.ConvolutionalBlockAttention,
        ["graft_b_relu", "graft_c_relu"],
    ),
    "soft": (layers.SoftAttention, ["graft_c_relu"]),
}


@pytest.mark.parametrize("kind", PLACES)
def test_a_kind_stands_behind_the_upper_groups_and_changes_nothing(kind):
    model = image_models.classifier()
    x, _ = image_models.noise_images(4)

    grafted = graft_attention(model, kind)

    body = grafted.get_layer("old")
    new = [each for each in body.layers if backbones.is_grafted(each)]
    cls, names = PLACES[kind]
    assert [each.name for each in new] == names
    assert all(type(each) is cls for each in new)
    np.testing.assert_allclose(grafted(x), model(x), atol=1e-6)


def test_a_kind_that_is_not_known_is_refused():
    with pytest.raises(
        ValueError, match="one of 'se', 'eca', 'cbam', 'soft', 'p"
    ):
        graft_attention(image_models.classifier(), "sse")


@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV3Small"])
def test_gates_are_not_doubled_but_channels_may_speak(name):
    body = backbones.load_backbone(name, weights="none", image_size=(32, 32))

    with pytest.raises(ValueError, match="Take `eca`, `soft` or `pooling`"):
        graft_attention(body, "se")
    grafted = graft_attention(body, "eca")

    assert isinstance(grafted, keras.Model)
    assert sum(backbones.is_grafted(each) for each in grafted.layers) == 2
