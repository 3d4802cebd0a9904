"""Is a number learned, measured, served and explained in its own unit?"""

import json
import shutil

import keras
import numpy as np
import pytest
import table_data
import tensorflow as tf
from click.testing import CliRunner
from sklearn.linear_model import Ridge, RidgeCV

from aet_keras import data, export, recipes, tasks, training
from aet_keras.cli.main import main
from aet_keras.errors import DataError
from aet_keras.serving import load_version
from aet_keras.tasks.number_unit import Unit
from aet_keras.training import table_ridge
from aet_keras.training.run import run_recipe
from aet_keras.training.table_encoding import encode, predict

TARGET = "price"


def settings(path, **more):
    return recipes.TableRecipe(
        path, TARGET, **{"units": 4, "epochs": 1, **more}
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prices")
    return table_data.write_numbers(folder / "prices.csv")


@pytest.fixture(scope="module")
def built(table):
    recipe = settings(table)
    dataset = training.table_job.read_rows(recipe)
    model = training.table_job.build_table_model(recipe, dataset)
    return recipe, dataset, model


@pytest.fixture(scope="module")
def published(table, tmp_path_factory):
    """Returns a folder that a run published in, and the run."""
    out = tmp_path_factory.mktemp("models") / "prices"
    return out, run_recipe(settings(table), out)


def test_a_new_model_is_scikit_learns_ridge(built):
    _, dataset, model = built
    rows, bends = encode(model, dataset.train), bending(model)
    assert Unit.of(model.get_layer("network")).rest is None
    ridge = table_ridge.tune_ridge(rows, dataset.train.labels, bends)

    factor = np.where(bends, ridge.bend_scale, 1.0)
    other = RidgeCV([ridge.strength]).fit(rows * factor, dataset.train.labels)

    expected = other.predict(encode(model, dataset.test) * factor)
    found = np.asarray(model(data.as_tensors(dataset.test.inputs)))[:, 0]
    # Standardising before changes the penalty by nothing but rounding.
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def bending(model):
    return tasks.table_model.bending_columns(model)


def test_numbers_that_spread_as_they_grow_are_learned_as_roots(tmp_path):
    random = np.random.default_rng(0)
    sides = random.uniform(0, 6, (300, 2))
    number = (sides.sum(axis=1) + 0.5 * random.normal(size=300)) ** 2
    pairs = zip(sides, number, strict=True)
    lines = [f"{a:.3f},{b:.3f},{y:.3f}" for (a, b), y in pairs]
    path = tmp_path / "squares.csv"
    path.write_text("\n".join(["a,b,price", *lines]), encoding="utf-8")

    recipe = settings(str(path))
    dataset = training.table_job.read_rows(recipe)
    model = training.table_job.build_table_model(recipe, dataset)
    run = training.table_job.fit_table_model(model, recipe, dataset)

    # What roots are missed by has the variance 0.25.
    rest = Unit.of(model.get_layer("network")).rest
    assert rest == pytest.approx(0.25, abs=0.08)
    # E[(s + e)^2] = s^2 + 0.25; of a sum s of 12, a line that is off by 0.2
    # is off by 5.
    inputs = dataset.test.inputs
    expected = (inputs["a"] + inputs["b"]) ** 2 + 0.25
    said = predict(run.model, dataset.test)[:, 0]
    np.testing.assert_allclose(said, expected, atol=5)


def test_a_unit_takes_numbers_there_and_back():
    numbers = np.array([0.0, 4.0, 9.0])
    for unit in (Unit(3.0, 2.0), Unit(2.0, 0.5, rest=0.0)):
        values = unit.values(numbers)
        np.testing.assert_allclose(unit.numbers(values), numbers)
        inputs = keras.Input((1,))
        model = keras.Model(inputs, unit.apply(inputs))
        found = model.predict(values[:, None], verbose=0)[:, 0]
        np.testing.assert_allclose(found, numbers, atol=1e-5)
        assert Unit.of(model) == unit


def test_the_best_share_is_that_of_the_least_error():
    before, after = np.zeros(4), np.array([1.0, 1.0, 2.0, 2.0])

    shares = [
        table_ridge.best_share(Unit(0.0, 1.0), before, after, wanted)
        for wanted in (after, -after, 0.4 * after)
    ]

    assert shares == [1.0, 0.0, 0.4]


def test_a_left_out_row_decides_the_penalty(built):
    _, dataset, model = built
    rows, numbers = encode(model, dataset.train), dataset.train.labels

    ridge = table_ridge.tune_ridge(rows, numbers)

    errors = []
    for row in range(len(rows)):
        others = np.arange(len(rows)) != row
        fitted = RidgeCV([ridge.strength]).fit(rows[others], numbers[others])
        errors.append((fitted.predict(rows[[row]])[0] - numbers[row]) ** 2)
    assert ridge.error == pytest.approx(np.mean(errors), rel=1e-3)


def test_some_of_many_rows_decide_and_all_are_fitted(monkeypatch):
    random = np.random.default_rng(0)
    rows = random.normal(size=(90, 6))
    numbers = rows @ random.normal(size=6) + 3 * random.normal(size=90)
    monkeypatch.setattr(table_ridge, "_MOST_JUDGED", 30)

    ridge = table_ridge.tune_ridge(rows, numbers)

    drawn = np.random.default_rng(0).permutation(90)[:30]
    errors = {}
    for strength in 10.0 ** np.arange(-2, 4.6, 0.5):
        missed = []
        for row in drawn:
            others = np.arange(90) != row
            peer = Ridge(strength).fit(rows[others], numbers[others])
            missed.append(peer.predict(rows[[row]])[0] - numbers[row])
        errors[strength] = np.mean(np.square(missed))
    best = min(errors, key=errors.get)
    assert ridge.strength == pytest.approx(best)
    assert ridge.error == pytest.approx(errors[best])
    whole = Ridge(best).fit(rows, numbers)
    np.testing.assert_allclose(ridge.kernel[:, 0], whole.coef_)
    np.testing.assert_allclose(ridge.bias, whole.intercept_)


@pytest.mark.parametrize("shape", [(40, 7), (12, 30)])
def test_the_penalty_is_that_of_scikit_learn(shape):
    random = np.random.default_rng(shape)
    rows = random.normal(5, 2, shape).astype("float32")
    rows[:, 1] = rows[:, 0]  # columns that say the same
    numbers = rows @ random.normal(size=shape[1]) + random.normal(size=shape[0])

    ridge = table_ridge.tune_ridge(rows, numbers)

    peer = RidgeCV(10.0 ** np.arange(-2, 4.6, 0.5)).fit(rows, numbers)
    assert ridge.strength == pytest.approx(peer.alpha_)
    assert ridge.error == pytest.approx(-peer.best_score_, rel=1e-4)
    np.testing.assert_allclose(
        ridge.predict(rows), peer.predict(rows), rtol=1e-3
    )


def test_a_report_has_the_unit_of_the_file_and_baselines(published):
    out, run = published

    content = json.loads((out / "report.json").read_text())

    assert 150 < content["rmse"] < 700  # 300 is the noise, 1500 the spread
    assert content["r2"] > 0.5
    names = [each["name"] for each in content["baselines"]]
    assert names == ["the mean", "a linear model"]
    assert {each["name"] for each in content["test"]["importance"]} == {
        "area",
        "town",
    }
    assert content["mistakes"][0]["content"]
    assert run.comparison.difference < 1e-5


def test_a_server_answers_in_the_unit_of_the_file(published):
    out, run = published
    signatures = tf.saved_model.load(out / "1").signatures
    cells = {
        "area": np.float32([120, np.nan]),
        "town": np.array(["south", "a town nobody knows"], object),
    }

    given = {"area": tf.constant(cells["area"])}
    given["town"] = tf.constant(cells["town"].tolist())
    values = signatures["serving_default"](**given)["values"].numpy()

    expected = np.asarray(run.model(data.as_tensors(cells)))[:, 0]
    assert values.shape == (2,) and 8.5e4 < values.min() < 9.5e4
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    example = tf.train.Example()
    example.features.feature["area"].float_list.value.append(120.0)
    example.features.feature["town"].bytes_list.value.append(b"south")
    asked = tf.constant([example.SerializeToString()])
    outputs = signatures["regress"](inputs=asked)["outputs"].numpy()
    np.testing.assert_allclose(outputs, expected[:1], rtol=1e-6)


def test_the_target_comes_back_from_the_manifest(published, built):
    out, _ = published

    found = export.table_manifest.read_table_manifest(out / "1")

    assert found == built[1].specification and found.target_kind == "number"


def test_our_server_answers_rows(published):
    version = load_version(published[0] / "1")

    found = version.call(
        "serving_default",
        {"area": np.float32([120]), "town": np.array([b"south"], object)},
    )

    assert version.kind == "table" and found["values"].shape == (1,)


def command(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_the_command_predicts_and_explains_numbers(published, table, tmp_path):
    out, _ = published

    lines = command("predict", out, table, "--json").stdout.splitlines()
    told = command("predict", out, table, "--top", "2")
    explained = command("explain", out, table, "--rows", "1", "--out", tmp_path)

    assert len(lines) == 160
    assert 8e4 < json.loads(lines[0])["value"] < 1e5
    assert told.exit_code == 2 and "a number is one answer" in told.stderr
    assert f"{TARGET} = " in explained.stdout
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_an_earlier_model_is_drawn_towards_new_rows(published, tmp_path):
    out, run = published
    path = table_data.write_numbers(
        tmp_path / "next.csv", count=90, seed=1, mean=9.3e4
    )
    recipe = settings(path, from_=str(out))

    dataset = training.table_job.read_rows(recipe)
    model = training.table_job.build_table_model(recipe, dataset)
    ran = training.table_job.fit_table_model(model, recipe, dataset)

    def error(model):
        said = predict(model, dataset.test)[:, 0]
        return np.sqrt(np.mean((said - dataset.test.labels) ** 2))

    assert dataset.specification.target_kind == "number"
    with pytest.raises(DataError, match="train anew"):
        training.table_job.read_rows(
            settings(path, from_=str(out), target_kind="classes")
        )
    assert error(ran.model) < 0.6 * error(run.model)


@pytest.mark.parametrize(
    ("more", "error", "advice"),
    [
        ({"positive": "a", "target_kind": "number"}, ValueError, "`positive`"),
        ({"target_kind": "words"}, ValueError, "'number'"),
        ({"class_weight": "balanced"}, DataError, "--target-kind classes"),
    ],
    ids=["a positive class", "no kind", "class weights"],
)
def test_settings_of_classes_are_refused(table, more, error, advice):
    with pytest.raises(error, match=advice):
        training.table_job.read_rows(settings(table, **more))


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Returns two tables: rows of the same kind, and much larger areas."""
    folder = tmp_path_factory.mktemp("new")
    same = table_data.write_numbers(folder / "same.csv", seed=3)
    with open(same, encoding="utf-8") as file:
        head, *rows = file.read().splitlines()
    cells = [row.split(",") for row in rows]
    far = [f"{float(a or 100) + 60},{town},{p}" for a, town, p in cells]
    (folder / "far.csv").write_text("\n".join([head, *far]), encoding="utf-8")
    return same, str(folder / "far.csv")


def test_rows_are_watched_by_columns_and_numbers(published, others):
    out, _ = published
    same, far = others

    quiet = command("watch", out, same, "--labelled", "--format", "json")
    shifted = command("watch", out, far)
    labelled = command("watch", out, far, "--labelled", "--format", "json")

    assert quiet.exit_code == 0 and shifted.exit_code == 3
    found = json.loads(quiet.stdout)
    assert found["kind"] == "none" and 150 < found["error"] < 600
    assert "kind: input" in shifted.stdout and "area" in shifted.stdout
    assert "to not known" in shifted.stdout
    assert json.loads(labelled.stdout)["error"] > 2 * found["error"]


def test_numbers_have_a_chart_and_without_a_shift_no_new_version(
    published, others, tmp_path
):
    out, _ = published

    adapted = command("adapt", out, others[0])
    drawn = command("watch", out, others[0], "--report", tmp_path / "a.png")

    assert adapted.exit_code == 4 and "nothing was tried" in adapted.stdout
    assert drawn.exit_code == 0
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


def test_a_reference_can_be_measured_later(published, table, tmp_path):
    out = tmp_path / "prices"
    shutil.copytree(published[0], out)
    (out / "1" / "reference.npz").unlink()

    done = command("watch", out, "--measure")

    assert done.exit_code == 0 and (out / "reference-1.npz").exists()
