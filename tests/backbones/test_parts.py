"""Is every pretrained part of a model found, with groups of its own?"""

import keras
import part_models
import pytest
from keras import layers

from aet_keras.backbones import group_layers, is_grafted
from aet_keras.backbones.attention import graft_attention

HEAD = ["pool", "mean", "all", "scores"]


def shown(model):
    return {
        group.name: [layer.name for layer in group.layers]
        for group in group_layers(model)
    }


def learn(*layers_):
    """Moves the biases, as training would."""
    for layer in layers_:
        for weight in layer.weights:
            if weight.name == "bias":
                weight.assign_add(weight * 0 + 0.3)


def test_groups_of_nested_parts_alternate_from_stem_to_top():
    found = shown(part_models.two_parts())

    assert found == {
        "picture/stem": ["scaled", "a"],
        "text/stem": ["words"],
        "picture/b": ["b"],
        "text/block_0": ["block_0"],
        "picture/c": ["c"],
        "text/block_1": ["block_1"],
        "head": HEAD,
    }
    assert {g.part for g in group_layers(part_models.two_parts())} == {
        "picture",
        "text",
        "",
    }


@pytest.mark.parametrize("flat", [("picture", "text"), ("text",), ("picture",)])
def test_parts_in_the_graph_itself_are_found(flat):
    model = part_models.two_parts(flat=flat, compiled=False)
    names = {"picture": "b", "text": "block_0"}
    learn(*(model.get_layer(names[name]) for name in flat))
    called = {"picture": "image", "text": "tokens"}

    found = shown(model)

    parts = {called[n] if n in flat else n for n in called}
    assert {name.split("/")[0] for name in found} == {*parts, "head"}
    assert sorted(found["head"]) == sorted(HEAD) and len(found) == 7


def test_a_new_part_beside_one_that_has_learned_is_of_the_head():
    model = part_models.two_parts()
    learn(*model.get_layer("picture").layers)

    assert list(shown(model)) == ["stem", "b", "c", "head"]


def test_a_flat_part_that_has_not_learned_is_of_the_head():
    model = part_models.two_parts(flat=("text",))

    assert list(shown(model)) == ["stem", "b", "c", "head"]


def test_a_decoder_above_an_encoder_is_no_part():
    pixels = keras.Input((8, 8, 3))
    low = part_models.nested(part_models.picture_part, pixels, "low")
    maps = low(pixels)
    high = part_models.nested(part_models.picture_part, maps, "high")
    x = layers.GlobalAveragePooling2D()(high(maps))
    model = keras.Model(pixels, layers.Dense(2)(x))

    assert all(not group.part for group in group_layers(model))


def test_attention_is_grafted_into_the_upper_groups_of_each_part():
    grafted = graft_attention(part_models.two_parts(), "eca")

    changed = [
        group.name
        for group in group_layers(grafted)
        if any(is_grafted(layer) for layer in group.layers)
    ]
    assert sorted(name.split("/")[1] for name in changed) == [
        "b",
        "block_0",
        "block_1",
        "c",
    ]
