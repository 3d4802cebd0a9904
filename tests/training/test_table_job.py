"""Does a table's network start as a logistic regression, and adapt?"""

import json

import numpy as np
import pytest
import table_data
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from aet_keras import data, recipes, tasks, training
from aet_keras.data.class_balance import compute_class_weights
from aet_keras.evaluation import Report
from aet_keras.training.run import run_recipe
from aet_keras.training.table_encoding import encode
from aet_keras.training.table_pretraining import guess_masked_cells
from aet_keras.training.table_start import mix_linear_path, solve_linear_path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return table_data.write_table(folder / "credit.csv")


@pytest.fixture(scope="module")
def shared(table):
    return built(table, epochs=1)


@pytest.fixture
def new(shared):
    """Returns recipe, data set, model and network as they were built."""
    network = shared[3]
    start = network.get_weights()
    yield shared
    network.set_weights(start)


@pytest.fixture(scope="module")
def published(table, tmp_path_factory):
    """Returns a folder that an earlier run published in, and the run."""
    out = tmp_path_factory.mktemp("models") / "credit"
    recipe = recipes.TableRecipe(
        table,
        table_data.TARGET,
        epochs=1,
        units=4,
        learning_rate=0.01,
        report_by=["branch"],
    )
    return out, run_recipe(recipe, out)


def built(path, **settings):
    recipe, dataset, model = table_data.build_model(path, **settings)
    return recipe, dataset, model, model.get_layer(tasks.table_model.NETWORK)


def encoded(model, split):
    return encode(model, split)


@pytest.mark.parametrize(
    ("classes", "weight"),
    [(("no", "yes"), None), (("n", "m", "y"), "balanced")],
    ids=["two", "three, balanced"],
)
def test_a_new_model_is_scikit_learns_regression(tmp_path, classes, weight):
    path = table_data.write_table(tmp_path / "credit.csv", classes=classes)
    _, dataset, model, network = built(path, class_weight=weight)
    rows, labels = encoded(model, dataset.train), dataset.train.labels
    weights = weight and compute_class_weights(labels, len(classes))
    start = network.get_layer("linear").get_weights()

    c = solve_linear_path(network, rows, labels, seed=0, class_weights=weights)

    np.testing.assert_array_equal(network.get_layer("linear").kernel, start[0])
    regression = LogisticRegression(C=c, max_iter=1000, class_weight=weight)
    regression.fit(rows, labels)

    test = dataset.test
    expected = regression.predict_proba(encoded(model, test))
    found = model(data.as_tensors(test.inputs))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_earlier_network_is_mixed_with_a_regression_exactly(new):
    _, dataset, model, network = new
    change = network.get_layer("change")
    change.set_weights([np.random.normal(size=change.kernel.shape) / 4])
    rows, labels = encoded(model, dataset.validation), dataset.validation.labels
    old = np.log(np.asarray(network(rows)))

    share = mix_linear_path(network, rows, labels, seed=0)

    assert share in (0.25, 0.5, 0.75)
    found = np.asarray(network(rows))
    change.set_weights([np.zeros(change.kernel.shape)])
    solve_linear_path(network, rows, labels, seed=0)
    alone = np.log(np.asarray(network(rows)))
    logits = (1 - share) * old + share * alone
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_masked_cells_are_learned_and_the_outputs_stay(new):
    _, dataset, model, network = new
    rows = encoded(model, dataset.train)
    before = np.asarray(network(rows))

    losses = guess_masked_cells(network, rows, epochs=9, batch_size=8, seed=0)

    assert losses[-1] < 0.9 * losses[0]
    np.testing.assert_array_equal(np.asarray(network(rows)), before)


def test_a_run_publishes_a_report_with_its_auc_on_top(published):
    out, run = published

    content = run.report.to_json()
    assert (out / "report.json").exists() and (out / "report.png").exists()
    assert content["roc_auc"] == content["risk"]["roc_auc"] > 0.6
    names = {each["name"] for each in content["risk"]["importance"]}
    assert names == {"age", "branch", "opened"}
    assert run.comparison.difference < 1e-5


def test_the_report_has_the_groups(published):
    out, run = published

    content = json.loads((out / "report.json").read_text())
    (found,) = Report.from_json(content).groups
    called = np.array(run.report.test.confusion_matrix)[:, 1].sum()
    flagged = sum(g.count * g.figures["flagged"].value for g in found.groups)
    assert flagged == pytest.approx(called)
    assert "by branch\n" in run.report.to_text()
    page = (run.version / "card.html").read_text()
    assert f"{run.report.train_count:,}" in page
    assert all(f"<th>{group.name}</th>" in page for group in found.groups)


def test_a_network_that_does_not_help_is_not_kept(new):
    recipe, dataset, model, network = new
    before = network.get_weights()

    run = training.table_job.fit_table_model(model, recipe, dataset)

    assert run.best_epoch == 0
    assert "the start is kept" in run.cache_events[-1][1]
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_rate_of_a_new_network_falls_along_a_cosine(table):
    """Its loss falls by less than its noise: a trend would end it early."""
    recipe, dataset, model, _ = built(table, epochs=3)

    run = training.table_job.fit_table_model(model, recipe, dataset)

    wanted = 3e-3 * (1 + np.cos(np.pi * np.arange(1, 4) / 3)) / 2
    rates = run.history["adaptive_learning_rate/rate"]
    np.testing.assert_allclose(rates, wanted, atol=3e-4)
    assert "cross" in [
        layer.name for layer in model.get_layer("network").layers
    ]


def test_an_earlier_model_adapts_with_its_own_encoding(published, tmp_path):
    out, earlier = published
    path = table_data.write_table(tmp_path / "next.csv", count=60, seed=1)
    recipe, dataset, model, _ = built(path, from_=str(out), epochs=1)
    run = training.table_job.fit_table_model(model, recipe, dataset)

    knots = [
        each.get_layer("age_preprocessor").knots
        for each in (model, earlier.model)
    ]
    assert knots[0] == knots[1]
    assert run.group_names == ("tokens", "attention")
    assert dataset.specification.class_names == ("no", "yes")
    assert np.isfinite(run.history["elastic_anchor/penalty"]).all()


def test_categories_that_an_earlier_model_lacks_are_said(published, tmp_path):
    path = tmp_path / "next.csv"
    table_data.write_table(path, count=60, seed=1)
    text = path.read_text("utf-8")
    path.write_text(text.replace(",south,", ",west,"))
    count = text.count(",south,")
    recipe = recipes.TableRecipe(
        str(path), table_data.TARGET, from_=str(published[0]), units=3
    )

    notes = training.table_job.read_rows(recipe).notes

    said = f"`branch`: {count} cells that the earlier model has not learned"
    assert any(said in note and "such as `west`" in note for note in notes)
    assert sum("has not learned" in note for note in notes) == 1
    assert any(note.startswith("`units` (`--units`) is not") for note in notes)


def test_a_few_rows_move_an_earlier_model_a_little(published, tmp_path):
    out, earlier = published
    path = table_data.write_table(tmp_path / "few.csv", count=14, seed=2)
    _, dataset, model, _ = built(path, from_=str(out))

    cells = data.as_tensors(dataset.test.inputs)
    was, now = (np.asarray(m(cells))[:, 1] for m in (earlier.model, model))
    assert np.corrcoef(was, now)[0, 1] > 0.8


def test_kinds_do_not_go_with_an_earlier_model():
    with pytest.raises(ValueError, match="or train anew"):
        recipes.TableRecipe("a.csv", "b", from_="c", kinds={"d": "date"})


def test_a_recipe_survives_its_file(tmp_path):
    recipe = recipes.TableRecipe(
        "a.csv", "b", kinds={"zip": "category"}, cost_false_negative=5
    )
    recipe.save(tmp_path / "recipe.json")

    assert recipes.TableRecipe.load(tmp_path / "recipe.json") == recipe


def test_what_is_trained_lives_where_the_workers_train(table, monkeypatch):
    class Seen(Exception):
        pass

    def caught(model, *_, **__):
        raise Seen(model.distribute_strategy)

    monkeypatch.setattr(training.table_job, "fine_tune", caught)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    recipe = recipes.TableRecipe(table, table_data.TARGET, epochs=1, units=4)
    dataset = training.table_job.read_rows(recipe)

    with strategy.scope():
        model = training.table_job.build_table_model(recipe, dataset)
    with pytest.raises(Seen) as seen:
        training.table_job.fit_table_model(model, recipe, dataset)

    assert seen.value.args[0] is strategy
