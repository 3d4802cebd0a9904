"""Do the groups of a grafted model hold what they held, and the new layers?"""

import graph_models
import keras
import pytest
from doubling_layer import DoublingLayer

from aet_keras.backbones import (
    graft,
    group_layers,
    is_grafted,
    residual_branches,
)
from aet_keras.layers import SoftAttention


def parts(model, *, is_new):
    return {
        group.name: [x.name for x in group.layers if is_grafted(x) == is_new]
        for group in group_layers(model)
    }


@pytest.mark.parametrize("is_nested", [False, True], ids=["flat", "nested"])
def test_a_new_layer_is_listed_in_its_group(is_nested):
    blocks = ((4, 1), (8, 2), (8, 1), (16, 2))
    body = graph_models.residual(blocks)
    if is_nested:
        pixels = keras.Input((16, 16, 3))
        body = keras.Model(pixels, body(pixels), name="body")
    model = graph_models.classifier(body, flat=not is_nested)

    grafted = graft(model, SoftAttention, after=group_layers(model))

    assert parts(grafted, is_new=False) == parts(model, is_new=False)
    assert parts(grafted, is_new=True) == {
        "stem": ["graft_r0_add"],
        "r1_left": ["graft_r2_add"],
        "r3_left": ["graft_r3_add"],
        "head": [],
    }


def test_a_new_layer_in_a_block_is_listed_in_its_group():
    model = keras.applications.MobileNetV2(
        weights=None, input_shape=(96, 96, 3), alpha=0.35
    )

    grafted = graft(model, DoublingLayer, after=residual_branches(model))

    listed = parts(grafted, is_new=True)
    assert parts(grafted, is_new=False) == parts(model, is_new=False)
    assert listed["block_3"] == [
        "graft_block_4_project_BN",
        "graft_block_5_project_BN",
    ]
    assert listed["head"] == []


def test_a_new_layer_in_the_first_block_of_a_group_moves_no_boundary():
    model = keras.applications.MobileNetV2(
        weights=None, input_shape=(96, 96, 3), alpha=0.35
    )

    grafted = graft(model, DoublingLayer, after="block_3_expand")

    assert parts(grafted, is_new=False) == parts(model, is_new=False)
    assert parts(grafted, is_new=True)["block_3"] == ["graft_block_3_expand"]
