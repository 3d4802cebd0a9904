"""Do rows that are kept sparse teach what the same rows teach as an array?"""

import numpy as np
import pandas as pd
import pytest
import table_data
from scipy import sparse

from aet_keras import recipes
from aet_keras.training import table_encoding, table_job, table_start
from aet_keras.training.run import run_recipe
from aet_keras.training.table_encoding import batches, encode_lean
from aet_keras.training.table_ridge import tune_ridge


@pytest.fixture
def sparsely(monkeypatch):
    """Keeps all rows sparse, and takes few of them at once."""
    monkeypatch.setattr(table_encoding, "_MOST_DENSE", 0)
    monkeypatch.setattr(table_encoding, "_MOST_FILLED", 1.0)
    monkeypatch.setattr(table_encoding, "_CELLS_AT_ONCE", 400)


def test_rows_and_answers_are_those_of_the_array(
    tmp_path, sparsely, monkeypatch
):
    path = table_data.write_table(tmp_path / "credit.csv")
    _, dataset, model = table_data.build_model(path, epochs=1)
    network = model.get_layer("network")
    network.get_layer("change").set_weights(
        [np.ones_like(network.get_layer("change").get_weights()[0])]
    )

    rows = encode_lean(model, dataset.train)
    array = table_encoding.encode(model, dataset.train)

    assert sparse.issparse(rows)
    np.testing.assert_array_equal(rows.toarray(), array)
    monkeypatch.setattr(table_encoding, "_MOST_FILLED", 0.1)
    np.testing.assert_array_equal(encode_lean(model, dataset.train), array)
    answers = np.asarray(network(array))
    for said in (
        table_encoding.say(network, rows),
        table_encoding.predict(model, dataset.train),
    ):
        np.testing.assert_allclose(said, answers, rtol=1e-4)


def test_an_epoch_has_each_row_once_with_its_own_targets():
    random = np.random.default_rng(0)
    array = random.normal(size=(50, 6)) * (random.random((50, 6)) < 0.3)
    rows = sparse.csr_array(array.astype("float32"))
    names = np.arange(50)

    def epoch(made):
        parts = [[np.asarray(part) for part in batch] for batch in made]
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    made = batches(rows, names, names / 2, batch_size=8, seed=3)
    first, second = epoch(made), epoch(made)

    assert len(made) == 7
    for row, name, weight in (first, second):
        np.testing.assert_array_equal(np.sort(name), names)
        np.testing.assert_array_equal(row, rows.toarray()[name])
        np.testing.assert_array_equal(weight, name / 2)
    assert not np.array_equal(first[1], second[1])
    (in_order,) = {tuple(epoch(batches(rows, names, batch_size=8))[1])}
    assert in_order == tuple(names)


@pytest.mark.parametrize("shape", [(300, 12), (12, 20)])
def test_a_ridge_is_that_of_the_array(shape):
    random = np.random.default_rng(1)
    array = random.normal(2, 1, shape) * (random.random(shape) < 0.4)
    numbers = array @ random.normal(size=shape[1]) + random.normal(
        size=shape[0]
    )
    bends = np.arange(shape[1]) % 3 == 0

    expected = tune_ridge(array, numbers, bends)
    found = tune_ridge(sparse.csr_array(array), numbers, bends)

    assert (found.strength, found.bend_scale) == (
        expected.strength,
        expected.bend_scale,
    )
    np.testing.assert_allclose(found.error, expected.error, rtol=1e-8)
    np.testing.assert_allclose(found.kernel, expected.kernel, atol=1e-8)
    np.testing.assert_allclose(found.bias, expected.bias, atol=1e-8)


def test_few_rows_of_each_class_choose_the_penalty_of_many(monkeypatch):
    monkeypatch.setattr(table_start, "_MOST_TUNED", 200)
    monkeypatch.setattr(table_start, "_FOLDS", 5)
    labels = np.repeat([0, 1, 2], [900, 93, 7])

    drawn = table_start._judged(labels, seed=0)

    assert np.bincount(labels[drawn]).tolist() == [180, 19, 5]
    assert len(set(drawn)) == len(drawn) and (np.diff(drawn) > 0).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"target": "paid", "pretrain_epochs": 1, "class_weight": "balanced"},
        {"target": "price"},
        {"label_columns": ["paid", "late"]},
    ],
    ids=["classes", "number", "tags"],
)
def test_a_run_ends_near_that_of_the_array(
    tmp_path, sparsely, settings, unserved
):
    if settings.get("target") == "price":
        path = table_data.write_numbers(tmp_path / "rows.csv")
    else:
        path = tmp_path / "rows.csv"
        rows = pd.read_csv(table_data.write_table(path))
        rows["paid"] = (rows["paid"] == "yes").astype(int)
        rows["late"] = (rows["age"] > 45).astype(int)
        rows.to_csv(path, index=False)
    recipe = recipes.TableRecipe(str(path), epochs=2, **settings)

    sparse_run = run_recipe(recipe, tmp_path / "sparse")
    table_encoding._MOST_DENSE = 2**27  # the fixture brings it back
    run = run_recipe(recipe, tmp_path / "array")

    name = "rmse" if settings.get("target") == "price" else "loss"
    found, wanted = (
        getattr(each.report.test, name) for each in (sparse_run, run)
    )
    assert found == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize(
    ("count", "settings", "epochs"),
    [
        (12_800, {}, 40),
        (70_000, {}, 7),
        (700_000, {}, 4),
        (70_000, {"epochs": 20}, 20),
        (70_000, {"from_": "saved_models/old"}, 40),
    ],
)
def test_large_tables_have_as_many_steps_in_fewer_epochs(
    count, settings, epochs
):
    recipe = recipes.TableRecipe("credit.csv", "paid", **settings)

    assert table_job.epochs_of(recipe, count) == epochs
