"""Does a student of a table learn what its teacher answers beside labels?"""

import pathlib

import numpy as np
import pytest
import table_data
from scipy import special

from aet_keras import _regular_file, recipes
from aet_keras.errors import ExportError
from aet_keras.tasks import table_model
from aet_keras.training import table_encoding, table_job, table_start
from aet_keras.training.run import run_recipe
from aet_keras.training.teachers import with_teacher

SMALL = {"epochs": 1, "units": 4}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """Returns a table of three classes, and a version that knows them."""
    folder = tmp_path_factory.mktemp("taught")
    path = table_data.write_table(
        folder / "a.csv", 200, classes=("a", "b", "c")
    )
    recipe = recipes.TableRecipe(path, table_data.TARGET, **SMALL)
    return path, run_recipe(recipe, folder / "big")


def student_of(path, run, **settings):
    return recipes.TableRecipe(
        path,
        table_data.TARGET,
        teacher=str(run.version.parent),
        **{**SMALL, **settings},
    )


def taught(recipe):
    dataset = table_job.read_rows(recipe)
    return with_teacher(recipe, dataset, table_job._teacher_rows)


def test_a_teacher_may_look_at_a_column_that_the_student_does_not(teacher):
    path, run = teacher
    recipe = student_of(path, run, kinds={"age": "ignore"}, seed=3)

    dataset = taught(recipe)
    student = table_job.build_table_model(recipe, dataset)
    made = table_job.fit_table_model(student, recipe, dataset)

    notes = " ".join(dataset.notes)
    assert "right about" in notes and "too good" in notes  # another seed
    assert "age" not in student.input
    assert 0 < made.history["accuracy"][0] <= 1  # of labels
    big = table_job.read_rows(student_of(path, run, seed=3))
    model = _regular_file.load_model(run.version / "model.keras")
    np.testing.assert_allclose(
        dataset.train.targets[:, 3:],
        table_encoding.predict(model, big.train),
        atol=1e-5,
    )


def test_a_taught_start_has_the_least_loss_of_the_mixture(teacher):
    path, run = teacher
    recipe = student_of(path, run)
    dataset = taught(recipe)

    model = table_job.build_table_model(recipe, dataset)

    network = model.get_layer(table_model.NETWORK)
    rows = table_encoding.encode(model, dataset.train).astype("float64")
    kernel, bias = network.get_layer("linear").get_weights()
    hot, answers = np.split(dataset.train.targets, 2, axis=1)
    missed = special.softmax(rows @ kernel + bias, axis=1)
    missed -= 0.3 * hot + 0.7 * answers
    slopes = rows.T @ missed  # + kernel / C = 0 at the minimum, for one C
    strengths = -1 / np.array(table_start._STRENGTHS)
    off = [np.abs(slopes - kernel * each).max() for each in strengths]
    assert min(off) < 0.05 < np.abs(slopes).max()
    np.testing.assert_allclose(missed.sum(axis=0), 0, atol=0.05)


def test_a_teacher_without_one_of_its_columns_is_refused(teacher, tmp_path):
    path, run = teacher
    read = pathlib.Path(path).read_text().split()
    lines = [line.split(",", 1)[1] for line in read]
    new = tmp_path / "b.csv"
    new.write_text("\n".join(lines))

    with pytest.raises(ExportError, match="nothing in `age`"):
        run_recipe(student_of(str(new), run), tmp_path / "small")


def test_an_earlier_model_and_a_teacher_are_refused_together():
    with pytest.raises(ValueError, match="must not go with `from_`"):
        recipes.TableRecipe("a.csv", "paid", teacher="big", from_="old")
