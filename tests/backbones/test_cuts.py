"""Are graphs cut where shapes change, and nothing but there?"""

import graph_models
import keras
import pytest
from keras import layers

from aet_keras.backbones import group_layers


def parts(model):
    """Returns the names of the layers of each group, by group."""
    return {
        group.name: [layer.name for layer in group.layers]
        for group in group_layers(model)
    }


def test_a_flat_graph_is_cut_where_the_map_shrinks():
    model = graph_models.classifier(graph_models.body, flat=True)

    assert parts(model) == {
        "stem": ["a", "b"],
        "c": ["c", "d"],
        "e": ["e"],
        "head": ["pool", "scores"],
    }


def test_a_nested_backbone_is_cut_as_a_flat_one():
    model = graph_models.classifier(graph_models.nested_body())

    assert parts(model) == {
        "stem": ["a", "b"],
        "c": ["c", "d"],
        "e": ["e"],
        "head": ["pool", "scores"],
    }


def test_what_wraps_a_nested_backbone_joins_its_ends():
    inner = graph_models.nested_body()
    pixels = keras.Input((16, 16, 3))
    x = inner(layers.Rescaling(2.0, name="scale")(pixels))
    x = layers.BatchNormalization(name="after")(x)
    wrapped = keras.Model(pixels, x, name="wrapped")

    assert parts(graph_models.classifier(wrapped)) == {
        "stem": ["scale", "a", "b"],
        "c": ["c", "d"],
        "e": ["e", "after"],
        "head": ["pool", "scores"],
    }


@pytest.mark.parametrize("is_nested", [False, True], ids=["flat", "nested"])
def test_a_sequential_model_is_cut_too(is_nested):
    body = graph_models.nested_body()
    model = keras.Sequential([keras.Input((16, 16, 3))])
    for layer in [body] if is_nested else body.layers[1:]:
        model.add(layer)
    model.add(layers.GlobalAveragePooling2D(name="pool"))
    model.add(layers.Dense(3, name="scores"))

    assert list(parts(model)) == ["stem", "c", "e", "head"]


def test_a_backbone_without_a_head_has_no_group_head():
    assert list(parts(graph_models.nested_body())) == ["stem", "c", "e"]


def test_flat_features_are_cut_where_their_number_changes():
    model = keras.Sequential([keras.Input((8,))])
    for name, units in (("a", 16), ("b", 16), ("c", 8), ("scores", 2)):
        model.add(layers.Dense(units, name=name))

    assert parts(model) == {
        "stem": ["a", "b"],
        "c": ["c"],
        "head": ["scores"],
    }


def test_positions_dropped_at_the_start_do_not_start_the_head():
    model = keras.Sequential([keras.Input((4, 4))])
    model.add(layers.Rescaling(2.0, name="scale"))
    model.add(layers.Flatten(name="flat"))
    for name, units in (("a", 16), ("b", 8), ("scores", 2)):
        model.add(layers.Dense(units, name=name))

    assert parts(model) == {
        "stem": ["scale", "flat", "a"],
        "b": ["b"],
        "head": ["scores"],
    }


def test_scores_that_are_convolved_are_of_the_head():
    pixels = keras.Input((16, 16, 3))
    pool = layers.GlobalAveragePooling2D(keepdims=True, name="pool")
    x = pool(graph_models.body(pixels))
    x = layers.Flatten(name="flat")(layers.Conv2D(3, 1, name="scores")(x))

    cut = parts(keras.Model(pixels, x))

    assert cut["head"] == ["pool", "scores", "flat"]


def test_residual_branches_are_never_cut():
    blocks = ((4, 1), (8, 2), (8, 1), (16, 2))
    model = graph_models.classifier(graph_models.residual(blocks), flat=True)

    # the first layer of a block shrinks the map, and so does its shortcut
    inside = ["{}_left", "{}_right", "{}_add"]
    assert parts(model) == {
        "stem": ["entry"] + [name.format("r0") for name in inside],
        "r1_left": [n.format(r) for r in ("r1", "r2") for n in inside],
        "r3_left": [name.format("r3") for name in inside],
        "head": ["pool", "scores"],
    }


def test_named_blocks_are_kept_whole():
    # the pool shrinks the map, but it closes a block that its name opens
    def body(x):
        for block in ("block1", "block2", "block3"):
            x = graph_models.convolve(x, 4, f"{block}_conv1")
            x = graph_models.convolve(x, 4, f"{block}_conv2")
            x = layers.MaxPooling2D(name=f"{block}_pool")(x)
        return x

    cut = parts(graph_models.classifier(body, flat=True))

    inside = ["{}_conv1", "{}_conv2", "{}_pool"]
    assert cut == {
        "stem": [name.format("block1") for name in inside],
        "block2": [name.format("block2") for name in inside],
        "block3": [name.format("block3") for name in inside],
        "head": ["pool", "scores"],
    }


def test_equal_blocks_are_cut_into_even_parts():
    cut = parts(graph_models.transformer(block_count=6))

    # a quarter of six blocks is one and a half: one or two blocks a part
    blocks = [
        sorted({name.rpartition("_")[0] for name in names})
        for names in cut.values()
    ]
    assert list(cut)[-1] == "head" and cut.pop("head") == ["pool", "scores"]
    assert {len(names) for names in blocks[:-1]} == {1, 2}
    assert sum(blocks[:-1], []) == [f"block_{i}" for i in range(6)]


def test_a_shared_layer_stands_in_one_group():
    shared = graph_models.convolution(4, "shared")

    def body(x):
        x = graph_models.convolve(shared(x), 4, "b", strides=2)
        return graph_models.convolve(shared(x), 4, "d", strides=2)

    model = graph_models.classifier(body, flat=True, channels=4)

    assert parts(model) == {
        "stem": ["shared"],
        "b": ["b"],
        "d": ["d"],
        "head": ["pool", "scores"],
    }


@pytest.mark.parametrize("is_nested", [False, True], ids=["flat", "nested"])
def test_two_outputs_share_one_head(is_nested):
    pixels = keras.Input((16, 16, 3))
    x = (
        graph_models.nested_body()(pixels)
        if is_nested
        else graph_models.body(pixels)
    )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    ends = [layers.Dense(3, name="one")(x), layers.Dense(1, name="two")(x)]

    cut = parts(keras.Model(pixels, ends))

    assert list(cut) == ["stem", "c", "e", "head"]
    assert cut["head"] == ["pool", "one", "two"]


@pytest.mark.parametrize("is_nested", [False, True], ids=["flat", "nested"])
def test_a_second_input_joins_in_the_head(is_nested):
    pixels, table = keras.Input((16, 16, 3)), keras.Input((2,))
    x = (
        graph_models.nested_body()(pixels)
        if is_nested
        else graph_models.body(pixels)
    )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    side = layers.Dense(4, name="side")(table)
    x = layers.Concatenate(name="both")([x, side])
    model = keras.Model([pixels, table], layers.Dense(3, name="scores")(x))

    cut = parts(model)

    assert list(cut) == ["stem", "c", "e", "head"]
    assert cut["head"] == ["pool", "side", "both", "scores"]


def test_a_layer_below_the_backbone_that_must_learn_is_of_the_head():
    pixels = keras.Input((16, 16, 1))
    x = layers.Rescaling(2.0, name="scale")(pixels)
    x = graph_models.nested_body()(layers.Conv2D(3, 1, name="colour")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)

    cut = parts(keras.Model(pixels, layers.Dense(3, name="scores")(x)))

    assert cut["stem"] == ["scale", "a", "b"]
    assert cut["head"] == ["colour", "pool", "scores"]


def test_the_pooling_of_a_gate_does_not_start_the_head():
    def body(x):
        x = graph_models.body(x)
        gate = layers.GlobalAveragePooling2D(name="squeeze")(x)
        gate = layers.Dense(8, name="excite")(gate)
        gate = layers.Reshape((1, 1, 8), name="reshape")(gate)
        return layers.Multiply(name="gated")([x, gate])

    pixels = keras.Input((16, 16, 3))
    bare = parts(keras.Model(pixels, body(pixels)))
    full = parts(graph_models.classifier(body, flat=True))

    assert list(bare) == ["stem", "c", "e"]
    assert bare["e"] == ["e", "squeeze", "excite", "reshape", "gated"]
    assert full == {**bare, "head": ["pool", "scores"]}


def test_a_map_that_is_an_output_too_does_not_hide_the_head():
    pixels = keras.Input((16, 16, 3))
    x = graph_models.body(pixels)
    scores = layers.GlobalAveragePooling2D(name="pool")(x)
    scores = layers.Dense(3, name="scores")(scores)

    cut = parts(keras.Model(pixels, [x, scores]))

    assert list(cut) == ["stem", "c", "e", "head"]
    assert cut["head"] == ["pool", "scores"]


def test_statistics_of_the_input_are_no_group_of_their_own():
    def body(x):
        x = layers.Normalization(mean=[0.0] * 3, variance=[1.0] * 3)(x)
        return graph_models.body(
            graph_models.convolve(x, 4, "first", strides=2)
        )

    cut = parts(graph_models.classifier(body, flat=True))

    assert list(cut) == ["stem", "c", "e", "head"]
    assert cut["stem"][1:] == ["first", "a", "b"]
