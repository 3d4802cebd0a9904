"""With several outputs or inputs: a replayed run ends like a plain one."""

import keras
import numpy as np
import pytest
import replay_runs
from keras import layers

from aet_keras.layers import Uncertainty
from aet_keras.losses import WeightedByUncertainty

LOSSES = {"kind": "sparse_categorical_crossentropy", "size": "mse"}


def two_heads(
    *, pack=dict, head=Uncertainty, loss=WeightedByUncertainty, **settings
):
    """Returns a model of a frozen backbone and two weighed outputs.

    Args:
        pack: `dict`, `list` or `tuple`: what the outputs come in.
        head: makes the last layer of each output of its name.
        loss: makes a loss of its name.
    """
    inputs = keras.Input((8,))
    x = layers.Dropout(0.3)(replay_runs.build_backbone()(inputs))
    outputs = {
        "kind": layers.Dense(3, "softmax", name="kinds")(x),
        "size": layers.Dense(1, name="sizes")(x),
    }
    outputs = {name: head(name=name)(each) for name, each in outputs.items()}
    losses = {name: loss(each) for name, each in LOSSES.items()}
    if pack is not dict:
        outputs = pack(outputs.values())
        losses = list(losses.values())
    model = keras.Model(inputs, outputs)
    settings = {"optimizer": "adam", "run_eagerly": True} | settings
    model.compile(loss=losses, **settings)
    return model


def targets(pack=dict):
    _, kind = replay_runs.noise_rows()
    size = np.linspace(-1, 1, len(kind), dtype="float32")
    named = {"kind": kind, "size": size}
    return named if pack is dict else pack(named.values())


def rows(pack=dict):
    return replay_runs.noise_rows()[0], targets(pack)


def compiled():
    return two_heads(run_eagerly=False, metrics={"kind": ["accuracy"]})


def weights(pack=dict):
    """Returns a weight of each row for each output."""
    random = np.random.default_rng(1)
    named = {name: random.uniform(size=12) for name in LOSSES}
    return named if pack is dict else pack(named.values())


OUTPUTS = {
    "traced": {"make": compiled, "epochs": 2, "validation_data": rows()},
    "targets by name for outputs in a list": {
        "make": lambda: two_heads(pack=list),
        "epochs": 2,
    },
    "weights of rows for each, a tuple": {
        "make": lambda: two_heads(pack=tuple),
        "data": lambda: rows(tuple),
        "sample_weight": weights(tuple),
        "epochs": 2,
    },
    "weights of rows for all, weighed by hand": {
        "make": lambda: two_heads(
            head=layers.Identity,
            loss=str,
            loss_weights={"kind": 0.3, "size": 2.0},
        ),
        "sample_weight": weights()["kind"],
        "validation_data": (*rows(), weights()["size"]),
    },
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_two_outputs_end_like_a_plain_run(case):
    settings = {"make": two_heads, "data": rows} | OUTPUTS[case]

    plain, again = replay_runs.run_both(**settings)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2][: len(again.cached)]


def towers(table, *, is_list=False):
    """Returns a model of a frozen backbone beside layers for a table."""
    inputs = {
        "pixels": keras.Input((8,), name="pixels"),
        "table": keras.Input((2,), name="table"),
    }
    x = [replay_runs.build_backbone()(inputs["pixels"]), table(inputs["table"])]
    x = layers.Dense(3, "softmax")(layers.Concatenate()(x))
    model = keras.Model(list(inputs.values()) if is_list else inputs, x)
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def tower():
    """Returns a nested model for the table, deeper than the backbone's way."""
    dense = [layers.Dense(5, "relu"), layers.BatchNormalization()]
    return keras.Sequential([keras.Input((2,)), *dense], name="tower")


def frozen():
    made = tower()
    made.trainable = False
    return made


INPUTS = {
    "a tower that trains": (tower, True),
    "a tower that is frozen": (frozen, False),
}


def pairs(is_list=False):
    x, y = replay_runs.noise_rows()
    named = {"pixels": x, "table": x[:, :2]}
    return (list(named.values()) if is_list else named), y


@pytest.mark.parametrize("case", INPUTS)
def test_two_inputs_end_like_a_plain_run(case):
    table, is_list = INPUTS[case]
    data = pairs(is_list)

    plain, again = replay_runs.run_both(
        lambda: towers(table(), is_list=is_list),
        lambda: data,
        validation_data=data,
    )

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]
