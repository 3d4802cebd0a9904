import keras
import numpy as np
import pytest
from keras import layers, ops

from aet_keras._keras.inside import Inside

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def upper():
    """Returns two dense layers around a short-cut, as a model."""
    inputs = keras.Input((4,))
    x = layers.Dense(4, "tanh", name="c")(inputs)
    return keras.Model(inputs, layers.Add(name="add")([x, inputs]), name="up")


def model():
    """Returns a, then a nested model, then d."""
    inputs = keras.Input((4,))
    x = upper()(layers.Dense(4, "tanh", name="a")(inputs))
    return keras.Model(inputs, layers.Dense(2, name="d")(x))


def key_of(inside, name):
    return [t.key for t in inside.tensors if t.layer.name == name][-1]


def first_column(layer, inputs, outputs):
    return outputs[:, 0]


def slope_by_hand(whole, name):
    """Returns d output[0] / d the tensor that `a` or `c` gives."""
    a, up, d = (whole.get_layer(each) for each in ("a", "up", "d"))
    kernel = np.asarray(d.kernel)[:, 0]
    if name == "c":
        return np.tile(kernel, (len(X), 1))
    c = up.get_layer("c")
    seen = np.asarray(c(a(X)))
    through = (kernel * (1 - seen**2)) @ np.asarray(c.kernel).T
    return through + kernel


@pytest.mark.parametrize("name", ["a", "c"])
def test_a_slope_is_that_of_the_chain_rule(name):
    whole = model()
    inside = Inside(whole)

    tensor, slope = inside.follow(X, key_of(inside, name), first_column)

    a = whole.get_layer("a")(X)
    expected = a if name == "a" else whole.get_layer("up").get_layer("c")(a)
    np.testing.assert_allclose(tensor, expected, atol=1e-6)
    np.testing.assert_allclose(slope, slope_by_hand(whole, name), atol=1e-6)


def test_a_nested_models_output_is_a_tensor_too():
    whole = model()
    inside = Inside(whole)

    tensor, _ = inside.follow(X, key_of(inside, "up"), first_column)

    expected = whole.get_layer("up")(whole.get_layer("a")(X))
    np.testing.assert_allclose(tensor, expected, atol=1e-6)


def test_the_score_sees_the_last_layer_and_what_it_read():
    inside, seen = Inside(model()), []

    def score(layer, inputs, outputs):
        seen.append((layer.name, np.asarray(layer(inputs[0]) - outputs)))
        return outputs

    inside.follow(X, key_of(inside, "a"), score)

    name, difference = seen[0]
    assert name == "d"
    assert not difference.any()


def test_the_last_layer_is_found_inside_a_nested_model():
    inputs = keras.Input((4,))
    inside, seen = Inside(keras.Model(inputs, upper()(inputs))), []

    def score(layer, inputs, outputs):
        seen.append(layer.name)
        return outputs

    inside.follow(X, key_of(inside, "c"), score)

    assert seen == ["add"]


def test_depth_counts_the_longest_path_and_raw_means_no_weights():
    inputs = keras.Input((4,))
    x = layers.Rescaling(2.0, name="scale")(inputs)
    x = layers.Add(name="add")([layers.Dense(4, name="a")(x), x])

    tensors = Inside(keras.Model(inputs, x)).tensors

    assert {t.layer.name: (t.depth, t.is_raw) for t in tensors} == {
        "scale": (1, True),
        "a": (2, False),
        "add": (3, False),
    }


@pytest.mark.parametrize("is_said", [False, True])
def test_who_looks_beside_a_layer_sees_its_input_and_mask(is_said):
    words = keras.Input((3,), dtype="int32")
    x = layers.Embedding(5, 4, mask_zero=True)(words)
    said = {"mask": ops.not_equal(words, 1)} if is_said else {}
    x = layers.GlobalAveragePooling1D(name="pool")(x, **said)
    whole = keras.Model(words, x)
    given = np.array([[2, 1, 0]])

    def look(layer, inputs, mask):
        return inputs.shape, np.asarray(mask).tolist()

    ((shape, mask),) = Inside(whole).beside(
        given, lambda layer: layer.name == "pool", look
    )

    assert shape == (1, 3, 4)
    assert mask == [[True, False, True] if is_said else [True, True, False]]


def test_who_looks_beside_a_layer_computes_in_its_dtype():
    keras.config.set_dtype_policy("mixed_float16")
    whole = model()

    def look(layer, inputs, mask):
        return inputs.dtype, (layer.kernel + 0).dtype

    ((inputs, kernel),) = Inside(whole).beside(
        X, lambda layer: layer.name == "c", look
    )

    assert inputs == kernel == "float16"


def test_losses_of_a_look_are_not_left_behind():
    inputs = keras.Input((4,))
    x = layers.Dense(4, activity_regularizer="l2", name="a")(inputs)
    whole = keras.Model(inputs, layers.Dense(2)(x))
    inside = Inside(whole)

    inside.follow(X, key_of(inside, "a"), first_column)

    assert whole.losses == []
