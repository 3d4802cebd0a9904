"""Are groups found by name, written down, and refused where wrong?"""

import graphs
import keras
import pytest
from keras import layers

from aet_keras.backbones import Group, as_groups, group_layers


@pytest.mark.parametrize("kind", ["layer", "name"])
def test_the_backbone_may_be_named(kind):
    small, large = graphs.nested_body("small"), graphs.nested_body("large", 16)
    pixels = keras.Input((16, 16, 3))
    pooled = [
        layers.GlobalAveragePooling2D()(x(pixels)) for x in (small, large)
    ]
    x = layers.Concatenate(name="both")(pooled)
    model = keras.Model(pixels, layers.Dense(3, name="scores")(x))

    found = group_layers(model)
    named = group_layers(model, backbone=small if kind == "layer" else "small")

    assert large.layers[1] in found[0].layers and small in found[-1].layers
    assert small.layers[1] in named[0].layers and large in named[-1].layers


def test_a_small_nested_model_is_a_detail_of_a_large_flat_graph():
    def body(x):
        x = graphs.convolve(x, 3, "entry")
        detail = keras.Sequential(
            [layers.Conv2D(3, 1), layers.Conv2D(3, 1)], name="detail"
        )
        return graphs.body(detail(x), filters=16)

    groups = group_layers(graphs.classifier(body, flat=True))

    stem = [layer.name for layer in groups[0].layers]
    assert stem == ["entry", "detail", "a", "b"]
    assert [group.name for group in groups[1:]] == ["c", "e", "head"]


def test_a_frozen_backbone_is_cut_as_a_free_one():
    body = graphs.nested_body()
    body.trainable = False

    groups = group_layers(graphs.classifier(body))

    assert [group.name for group in groups] == ["stem", "c", "e", "head"]


def test_a_backbone_outside_the_graph_is_refused():
    model = graphs.classifier(graphs.nested_body())

    with pytest.raises(ValueError, match="`other` must be .* Give `groups=`"):
        group_layers(model, backbone=graphs.nested_body("other"))


def test_a_mistyped_backbone_is_answered_with_the_nearest():
    model = graphs.classifier(graphs.nested_body("pretrained"))

    with pytest.raises(ValueError, match="no layer `pretraind`.*`pretrained`"):
        group_layers(model, backbone="pretraind")


def test_a_sequential_model_must_be_built():
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)])

    with pytest.raises(ValueError, match=r"`model\.build\(input_shape\)`"):
        group_layers(model)


def test_a_subclassed_model_needs_groups():
    class Hidden(keras.Model):
        pass

    with pytest.raises(ValueError, match=r"Hidden\. .*groups=\[\[model\.stem"):
        group_layers(Hidden())


def test_groups_may_be_written_down():
    model = graphs.classifier(graphs.nested_body())
    last = Group("last", (model.get_layer("body").get_layer("e"),))

    groups = as_groups(model, [["a", "b"], "c", last])

    assert [group.name for group in groups] == ["a", "c", "last"]
    assert [len(group.layers) for group in groups] == [2, 1, 1]
    assert repr(groups[0]) == "Group('a', 2 layers)"


@pytest.mark.parametrize(
    ("groups", "advice"),
    [
        ([["a"], ["bb"]], r"no layer `bb`\. Nearest: `b`"),
        ([["a", "b"], ["b"]], "each layer must be in one group"),
        ([["a"], []], "a group must hold a layer"),
    ],
    ids=["a name with a typo", "a layer twice", "an empty group"],
)
def test_groups_that_cannot_be_are_refused(groups, advice):
    with pytest.raises(ValueError, match=f"as_groups: {advice}"):
        as_groups(graphs.classifier(graphs.nested_body()), groups)
