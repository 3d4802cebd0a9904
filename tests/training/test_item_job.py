"""Does a run on items learn from all parts, and is it served as it was?"""

import csv
import dataclasses
import json
import shutil

import item_files
import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from aet_keras import backbones, training
from aet_keras.cli.main import main
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.training import (
    item_earlier,
    item_job,
    item_outputs,
    item_start,
    kept_sets,
    teachers,
)

COLUMNS = {"image_column": "file", "text_column": "title", "target": "kind"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Returns the folder of a run, and the run."""
    folder = tmp_path_factory.mktemp("items")
    path = item_files.write_items(folder, 160, image_size=16)
    recipe = ItemRecipe(
        str(path),
        **COLUMNS,
        epochs=1,
        image_size=16,
        test_ratio=0.3,
        coverage=0.8,
        report_by=["colour", "ink<=5"],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "load_backbone", item_files.small_backbone)
        run = training.run_recipe(recipe, folder / "out")
    return folder, run


def test_all_parts_together_are_better_than_each(made):
    _, run = made
    parts = run.report.parts

    assert [each.name for each in parts.scores] == ["image", "text", "table"]
    assert parts.loss < min(each.alone for each in parts.scores)
    assert parts.accuracy == pytest.approx(run.report.test.accuracy)
    text = parts.scores[1]
    assert text.rise_low < text.rise < text.rise_high and text.rise > 0


def test_a_report_with_parts_is_read_again(made):
    folder, run = made
    content = json.loads((folder / "out" / "report.json").read_text())

    again = type(run.report).from_json(content)

    assert again.parts == run.report.parts
    assert "late fusion" in again.to_text()


def test_the_notes_say_what_is_missing(made):
    notes = " ".join(made[1].report.notes)

    assert "16 rows have no image" in notes
    assert "1 row has neither image nor text" in notes


def test_new_items_are_predicted_and_gaps_are_allowed_for(made):
    folder, run = made
    new = folder / "new.csv"
    new.write_text(
        "title,file,colour,ink\n"
        "The odd number 3,0.png,blue,5.0\n"
        ",,red,\n"
        "an odd one,nowhere.png,red,5.0\n"
    )

    said = CliRunner().invoke(
        main, ["predict", str(folder / "out"), str(new), "--json"]
    )

    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert said.exit_code == 1 and "nowhere.png" in lines[2]["error"]
    assert {len(line["classes"]) for line in lines[:2]} == {1}


def test_items_answer_with_sets_and_are_calibrated_anew(made, tmp_path):
    folder, run = made
    saved = shutil.copytree(folder / "out", tmp_path / "out")
    (tmp_path / "new").mkdir()
    new = item_files.write_items(tmp_path / "new", 60, seed=3, image_size=16)
    first = run.report.coverage.guarantee

    result = CliRunner().invoke(
        main, ["calibrate", str(saved), str(new), "--coverage", "0.9"]
    )
    said = CliRunner().invoke(
        main, ["predict", str(saved), str(new), "--json", "--top", "4"]
    )

    assert result.exit_code == 0, result.output
    assert (first.count, first.coverage) == (23, 0.8)
    limit = kept_sets.read_guarantee(saved / "2")
    assert (limit.count, limit.coverage) == (60, 0.9)
    rows = csv.DictReader(new.read_text().splitlines())
    lines = map(json.loads, said.stdout.splitlines())
    scores, is_held = [], []
    for row, line in zip(rows, lines, strict=True):
        likely = {e["class"]: e["probability"] for e in line["classes"]}
        scores.append(likely[row["kind"]])
        is_held.append(row["kind"] in line["set"])
    # The limit is the score of rank ceil(61 x 0.9) = 55 of 60.
    assert limit.limit == pytest.approx(sorted(scores)[5], abs=1e-4)
    assert 54 <= sum(is_held) <= 60


def test_items_are_reported_by_group(made):
    folder, run = made
    colours, ink = run.report.groups

    names = [each.name for each in colours.groups]
    assert names == ["blue", "red"]
    assert sum(each.count for each in colours.groups) == 47
    wrong = sum(g.count * g.figures["wrong"].value for g in ink.groups)
    assert wrong == pytest.approx(47 * (1 - run.report.test.accuracy))
    card = (folder / "out" / "card.md").read_text()
    assert "at most 5" in card and "0.8 was asked" in card


def test_an_answer_is_explained_part_by_part(made):
    folder, _ = made

    said = CliRunner().invoke(
        main,
        ["explain", str(folder / "out"), str(folder / "items.csv")]
        + ["--rows", "1", "--out", str(folder / "why")],
    )

    assert said.exit_code == 0, said.output
    assert "file = an image" in said.output and "title = " in said.output


def test_a_text_of_spaces_alone_is_none_to_a_server(made):
    served = tf.saved_model.load(made[1].version).signatures["serving_default"]
    texts = tf.constant(["", "\u00a0\u3000", "odd"])
    cells = {"file": [""] * 3, "colour": ["red"] * 3, "ink": [5.0] * 3}
    cells = {name: tf.constant(column) for name, column in cells.items()}

    none, spaces, word = served(title=texts, **cells)["probabilities"].numpy()

    np.testing.assert_array_equal(none, spaces)
    assert not np.array_equal(none, word)


def test_the_saved_keras_model_is_the_one_that_was_measured(made):
    _, run = made

    again = keras.models.load_model(run.version / "model.keras")

    for one, other in zip(run.model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_items_learn_from_a_teacher_of_another_size(made):
    folder, run = made
    recipe = ItemRecipe(
        str(folder / "items.csv"),
        **COLUMNS,
        epochs=1,
        image_size=8,
        kinds={"ink": "ignore"},
        teacher=str(folder / "out"),
        seed=3,
    )
    dataset = teachers.with_teacher(
        recipe, item_job.read_items(recipe), item_job._teacher_rows
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "load_backbone", item_files.small_backbone)
        student = item_job.build(recipe, dataset)
    learned = item_job.fit(student, recipe, dataset)

    notes = " ".join(dataset.notes)
    assert "The teacher is right about" in notes and "too good" in notes
    assert 0 < learned.history["accuracy"][0] <= 1  # of labels
    said = item_outputs.predict(student, dataset.test)
    assert (said.argmax(axis=1) == dataset.test.labels).mean() > 0.5
    whole = dataclasses.replace(recipe, image_size=16, kinds=None)
    rows = item_job.read_items(whole).train
    np.testing.assert_allclose(
        dataset.train.targets[:, 4:],
        item_outputs.predict(run.model, rows),
        atol=1e-5,
    )
    given = []

    def solve(train, *others, **settings):
        given.append(train[1])
        return item_start.solve(train, *others, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_job, "solve", solve)
        item_job._parts(student, dataset)
    for targets in given:
        np.testing.assert_array_equal(targets, dataset.train.targets)
    assert len(given) > 1  # each part alone


def test_items_go_on_with_an_earlier_model(made, tmp_path):
    folder, run = made
    path = item_files.write_items(tmp_path, 60, seed=5, image_size=16)
    recipe = ItemRecipe(
        str(path), **COLUMNS, epochs=1, from_=str(folder / "out")
    )

    later = training.run_recipe(recipe, tmp_path / "later")

    written = ItemRecipe.load(later.version / "recipe.json")
    assert written.image_size == 16 and written.dropout == 0.2
    assert written.from_ == str(folder / "out" / "1")
    assert item_earlier.as_earlier(written) == written  # by `--recipe`
    assert [*later.model.input] == [*run.model.input]
    assert later.report.test.accuracy > 0.5  # nine rows, of four classes
    assert later.comparison.difference < 1e-4


def test_an_earlier_model_of_items_stays_as_it_was_built(made, tmp_path):
    folder, _ = made
    recipe = ItemRecipe(
        str(folder / "items.csv"),
        **COLUMNS,
        image_size=32,
        from_=str(folder / "out"),
    )

    with pytest.raises(ValueError, match="must be that of the earlier model"):
        training.run_recipe(recipe, tmp_path / "later")

    assert not (tmp_path / "later" / "1").exists()


def test_new_items_are_watched(made, tmp_path):
    folder, run = made
    same = item_files.write_items(tmp_path, 90, seed=4, image_size=16)
    lines = same.read_text().splitlines()
    other = tmp_path / "other.csv"
    words = [line.replace("number", "sock") for line in lines[1:]]
    other.write_text("\n".join([lines[0], *words]))
    gone = tmp_path / "gone.csv"
    bare = ["," + line.split(",", 1)[1] for line in lines[1:]]
    gone.write_text("\n".join([lines[0], *bare]))

    quiet, moved, without = (
        CliRunner().invoke(main, ["watch", str(folder / "out"), str(path)])
        for path in (same, other, gone)
    )
    chart = tmp_path / "chart.png"
    labelled = CliRunner().invoke(
        main,
        ["watch", str(folder / "out"), str(same), "--labelled"]
        + ["--report", str(chart)],
    )

    assert quiet.exit_code == 0, quiet.output
    assert moved.exit_code == 3, moved.output
    assert without.exit_code == 3
    assert "moved columns: has_image" in without.output
    assert labelled.exit_code == 0 and chart.exists(), labelled.output
    assert "accuracy: " in labelled.output
