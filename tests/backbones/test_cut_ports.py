"""Are graphs of several inputs and outputs cut below all of their heads?"""

import graph_models
import keras
import pytest
from keras import layers

from aet_keras.backbones import group_layers


def names(model):
    """Returns the names of the groups, and of the layers of the head."""
    *groups, head = group_layers(model)
    assert head.name == "head"
    return [group.name for group in groups], [x.name for x in head.layers]


def dense(x, *widths, name):
    for number, width in enumerate(widths):
        x = layers.Dense(width, name=f"{name}{number or ''}")(x)
    return x


def test_a_map_beside_scores_is_of_the_head_too():
    pixels = keras.Input((16, 16, 3))
    x = graph_models.body(pixels)
    mask = graph_models.convolve(x, 2, "mask")
    scores = dense(layers.GlobalAveragePooling2D(name="pool")(x), 3, name="s")

    groups, head = names(keras.Model(pixels, {"mask": mask, "s": scores}))

    assert groups == ["stem", "c", "e"]
    assert {"mask", "s"} <= set(head)


@pytest.mark.parametrize("hidden", [(), (4,), (4, 4)], ids=len)
def test_heads_without_a_pooling_below_are_all_of_the_head(hidden):
    inputs = keras.Input((8,))
    x = dense(inputs, 8, 4, 2, name="old")
    ends = [dense(x, *hidden, 3, name="u"), dense(x, 2, name="v")]

    groups, head = names(keras.Model(inputs, ends))

    assert groups == ["stem", "old1", "old2"]
    assert len(head) == 2 + len(hidden)


def test_maps_without_a_head_leave_all_layers_in_groups():
    body = graph_models.nested_body()
    maps = [body.get_layer(name).output for name in "bde"]

    groups = group_layers(keras.Model(body.inputs, maps))

    inside = [layer.name for group in groups for layer in group.layers]
    assert inside == list("abcde") and groups[-1].name != "head"


def test_a_wide_tower_for_a_table_is_not_the_backbone():
    pixels, table = keras.Input((16, 16, 3)), keras.Input((5,))
    body = graph_models.nested_body()
    wide = keras.Sequential(
        [keras.Input((5,)), layers.Dense(900), layers.Dense(9)], name="tower"
    )
    x = layers.GlobalAveragePooling2D(name="pool")(body(pixels))
    x = layers.Concatenate(name="both")([x, wide(table)])

    groups, head = names(keras.Model([pixels, table], dense(x, 3, name="s")))

    assert groups == ["stem", "c", "e"]
    assert head == ["pool", "tower", "both", "s"]
