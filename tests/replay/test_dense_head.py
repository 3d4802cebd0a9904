"""Is each output's dense head the best there is on fixed features?"""

import keras
import numpy as np
import pytest
import replay_runs
from keras import layers

from aet_keras._keras.split_graph import SplitGraph
from aet_keras.layers import Uncertainty
from aet_keras.losses import WeightedByUncertainty
from aet_keras.replay.dense_head import NotSolved, heads_of
from aet_keras.replay.head_loss import by_output

COUNT = 60
X, KIND = replay_runs.noise_rows(COUNT)
SIZE = (X @ np.linspace(-1, 1, 8)).astype("float32")


def model(*, kinds=(), sizes=(), loss="sparse_categorical_crossentropy"):
    """Returns a backbone and two dense heads, with layers below each."""
    inputs = keras.Input((8,))
    x = replay_runs.build_backbone()(inputs)
    ends = {
        "kind": [*kinds, layers.Dense(3, "softmax", name="kinds")],
        "size": [*sizes, layers.Dense(1, name="sizes")],
    }
    outputs = {}
    for name, own in ends.items():
        outputs[name] = x
        for layer in [*own, Uncertainty(name=name)]:
            outputs[name] = layer(outputs[name])
    made = keras.Model(inputs, outputs)
    costs = {"kind": loss, "size": "mse"}
    costs = {name: WeightedByUncertainty(each) for name, each in costs.items()}
    made.compile("sgd", costs, run_eagerly=True)
    return made


class Heads(keras.callbacks.Callback):
    """Looks at the heads before they train on, behind ours."""

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == self.params["steps"]:
            self.model.looked = {
                name: [each.numpy() for each in layer.weights]
                for name in ("kinds", "sizes", "kind", "size")
                for layer in [self.model.get_layer(name)]
            }


def run(make=model, **settings):
    data = X, {"kind": KIND, "size": SIZE}
    return replay_runs.run(
        make,
        lambda: data,
        also=[Heads],
        own={"solve_head": True},
        epochs=2,
        batch_size=COUNT,
        validation_data=data,
        **settings,
    )


@pytest.fixture(scope="module")
def solved():
    return run()


def features(again):
    return np.asarray(again.model.get_layer("old")(X))


def sentences(again):
    return [each for each in again.said if each.startswith("solved")]


def test_each_head_is_said_to_be_solved(solved):
    kinds, sizes = sentences(solved)

    assert kinds.startswith("solved the head `kinds`: validation loss")
    assert sizes.startswith("solved the head `sizes`: validation loss")


def test_a_linear_head_is_the_ridge_solution(solved):
    kernel, bias = solved.model.looked["sizes"]

    # On the rows that it learned from, the weakest penalty is the best one.
    z = features(solved)
    z = (z - z.mean(0)) / z.std(0)
    gram = z.T @ z / COUNT + 0.5e-4 * np.eye(z.shape[1])
    expected = z @ np.linalg.solve(gram, z.T @ SIZE / COUNT) + SIZE.mean()
    found = features(solved) @ kernel + bias
    np.testing.assert_allclose(found[:, 0], expected, atol=0.02)


def test_what_a_loss_weighs_is_settled_with_its_head(solved):
    kernel, bias = solved.model.looked["sizes"]
    errors = (features(solved) @ kernel + bias)[:, 0] - SIZE

    loss = np.mean(errors**2)
    settled = Uncertainty()
    settled.build((None, 1))
    settled.settle(float(loss))
    (found,) = solved.model.looked["size"]
    np.testing.assert_allclose(found, settled.log_variance, atol=1e-3)


def shared():
    """Returns a model whose two outputs come of one and the same layer."""
    inputs = keras.Input((8,))
    layer = layers.Dense(1, name="sizes")
    x = replay_runs.build_backbone()(inputs)
    made = keras.Model(inputs, {"a": layer(x), "b": layer(-x)})
    made.compile("sgd", "mse", run_eagerly=True)
    return made


def stepped(made):
    """Returns a model with what its first step makes of its losses."""
    y = {"kind": KIND[:4], "size": SIZE[:4]}
    if "a" in made.output:
        y = {"a": SIZE[:4], "b": SIZE[:4]}
    made.test_on_batch(X[:4], y)
    return made


REFUSED = {
    "a hidden layer in one of them": (
        lambda: model(sizes=[layers.Dense(4)]),
        "of the output `size`, it is not one `keras.layers.Dense`",
    ),
    "a loss that leaves rows out": (
        lambda: model(
            loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=1)
        ),
        "of the output `kind`, its loss has `ignore_class=1`",
    ),
    "a head for two outputs": (shared, "of the output `sizes`, it is not one"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_where_one_head_cannot_be_solved_none_is(case):
    make, reason = REFUSED[case]
    graph = SplitGraph(stepped(make()))
    lower = {"a", "b", "c"}

    boundary = graph.split_below(lambda each: each.name in lower)

    with pytest.raises(NotSolved, match=reason):
        heads_of(graph, boundary)


def test_dropout_stands_in_no_heads_way():
    graph = SplitGraph(stepped(model(kinds=[layers.Dropout(0.5)])))

    boundary = graph.split_below(lambda each: each.name in {"a", "b", "c"})

    kinds, sizes = heads_of(graph, boundary)
    assert (kinds.known.kind, kinds.output) == ("softmax", 0)
    assert (sizes.known.kind, sizes.output) == ("linear", 1)
    assert kinds.reads == sizes.reads == boundary.keys[0]


NAMES = keras.Model(
    (inputs := keras.Input((2,))),
    {"b": layers.Dense(1, name="x")(inputs), "a": layers.Dense(2)(inputs)},
)


@pytest.mark.parametrize(
    ("given", "sorted_out"),
    [
        ({"b": 1, "a": 2}, [2, 1]),
        ({"b": 1}, [None, 1]),
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        ("mse", ["mse", "mse"]),
        (None, [None, None]),
        ({"b": 1, "c": 2}, None),
        ([1], None),
    ],
    ids=str,
)
def test_what_is_given_for_outputs_is_sorted_as_keras_does(given, sorted_out):
    assert by_output(NAMES, given) == sorted_out


def test_outputs_in_a_list_go_by_their_layers():
    inputs = keras.Input((2,))
    ends = [layers.Dense(1, name=name)(inputs) for name in "zy"]

    assert by_output(keras.Model(inputs, ends), {"y": 1, "z": 2}) == [2, 1]


def test_one_output_may_go_by_any_name():
    made = keras.Sequential([keras.Input((2,)), layers.Dense(1)])

    assert by_output(made, {"scores": 3}) == by_output(made, [3]) == [3]
