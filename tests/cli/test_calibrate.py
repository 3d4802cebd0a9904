"""Does a published model answer with sets, and learn other limits?

Numbers: test_adapt_numbers.py. Texts: tests/training/test_heads.py.
"""

import json

import keras
import numpy as np
import pytest
import table_data
import watched_images
from click.testing import CliRunner

from aet_keras import recipes, training
from aet_keras.cli import main
from aet_keras.training.recalibrate import read_guarantee


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    home = tmp_path_factory.mktemp("classes")
    source = table_data.write_table(home / "t.csv", 240)
    settings = {"epochs": 1, "units": 4, "test_ratio": 0.3, "coverage": 0.8}
    recipe = recipes.TableRecipe(source, table_data.TARGET, **settings)
    training.run_recipe(recipe, home / "saved")
    return home / "saved"


def test_classes_are_calibrated_for_other_rows(classes, tmp_path):
    new = table_data.write_table(tmp_path / "new.csv", 60, seed=5)

    result = run("calibrate", classes, new, "--coverage", 0.9)

    assert result.exit_code == 0, result.output
    assert "before: 0." in result.output
    assert "calibrated on 60 rows (9 needed)" in result.output
    old, now = (read_guarantee(classes / each) for each in "12")
    assert (old.coverage, now.coverage, now.count) == (0.8, 0.9, 60)
    weights = [
        keras.models.load_model(classes / each / "model.keras").get_weights()
        for each in "12"
    ]
    assert all(np.array_equal(*pair) for pair in zip(*weights, strict=True))
    assert (classes / "2" / "reference.npz").exists()
    said = run("predict", classes, new, "--json").stdout.splitlines()
    sets = [json.loads(line)["set"] for line in said]
    assert all(1 <= len(each) <= 2 for each in sets)
    words = [each["class"] for each in json.loads(said[0])["classes"]]
    assert sets[0][0] == words[0]


def test_images_of_a_version_without_sets_get_them(tmp_path):
    saved = watched_images.publish(tmp_path)
    new = watched_images.write_images(tmp_path / "new", seed=1)

    result = run("calibrate", saved, new, "--coverage", 0.9)

    assert result.exit_code == 0, result.output
    assert "No limit was known before." in result.output
    image = new / "class 2" / "002.png"
    (line,) = run("predict", saved, image, "--json").stdout.splitlines()
    assert "class 2" in json.loads(line)["set"]


def test_too_few_rows_say_how_many_are_needed(classes, tmp_path):
    new = table_data.write_table(tmp_path / "new.csv", 30, seed=5)

    result = run("calibrate", classes, new, "--coverage", 0.98)

    assert result.exit_code == 1
    assert "at least 49 rows" in result.output
    assert "30 rows" in result.output


def test_test_rows_that_are_too_few_are_refused_before_training(tmp_path):
    source = table_data.write_table(tmp_path / "t.csv", 160)

    result = run(
        *("fit", source, "--target", "paid", "--out", tmp_path / "out"),
        *("--coverage", 0.95),
    )

    assert result.exit_code == 1
    assert "at least 19 rows" in result.output
    assert "--test-ratio" in result.output


def test_stress_is_for_images_alone(tmp_path):
    source = table_data.write_table(tmp_path / "t.csv", 60)

    result = run(
        *("fit", source, "--target", "paid", "--out", tmp_path / "out"),
        "--stress",
    )

    assert result.exit_code == 2
    assert "stress" in result.output
    assert not (tmp_path / "out").exists()


def test_a_coverage_of_one_is_refused(tmp_path):
    result = run("fit", "digits", "--out", tmp_path, "--coverage", 1.0)

    assert result.exit_code == 2
    assert "0<x<=0.999" in result.output
