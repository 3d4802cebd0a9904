"""Are groups found in any model, written down, and refused where wrong?"""

import graph_models
import keras
import pytest
from keras import layers, ops

from aet_keras.backbones import group_layers
from aet_keras.backbones.groups import Group, as_groups


@pytest.mark.parametrize("kind", ["layer", "name"])
def test_the_backbone_may_be_named(kind):
    small, large = (
        graph_models.nested_body("small"),
        graph_models.nested_body("large", 16),
    )
    pixels = keras.Input((16, 16, 3))
    pooled = [
        layers.GlobalAveragePooling2D()(x(pixels)) for x in (small, large)
    ]
    x = layers.Concatenate(name="both")(pooled)
    model = keras.Model(pixels, layers.Dense(3, name="scores")(x))

    found = group_layers(model)
    named = group_layers(model, backbone=small if kind == "layer" else "small")

    assert {group.part for group in found} == {"small", "large", ""}
    assert small.layers[1] in named[0].layers and large in named[-1].layers


def test_a_small_nested_model_is_a_detail_of_a_large_flat_graph():
    def body(x):
        x = graph_models.convolve(x, 3, "entry")
        detail = keras.Sequential(
            [layers.Conv2D(3, 1), layers.Conv2D(3, 1)], name="detail"
        )
        return graph_models.body(detail(x), filters=16)

    groups = group_layers(graph_models.classifier(body, flat=True))

    stem = [layer.name for layer in groups[0].layers]
    assert stem == ["entry", "detail", "a", "b"]
    assert [group.name for group in groups[1:]] == ["c", "e", "head"]


def test_a_frozen_backbone_is_cut_as_a_free_one():
    body = graph_models.nested_body()
    body.trainable = False

    groups = group_layers(graph_models.classifier(body))

    assert [group.name for group in groups] == ["stem", "c", "e", "head"]


def test_a_backbone_outside_the_graph_is_refused():
    model = graph_models.classifier(graph_models.nested_body())

    with pytest.raises(ValueError, match="`other` must be .* Give `groups=`"):
        group_layers(model, backbone=graph_models.nested_body("other"))


def test_a_mistyped_backbone_is_answered_with_the_nearest():
    model = graph_models.classifier(graph_models.nested_body("pretrained"))

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
    model = graph_models.classifier(graph_models.nested_body())
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
        as_groups(graph_models.classifier(graph_models.nested_body()), groups)


def names(groups):
    return {
        group.name: [layer.name for layer in group.layers] for group in groups
    }


def language_model(block_count=6):
    """Returns words, a backbone of equal blocks, and what it reads of them.

    The table of words outweighs the blocks, and distances go around them.
    """
    words = keras.Input((None,), dtype="int32")
    table = layers.ReversibleEmbedding(100, 8, name="words")
    x = layers.LayerNormalization(name="embedded")(table(words))
    distances = layers.Dense(8, name="distances")(x)
    for number in range(block_count):
        block = layers.MultiHeadAttention(1, 4, name=f"a_layer_{number}")
        x = block(x, distances)
    backbone = keras.Model(words, x, name="backbone")
    return words, backbone, table


def test_numbered_blocks_are_shared_out_above_what_embeds_their_input():
    words, backbone, _ = language_model()
    x = layers.GlobalAveragePooling1D(name="pool")(backbone(words))
    model = keras.Model(words, layers.Dense(2, name="scores")(x))

    # a quarter of six equal blocks is one and a half
    assert names(group_layers(model)) == {
        "stem": ["words", "embedded", "distances"],
        "a_layer_0": ["a_layer_0"],
        "a_layer_1": ["a_layer_1", "a_layer_2"],
        "a_layer_3": ["a_layer_3"],
        "a_layer_4": ["a_layer_4", "a_layer_5"],
        "head": ["pool", "scores"],
    }


def test_a_table_that_also_reads_words_off_is_of_the_stem_alone():
    words, backbone, table = language_model(block_count=2)
    model = keras.Model(words, table(backbone(words), reverse=True))

    assert names(group_layers(model)) == {
        "stem": ["words", "embedded", "distances"],
        "a_layer_0": ["a_layer_0"],
        "a_layer_1": ["a_layer_1"],
    }


def test_a_layer_that_hides_a_backbone_is_cut_into_its_blocks():
    class Encoder(layers.Layer):
        def build(self, input_shape):
            self.blocks = [layers.Dense(8, name=f"block_{i}") for i in (1, 2)]
            self.norm = layers.LayerNormalization(name="norm")
            for layer in [*self.blocks, self.norm]:
                layer.build(input_shape)

        def call(self, inputs):
            x = inputs
            for block in self.blocks:
                x = block(x)
            return self.norm(x)

    patches = keras.Input((4, 3))
    x = Encoder(name="encoder")(layers.Dense(8, name="embed")(patches))
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    model = keras.Model(patches, layers.Dense(2, name="scores")(x))

    assert names(group_layers(model)) == {
        "stem": ["embed"],
        "block_1": ["block_1"],
        "block_2": ["block_2", "norm"],
        "head": ["pool", "scores"],
    }


@pytest.mark.parametrize("is_layer", [True, False], ids=["layer", "operation"])
def test_padding_goes_with_the_pooling_that_needs_it(is_layer):
    pixels = keras.Input((None, None, 3))
    x = graph_models.convolve(pixels, 4, "a")
    sides = [[0, 0], [1, 1], [1, 1], [0, 0]]
    x = layers.ZeroPadding2D()(x) if is_layer else ops.pad(x, sides)
    x = layers.MaxPooling2D(3, 2, name="shrink")(x)
    model = keras.Model(pixels, graph_models.convolve(x, 4, "b"))

    cut = names(group_layers(model))

    assert cut["stem"] == ["a"] and cut["b"][1:] == ["shrink", "b"]


def test_backbones_of_keras_hub_are_cut_into_runs_of_blocks():
    models = pytest.importorskip("keras_hub").models
    sizes = {"num_layers": 4, "num_heads": 2, "hidden_dim": 8}
    text = models.BertBackbone(
        **sizes, vocabulary_size=99, intermediate_dim=8, max_sequence_length=9
    )
    image = models.ViTBackbone((8, 8, 3), 4, mlp_dim=8, **sizes)

    read = group_layers(models.BertTextClassifier(text, num_classes=2))
    seen = group_layers(models.ViTImageClassifier(image, num_classes=2))

    layered = [f"transformer_layer_{number}" for number in range(4)]
    assert list(names(read)) == ["stem", *layered, "head"]
    blocks = [f"transformer_block_{number}" for number in range(1, 5)]
    assert list(names(seen)) == ["stem", *blocks, "head"]
