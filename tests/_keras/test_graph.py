import keras

from aet_keras._keras import graph


def names(model):
    return [call.layer.name for call in graph.calls(model)]


def test_a_short_side_branch_is_computed_after_the_long_one():
    pixels, table = keras.Input((8, 8, 3)), keras.Input((2,))
    x = keras.layers.Conv2D(2, 3, name="conv_1")(pixels)
    x = keras.layers.Conv2D(2, 3, name="conv_2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    side = keras.layers.Dense(2, name="side")(table)
    both = keras.layers.Concatenate(name="both")([side, x])
    model = keras.Model([table, pixels], both)

    calls = graph.calls(model)

    assert names(model) == ["conv_1", "conv_2", "pool", "side", "both"]
    assert [call.live for call in calls] == [1, 1, 1, 2, 1]


def test_a_residual_keeps_its_input_alive():
    x = inputs = keras.Input((4,))
    x = skip = keras.layers.Dense(4, name="a")(x)
    x = keras.layers.Dense(4, name="b")(x)
    model = keras.Model(inputs, keras.layers.Add(name="add")([x, skip]))

    calls = graph.calls(model)

    assert [(c.layer.name, c.live) for c in calls] == [
        ("a", 1),
        ("b", 2),
        ("add", 1),
    ]


def test_a_shared_layer_is_called_twice():
    shared = keras.layers.Dense(4, name="shared")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, shared(shared(inputs)))

    assert names(model) == ["shared", "shared"]


def test_a_subclassed_model_hides_its_graph():
    class Hidden(keras.Model):
        pass

    assert not graph.is_graph(Hidden())
    assert not graph.is_graph(keras.Sequential())
