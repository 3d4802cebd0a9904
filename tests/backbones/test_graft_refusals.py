"""Is a graft that cannot be refused, with the remedy?"""

import graph_models
import image_models
import keras
import pytest
from doubling_layer import DoublingLayer
from keras import layers

from aet_keras.backbones import graft, group_layers, residual_branches
from aet_keras.backbones.groups import Group
from aet_keras.layers import SqueezeExcite


@pytest.fixture
def model():
    return graph_models.classifier(graph_models.nested_body())


@pytest.mark.parametrize(
    ("after", "advice"),
    [
        ("scoers", r"no layer `scoers`\. Nearest: `scores`.*8 layers in all"),
        ((), r"at least one place .*Name a layer, or take `group_layers"),
        (Group("head", ()), "at least one place below the head"),
        (layers.Dense(1, name="far"), r"`far` must be .* of this very model"),
        (Group("x", [layers.Dense(1, name="far")]), "`far` must be called"),
    ],
    ids=["a typo", "empty", "the head alone", "a strange layer", "its group"],
)
def test_a_place_that_is_not_there_is_refused(model, after, advice):
    with pytest.raises(ValueError, match=f"graft: .*{advice}"):
        graft(model, DoublingLayer, after=after)


@pytest.mark.parametrize("after", [3, ["a", None]], ids=["int", "a None"])
def test_a_place_of_another_kind_is_refused(model, after):
    with pytest.raises(TypeError, match="must be a layer name, a layer, a `Gr"):
        graft(model, DoublingLayer, after=after)


def test_a_name_in_two_nested_models_is_refused():
    left, right = (
        graph_models.nested_body("left"),
        graph_models.nested_body("right"),
    )
    pixels = keras.Input((16, 16, 3))
    model = keras.Model(pixels, layers.Add()([left(pixels), right(pixels)]))

    with pytest.raises(
        ValueError, match="`c`, of 2 layers .* the layer itself"
    ):
        graft(model, DoublingLayer, after="c")

    assert graft(model, DoublingLayer, after=left.get_layer("c"))


@pytest.mark.parametrize("kind", ["name", "layer"])
def test_a_part_of_a_layer_is_refused_with_its_whole(kind):
    model = graph_models.transformer(block_count=1)
    attention = model.get_layer("block_0_attention")
    part = attention.query_dense
    after = part.name if kind == "name" else part

    with pytest.raises(ValueError, match="Name `block_0_attention`"):
        graft(model, DoublingLayer, after=after)


@pytest.mark.parametrize(
    ("layer", "advice"),
    [
        (lambda: layers.Conv2D(4, 1), r"Conv2D behind `c`, which .* float32"),
        (lambda: layers.MaxPooling2D(), r"keep the shape.* \(None, 4, 4, 8\)"),
        (lambda: layers.Activation("linear", dtype="float16"), "8\\) float16"),
        (lambda: layers.Bidirectional(layers.LSTM(4)), "must take what it is"),
    ],
    ids=["channels", "positions", "dtype", "rank"],
)
@pytest.mark.parametrize("is_nested", [True, False], ids=["nested", "stack"])
def test_a_layer_that_changes_the_shape_is_refused(layer, advice, is_nested):
    body = graph_models.nested_body()
    stack = keras.Sequential([keras.Input((16, 16, 3)), *body.layers[1:]])
    model = graph_models.classifier(body) if is_nested else stack

    with pytest.raises(ValueError, match=f"graft: .*{advice}"):
        graft(model, layer, after="c")


def test_a_layer_that_cannot_take_the_tensor_is_refused(model):
    with pytest.raises(
        ValueError, match="SqueezeExcite behind `pool`.*pooling"
    ):
        graft(model, SqueezeExcite, after="pool")


def test_a_subclassed_model_is_refused():
    class Hidden(keras.Model):
        pass

    for function in (
        lambda m: graft(m, DoublingLayer, after="a"),
        residual_branches,
    ):
        with pytest.raises(
            ValueError, match="call the new layer in its `call`"
        ):
            function(Hidden())


def test_a_sequential_model_must_be_built():
    model = keras.Sequential([layers.Dense(3, name="a"), layers.Dense(2)])

    with pytest.raises(ValueError, match=r"`model\.build\(input_shape\)`"):
        graft(model, DoublingLayer, after="a")


def test_a_class_that_would_lose_its_steps_is_refused():
    class Stepping(keras.Model):
        def __init__(self, width):
            pixels = keras.Input((16, 16, 3))
            super().__init__(pixels, graph_models.convolve(pixels, width, "a"))

        def train_step(self, data):
            return {}

    with pytest.raises(ValueError, match="`train_step` would be lost"):
        graft(Stepping(3), DoublingLayer, after="a")


def test_a_model_of_one_layer_has_no_groups_to_graft():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="only")])

    with pytest.raises(ValueError, match="a model of one layer is all head"):
        graft(model, DoublingLayer, after=group_layers(model))

    assert graft(model, DoublingLayer, after="only").get_layer("graft_only")


def test_a_model_without_residual_sums_has_no_branches(model):
    with pytest.raises(ValueError, match="has no `residual_branches`"):
        graft(model, DoublingLayer, after=residual_branches(model))


def test_an_instance_stands_at_one_place(model):
    advice = r"Give the class, `SqueezeExcite`, or .*`lambda: SqueezeExcite\("

    with pytest.raises(ValueError, match=advice):
        graft(model, SqueezeExcite(ratio=4), after=["a", "c"])

    new = SqueezeExcite(ratio=4)
    grafted = graft(model, new, after="c")
    assert grafted.get_layer("body").get_layer("graft_c") is new


def test_an_instance_must_be_new(model):
    with pytest.raises(ValueError, match="be new.*`pool`, which is built"):
        graft(model, model.get_layer("pool"), after="c")


@pytest.mark.parametrize(
    ("layer", "advice"),
    [
        ("SqueezeExcite", "`lambda: SqueezeExcite"),
        (lambda: "SqueezeExcite", "a function that returns a layer"),
    ],
    ids=["a word", "makes a word"],
)
def test_what_makes_no_layer_is_refused(model, layer, advice):
    with pytest.raises(TypeError, match=f"graft: `layer` must .*{advice}"):
        graft(model, layer, after="c")


def test_a_function_must_make_a_new_layer_each_time(model):
    layer = DoublingLayer()

    with pytest.raises(ValueError, match="Make it inside the function"):
        graft(model, lambda: layer, after=["a", "c"])


def test_a_place_gives_one_tensor_of_floats():
    tokens = keras.Input((5,), dtype="int32")
    x = layers.Identity(name="numbers")(tokens)
    x = layers.Embedding(9, 4, name="embedding")(x)
    x = layers.LSTM(4, return_state=True, name="memory")(x)
    model = keras.Model(tokens, x)

    for place, given in (("numbers", "int32"), ("memory", "4.*4.*4")):
        with pytest.raises(ValueError, match=f"single tensor.*{given}.*behind"):
            graft(model, DoublingLayer, after=place)


class Forgetful(keras.layers.Layer):
    """Is made again with another width than its own."""

    def __init__(self, width=2, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape):
        self.kernel = self.add_weight((self.width, 1))

    def call(self, inputs):
        return inputs

    def get_config(self):
        return super().get_config()


class Stubborn(keras.layers.Dense):
    """Cannot be made again."""

    def get_config(self):
        return {**super().get_config(), "unknown": 1}


@pytest.mark.parametrize("layer", [Forgetful(3), Stubborn(3)], ids=repr)
def test_a_layer_without_a_copy_is_refused_with_the_other_way(layer):
    model = keras.Sequential([keras.Input((4,)), layer, layers.Dense(2)])

    with pytest.raises(ValueError, match="`share_weights=True`"):
        graft(model, DoublingLayer, after=layer)

    assert graft(model, DoublingLayer, after=layer, share_weights=True)


def test_weights_of_two_layers_are_not_torn_apart():
    dense = layers.Dense(4)
    x = tokens = keras.Input((5, 4))
    x = layers.TimeDistributed(dense, name="all")(dense(x))
    model = keras.Model(tokens, x)

    with pytest.raises(ValueError, match="`all` share a weight"):
        graft(model, DoublingLayer, after="all")


def test_a_switch_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="`share_weights` must be True or"):
        graft(
            image_models.backbone(),
            DoublingLayer,
            after="a_bn",
            share_weights=1,
        )
