"""Is a head adjusted to classes of one size, exactly and by its bias alone?"""

import types

import keras
import numpy as np
import pytest

from aet_keras import data
from aet_keras.errors import DataError
from aet_keras.training.adjusted import with_adjusted_head
from aet_keras.training.fine_tune import Run

JOB = types.SimpleNamespace(
    predict=lambda model, split: model.predict(split.inputs, verbose=0)
)
RECIPE = types.SimpleNamespace(class_weight="adjusted")


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    split = data.Split(
        random.normal(size=(40, 3)).astype("float32"),
        np.repeat([0, 1, 2], [28, 8, 4]),
        tuple(f"row {n}" for n in range(40)),
    )
    specification = data.dataset.Specification(
        "table", ("a", "b", "c"), None, "rows"
    )
    return data.Dataset(split, split, split, specification)


def run_of(model):
    return Run(
        model=model,
        history={},
        best_epoch=1,
        group_names=(),
        trained_groups=[],
        events=[],
        cache_events=[],
        stopped=None,
        seconds=0.0,
    )


def test_probabilities_are_divided_by_the_shares(rows):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(3, activation="softmax")]
    )
    before = model.predict(rows.test.inputs, verbose=0)
    kernel = model.layers[0].get_weights()[0]

    run = with_adjusted_head(JOB, RECIPE, run_of(model), rows)

    odds = before / [0.7, 0.2, 0.1]
    wanted = odds / odds.sum(axis=1, keepdims=True)
    found = run.model.predict(rows.test.inputs, verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], kernel)
    again = found * [0.7, 0.2, 0.1]  # and back
    again /= again.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(again, before, atol=1e-6)


def test_a_bias_that_moves_otherwise_is_put_back(rows):
    inputs = keras.Input((3,))
    logits = keras.layers.Dense(3, name="last")(inputs)
    model = keras.Model(inputs, keras.ops.softmax(2.0 * logits))

    with pytest.raises(DataError, match="--class-weight balanced"):
        with_adjusted_head(JOB, RECIPE, run_of(model), rows)

    assert not model.get_layer("last").get_weights()[1].any()


def test_another_setting_leaves_the_model(rows):
    run = run_of(None)

    recipe = types.SimpleNamespace(class_weight="balanced")

    assert with_adjusted_head(JOB, recipe, run, rows) is run
