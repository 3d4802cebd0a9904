"""Does `aet-keras predict` name the classes of texts and of table rows?"""

import csv
import dataclasses
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
        data.specifications.TableColumn("age", "number", "age (years)"),
        data.specifications.TableColumn("branch", "category", "branch"),
    )
    specification = data.specifications.TableSpecification(
        "table", ("bad", "good"), None, "a.csv", columns, "paid", "bad"
    )
    rows = {
        "age": np.array([20, 30, 50, 60], "float32"),
        "branch": np.array(["north", "south", "north", ""], object),
    }
    space = tasks.table_model.fit_feature_space(columns, rows)
    model = tasks.build_table_classifier(space, class_count=2, units=4)
    for weight in model.trainable_weights:
        weight.assign(tf.random.stateless_normal(weight.shape, seed=(1, 2)))
    home = tmp_path_factory.mktemp("saved") / "credit"
    export.write_table_model(
        model, home / "3", specification=specification, rows=rows
    )
    # Beside it, one where to miss a bad one costs ten times as much.
    costly = dataclasses.replace(specification, cost_false_negative=10.0)
    export.write_table_model(
        model, home.parent / "costly" / "1", specification=costly, rows=rows
    )
    return home, model


def test_where_errors_cost_differently_the_cheapest_class_is_answered(
    credit, tmp_path
):
    home, model = credit
    path = tmp_path / "new.csv"
    ages = range(15, 75, 3)
    path.write_text(
        "branch,age (years)\n" + "".join(f"north,{a}\n" for a in ages)
    )
    cells = {
        "age": np.float32(ages),
        "branch": np.array(["north"] * 20, object),
    }
    risks = np.asarray(model(data.as_tensors(cells)))[:, 0]
    cheapest = np.where(risks >= 1 / 11, "bad", "good")
    likeliest = np.where(risks >= 0.5, "bad", "good")
    assert 0 < (cheapest != likeliest).sum() < 20

    def answers(name, *options):
        result = predict(home.parent / name, path, *options)
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    for name, expected in (("credit", likeliest), ("costly", cheapest)):
        rows = csv.DictReader(answers(name, "--format", "csv"))
        assert [row["class"] for row in rows] == [*expected]
    assert all(line.endswith("(costs least)") for line in answers("costly"))
    for line, name in zip(answers("costly", "--json"), cheapest, strict=True):
        assert json.loads(line)["called"] == name


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


def test_a_column_names_the_rows_and_messages_go_elsewhere(credit, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text('name,branch,age (years)\n"x, y",north,33\nü,nowhere,\n')

    result = predict(credit[0], path, "--format", "csv", "--id", "name")

    header, *rows = csv.reader(result.stdout.splitlines())
    assert header == ["id", "class", "probability", "error"]
    assert [row[0] for row in rows] == ["x, y", "ü"]
    assert {row[1] for row in rows} <= {"bad", "good"}
    assert "branch" in result.stderr


def test_a_column_of_ids_that_is_not_there_is_named(credit, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("name,branch,age (years)\nx,north,33\n")

    result = predict(credit[0], path, "--format", "json", "--id", "nam")

    assert result.exit_code == 1
    assert "no column `nam` (id)" in result.stderr and "`name`" in result.stderr
    assert result.stdout == ""


def test_explain_stops_at_ten_rows_unless_told(credit, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("branch,age (years)\n" + "north,33\n" * 12)
    (credit[0] / "recipe.json").write_text('{"target": "paid"}')
    command = ["explain", str(credit[0]), str(path), "--out", str(tmp_path)]

    usual = CliRunner().invoke(main, command)
    asked = CliRunner().invoke(main, [*command, "--rows", "11"])

    assert len(usual.stdout.splitlines()) == 10
    assert "the first 10 rows of 12 are explained" in usual.stderr
    assert "`--rows 12`" in usual.stderr
    assert len(asked.stdout.splitlines()) == 11
    assert "first" not in asked.stderr


def test_cells_that_say_nothing_to_the_model_are_counted(credit, tmp_path):
    path = tmp_path / "new.csv"
    rows = ["abc,north", "33,nowhere", "34,elsewhere", ","]
    path.write_text("\n".join(["age (years),branch", *rows]))

    result = predict(credit[0], path)

    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 4
    assert result.stderr.splitlines() == [
        f"{path}: 1 cell of `age (years)` that is no number counts as "
        "missing, such as `abc`.",
        f"{path}: 2 cells of `branch` that are not learned count as rare, "
        "such as `nowhere`.",
    ]


def test_a_file_may_be_written_in_another_encoding(credit, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("age (years),branch\n33,s\xfcd\n", encoding="latin-1")

    result = predict(credit[0], path, "--encoding", "latin-1")
    told = predict(credit[0], path)
    refused = predict(credit[0], path, "--encoding", "utf-8")
    unknown = predict(credit[0], path, "--encoding", "utf-9")

    assert result.exit_code == 0 and "s\xfcd" in result.stderr
    assert told.exit_code == 0 and "read as `cp1252`" in told.stderr
    assert refused.exit_code == 1 and "`--encoding`" in refused.stderr
    assert unknown.exit_code == 2 and "such as utf-8" in unknown.stderr


def test_a_text_file_is_a_text(reviews, tmp_path):
    path = tmp_path / "review.txt"
    path.write_text("a good film\n")

    from_file, said = predict(reviews, path), predict(reviews, "a good film")

    assert from_file.stdout == said.stdout.replace("a good film", str(path))


def test_a_table_of_texts_is_read_and_not_taken_for_a_text(reviews, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("key,text\nx,a good film\ny,N/A\nz,a bad one\n")

    result = predict(reviews, path, "--id", "key", "--format", "csv")

    rows = [row[:2] for row in csv.reader(result.stdout.splitlines())]
    assert rows == [["id", "class"], ["x", "good"], ["y", ""], ["z", "bad"]]
    assert result.exit_code == 1 and "no text in its row" in result.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone.csv", "which is not there"),
        ("notes.md", "a file, and neither `.txt` nor a table"),
    ],
)
def test_no_file_is_taken_for_a_text(reviews, tmp_path, name, words):
    (tmp_path / "notes.md").write_text("a good film")

    result = predict(reviews, tmp_path / name)

    assert result.exit_code == 1 and result.stdout == ""
    assert words in result.stderr


def test_a_file_that_lacks_a_column_names_the_nearest(credit, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("age (year),branch\n33,north\n")

    result = predict(credit[0], path)

    assert result.exit_code == 1
    assert "no column `age (years)`" in result.stderr
    assert "Nearest: `age (year)`" in result.stderr
