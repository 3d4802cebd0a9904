"""Do groups hold a whole family of networks, in its order?"""

import functools

import keras
import pytest

from aet_keras import backbones

NAMES = {
    "MobileNet": ["stem", "conv_dw_2", "conv_dw_4", "conv_dw_6", "conv_dw_12"],
    "MobileNetV3Small": [
        "stem",
        "expanded_conv_depthwise",
        "expanded_conv_1",
        "expanded_conv_3",
        "expanded_conv_8",
    ],
    "EfficientNetB0": ["stem", "block2a", "block3a", "block4a", "block6a"],
    "ResNet50": [
        "stem",
        "conv2_block1",
        "conv3_block1",
        "conv4_block1",
        "conv5_block1",
    ],
    "DenseNet121": [
        "stem",
        "conv2_block1",
        "conv3_block1",
        "conv4_block1",
        "conv5_block1",
    ],
    "VGG16": ["stem", "block2", "block3", "block4", "block5"],
}


@pytest.fixture(scope="module")
def headless():
    """Returns a function of a name that builds each network once."""

    def build(name):
        size = (32, 32)
        return backbones.load_backbone(name, weights="none", image_size=size)

    return functools.cache(build)


@pytest.mark.parametrize("name", NAMES)
def test_a_family_is_cut_into_its_blocks_and_nothing_is_lost(name, headless):
    model = headless(name)

    groups = backbones.group_layers(model)

    listed = [layer for group in groups for layer in group.layers]
    own = [layer for layer in listed if isinstance(layer, keras.layers.Layer)]
    weights = [id(weight) for layer in own for weight in layer.weights]
    assert [group.name for group in groups] == NAMES[name]
    assert len({id(layer) for layer in listed}) == len(listed)
    assert {id(layer) for layer in own} == {
        id(layer)
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    }
    assert sorted(weights) == sorted(id(weight) for weight in model.weights)
    assert in_order(model, listed)


def in_order(model, layers):
    """Does every layer come after all that it reads from?"""
    position = {id(layer): i for i, layer in enumerate(layers)}
    sources = {}
    for layer in layers:
        for tensor in keras.tree.flatten(layer.output):
            sources[id(tensor)] = position[id(layer)]
    return all(
        sources.get(id(tensor), -1) < position[id(layer)]
        for layer in layers
        for tensor in keras.tree.flatten(layer.input)
    )


@pytest.mark.parametrize(
    ("include_top", "names"),
    [
        (True, ["stem", "block_1", "block_3", "block_6", "block_13", "head"]),
        (False, ["stem", "block_1", "block_3", "block_6", "block_13"]),
    ],
    ids=["with its head", "without"],
)
def test_mobilenet_v2_is_cut_where_the_literature_cuts_it(include_top, names):
    model = keras.applications.MobileNetV2(
        weights=None,
        include_top=include_top,
        input_shape=(96, 96, 3),
        alpha=0.35,
    )

    groups = backbones.group_layers(model)

    assert [group.name for group in groups] == names
    # expansions come first in their blocks: a boundary is a block's output
    firsts = [group.layers[0].name for group in groups[1:5]]
    assert firsts == [f"block_{i}_expand" for i in (1, 3, 6, 13)]


def test_a_headless_network_that_gates_its_last_block_has_no_head(headless):
    last = backbones.group_layers(headless("EfficientNetB0"))[-1]

    assert last.name == "block6a" and last.layers[-1].name == "top_activation"
