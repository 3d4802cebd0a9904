"""Is a head adjusted to classes of one size, exactly and by its bias alone?"""

import types

import keras
import numpy as np
import pytest
import table_data

from aet_keras import data, recipes, training
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


@pytest.mark.parametrize("setting", ["balanced", "adjusted"])
def test_where_classes_weigh_alike_it_is_said_what_costs_least(
    setting, tmp_path
):
    path = table_data.write_table(tmp_path / "credit.csv")
    costs = {"cost_false_negative": 4.0, "class_weight": setting}
    recipe = recipes.TableRecipe(path, table_data.TARGET, **costs)

    notes = training.table_job.read_rows(recipe).notes

    (said,) = [note for note in notes if "would cost least" in note]
    share = data.read_table(path, target=table_data.TARGET).train.labels.mean()
    q = np.arange(1, 100_000) / 100_000  # the risk among classes of one size
    risk = q * share / (q * share + (1 - q) * (1 - share))
    least = q[(4.0 * risk >= 1 - risk).argmax()]
    assert "called `yes` from a risk of 0.200 on" in said
    assert f"Among rows as these are, {least:.3f} would cost least" in said
