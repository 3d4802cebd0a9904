"""Do groups hold a whole family of networks, in its order?"""

import functools

import keras
import pytest

from aet_keras import backbones
from aet_keras.backbones import _families

# Of each group, the first layer that has weights.
FIRSTS = {
    "ConvNeXtTiny": {
        "stem": "convnext_tiny_stem",
        "stage_1": "convnext_tiny_downsampling_block_0",
        "stage_2": "convnext_tiny_downsampling_block_1",
        "stage_3": "convnext_tiny_downsampling_block_2",
    },
    "DenseNet121": {
        "stem": "conv1_conv",
        **{f"conv{i}_block1": f"conv{i}_block1_0_bn" for i in range(2, 6)},
    },
    "EfficientNetB0": {
        "stem": "normalization",
        **{f"block{i}a": f"block{i}a_expand_conv" for i in (2, 3, 4, 6)},
    },
    "EfficientNetV2B0": {
        "stem": "stem_conv",
        **{f"block{i}a": f"block{i}a_expand_conv" for i in (2, 3, 4, 6)},
    },
    "InceptionResNetV2": {  # Keras counts its convolutions
        "stem": "conv2d",
        "block35": "conv2d_15",
        "block17": "conv2d_73",
        "block8": "conv2d_160",
    },
    "InceptionV3": {
        "stem": "conv2d",
        "mixed0": "conv2d_8",
        "mixed3": "conv2d_27",
        "mixed8": "conv2d_72",
    },
    "MobileNet": {
        "stem": "conv1",
        **{f"conv_dw_{i}": f"conv_dw_{i}" for i in (2, 4, 6, 12)},
    },
    "MobileNetV2": {
        "stem": "Conv1",
        **{f"block_{i}": f"block_{i}_expand" for i in (1, 3, 6, 13)},
    },
    "MobileNetV3Small": {
        "stem": "conv",
        "expanded_conv": "expanded_conv_depthwise",
        **{
            f"expanded_conv_{i}": f"expanded_conv_{i}_expand" for i in (1, 3, 8)
        },
    },
    "NASNetMobile": {
        "stem": "stem_conv1",
        "normal_0": "normal_conv_1_0",
        "reduce_1": "reduction_conv_1_reduce_4",
        "reduce_2": "reduction_conv_1_reduce_8",
    },
    "ResNet50": {
        "stem": "conv1_conv",
        **{f"conv{i}_block1": f"conv{i}_block1_1_conv" for i in range(2, 6)},
    },
    "ResNet50V2": {
        "stem": "conv1_conv",
        **{f"conv{i}_block1": f"conv{i}_block1_preact_bn" for i in range(2, 6)},
    },
    "VGG16": {
        "stem": "block1_conv1",
        **{f"block{i}": f"block{i}_conv1" for i in range(2, 6)},
    },
    "Xception": {
        "stem": "block1_conv1",
        **{f"block{i}": f"block{i}_sepconv1" for i in (2, 3, 4, 5, 13)},
    },
}
SIDES = {"InceptionResNetV2": 75, "InceptionV3": 75, "Xception": 71}


def without_values():
    """Returns a scope in which weights have a shape and no values yet.

    To draw them is half of what it takes to build a network.
    """
    return keras.StatelessScope(initialize_variables=False)


@pytest.fixture(scope="module")
def headless():
    """Returns a function of a name that builds each network once."""

    def build(name):
        size = (SIDES.get(name, 32),) * 2
        with without_values():
            return backbones.load_backbone(
                name, weights="none", image_size=size
            )

    return functools.cache(build)


def firsts(groups):
    """Returns, by group, the name of its first layer that has weights."""
    return {
        group.name: next(
            layer.name
            for layer in group.layers
            if getattr(layer, "weights", None)
        )
        for group in groups
    }


@pytest.mark.parametrize("name", FIRSTS)
def test_a_family_is_cut_into_its_blocks_and_nothing_is_lost(name, headless):
    model = headless(name)

    groups = backbones.group_layers(model)

    listed = [layer for group in groups for layer in group.layers]
    own = [layer for layer in listed if isinstance(layer, keras.layers.Layer)]
    weights = [id(weight) for layer in own for weight in layer.weights]
    assert firsts(groups) == FIRSTS[name]
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
    ("name", "first"),
    [
        ("MobileNet", "conv_preds"),
        ("MobileNetV2", "predictions"),
        ("MobileNetV3Small", "conv_2"),
        ("VGG16", "fc1"),
    ],
)
def test_a_head_changes_no_group_below_it(name, first):
    build = getattr(keras.applications, name)
    with without_values():
        model = build(weights=None, input_shape=(32, 32, 3), classes=2)

    groups = backbones.group_layers(model)

    assert firsts(groups) == {**FIRSTS[name], "head": first}


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV3Small", "VGG16"])
def test_images_of_any_size_are_cut_as_those_of_one(name):
    build = getattr(keras.applications, name)
    size = (None, None, 3)
    with without_values():
        model = build(weights=None, include_top=False, input_shape=size)

    assert firsts(backbones.group_layers(model)) == FIRSTS[name]


@pytest.mark.parametrize(
    ("name", "lasts"),
    [
        ("MobileNetV2", [f"block_{i}_add" for i in (2, 5, 12)]),
        ("NASNetMobile", [f"normal_concat_{i}" for i in (3, 8)]),
        (
            "ResNet50",
            [f"conv{i}_out" for i in ("2_block3", "3_block4", "4_block6")],
        ),
    ],
)
def test_groups_end_in_the_sum_or_union_of_a_block(name, lasts, headless):
    groups = backbones.group_layers(headless(name))

    assert [group.layers[-1].name for group in groups[1:-1]] == lasts


def test_a_headless_network_that_gates_its_last_block_has_no_head(headless):
    last = backbones.group_layers(headless("EfficientNetB0"))[-1]

    assert last.name == "block6a" and last.layers[-1].name == "top_activation"


def test_a_family_whose_end_is_cut_off_keeps_its_groups(headless):
    whole = headless("InceptionV3")
    model = keras.Model(whole.input, whole.get_layer("mixed7").output)

    cut = backbones.group_layers(model)

    names = ["stem", "mixed0", "mixed3"]
    assert firsts(cut) == {name: FIRSTS["InceptionV3"][name] for name in names}


def test_a_graft_behind_a_cell_of_nasnet_stays_in_its_group():
    cells = ["stem_conv", "reduction_concat_stem_1", "normal_concat_0"]
    cells += ["normal_concat_1", "reduction_concat_reduce_4", "head_conv"]
    grafted = cells[:4] + ["graft_normal_concat_1"] + cells[4:]

    plain = _families.find_starts(cells, [])
    found = _families.find_starts(grafted, [])

    assert plain == {2: "normal_0", 4: "reduce_1"}
    assert found == {2: "normal_0", 5: "reduce_1"}
