"""Do all callbacks take the same layers for pretrained?"""

import keras
import pytest

from aet_keras import backbones
from aet_keras.callbacks._pretrained import pretrained_groups


@pytest.fixture(scope="module")
def body():
    return backbones.load_backbone()


def names(model, **settings):
    found = pretrained_groups(
        "mine", model, groups=None, backbone=None, **settings
    )
    return [group.name for group in found]


def test_a_model_without_a_head_is_pretrained_throughout(body):
    everything = [group.name for group in backbones.group_layers(body)]

    assert "head" not in everything
    assert names(body) == everything


def test_what_needs_a_head_takes_the_last_group_of_a_model_without(body):
    assert names(body, needs_head=True) == names(body)[:-1]


def test_below_a_head_all_find_the_same(body):
    pooled = keras.layers.GlobalAveragePooling2D()(body.output)
    scores = keras.layers.Dense(3)(pooled)
    model = keras.Model(body.input, scores)

    assert backbones.group_layers(model)[-1].name == "head"
    assert names(model, needs_head=True) == names(model)


def test_a_head_above_nothing_that_has_weights_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])

    with pytest.raises(ValueError, match="Give `groups=` or `backbone=`"):
        names(model)
