"""Does `aet-keras predict` name the classes of texts and of table rows?"""

import json

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from aet_keras import data, export, tasks
from aet_keras.cli import main


def predict(*arguments):
    command = ["predict", *arguments]
    return CliRunner().invoke(main, [str(each) for each in command])


def test_each_argument_is_a_text(reviews):
    result = predict(reviews, "a good film", "a bad one")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "a good film  good, 75.0%",
        "a bad one  bad, 75.0%",
    ]


@pytest.fixture(scope="module")
def credit(tmp_path_factory):
    """Returns a published table classifier, and its model."""
    columns = (
        data.TableColumn("age", "number", "age (years)"),
        data.TableColumn("branch", "category", "branch"),
    )
    specification = data.TableSpecification(
        "table", ("bad", "good"), None, "a.csv", columns, "paid", "bad"
    )
    rows = {
        "age": np.array([20, 30, 50, 60], "float32"),
        "branch": np.array(["north", "south", "north", ""], object),
    }
    space = tasks.fit_feature_space(columns, rows)
    model = tasks.build_table_classifier(space, class_count=2, units=4)
    for weight in model.trainable_weights:
        weight.assign(tf.random.stateless_normal(weight.shape, seed=(1, 2)))
    home = tmp_path_factory.mktemp("saved") / "credit"
    export.write_table_classifier(
        model, home / "3", specification=specification, rows=rows
    )
    return home, model


def test_each_row_of_a_file_is_answered_as_the_model_does(credit, tmp_path):
    home, model = credit
    path = tmp_path / "new.csv"
    path.write_text("name,branch,age (years)\nx,north,33\ny,nowhere,\n")

    result = predict(home, path, "--json", "--top", 2)

    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["row"] for line in lines] == [f"{path}:1", f"{path}:2"]
    cells = {
        "age": np.array([33, np.nan], "float32"),
        "branch": np.array(["north", "nowhere"], object),
    }
    expected = np.asarray(model(data.as_tensors(cells)))
    for line, row in zip(lines, expected, strict=True):
        found = {e["class"]: e["probability"] for e in line["classes"]}
        assert found["good"] == pytest.approx(row[1], abs=1e-5)


def test_a_file_that_lacks_a_column_names_the_nearest(credit, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("age (year),branch\n33,north\n")

    result = predict(credit[0], path)

    assert result.exit_code == 1
    assert "no column `age (years)`" in result.stderr
    assert "Nearest: `age (year)`" in result.stderr
