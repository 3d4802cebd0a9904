"""Does a recipe for texts end in a report and a SavedModel?"""

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
import text_data
from click.testing import CliRunner

from aet_keras.cli import main
from aet_keras.drift import Reference
from aet_keras.errors import DataError
from aet_keras.recipes import TextRecipe
from aet_keras.training import run_recipe
from aet_keras.training.text_job import JOB, read_tokens


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return str(
        text_data.save_preset(tmp_path_factory.mktemp("preset"), layers=1)
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "reviews.csv"
    return str(text_data.write_table(path))


@pytest.fixture(scope="module")
def run(preset, table, tmp_path_factory):
    recipe = TextRecipe(
        table, backbone=preset, epochs=2, learning_rate=0.03, sequence_length=12
    )
    said = []
    out = tmp_path_factory.mktemp("out") / "reviews"
    return run_recipe(recipe, out, say=said.append), said


def test_the_run_says_what_it_read_and_leaves_a_version(run):
    publication, said = run

    assert said[0] == "44 / 8 / 8 texts to train / validate / test, 2 classes."
    assert said[-1] == "12 tokens of each text are read."
    assert publication.version.name == "1"
    assert publication.comparison.difference < 1e-5
    assert publication.report.test.count == 8
    again = TextRecipe.load(publication.version / "recipe.json")
    assert again.sequence_length == 12


def test_adapters_learn_from_a_version_that_cuts_texts_otherwise(
    run, table, tmp_path
):
    home = run[0].version.parent
    recipe = TextRecipe(
        table,
        backbone=str(text_data.save_preset(tmp_path / "preset", layers=1)),
        epochs=1,
        sequence_length=8,
        lora=2,
        teacher=str(home),
    )

    student = run_recipe(recipe, tmp_path / "small")

    notes = student.report.notes
    assert any("8: too few to tell" in note for note in notes)
    assert any("saw no test rows" in note for note in notes)
    assert any("Adapters of rank 2 and the head are" in note for note in notes)
    assert student.comparison.difference < 1e-5
    assert not any("lora" in v.path for v in student.model.weights)
    written = TextRecipe.load(student.version / "recipe.json")
    assert written.teacher == str(home / "1")  # newer ones may follow


def test_the_version_reads_texts_as_its_reference_did(run, table):
    publication, _ = run
    home = publication.version.parent
    reference = Reference.load(publication.version / "reference.npz")

    result = CliRunner().invoke(
        main, ["watch", str(home), table, "--labelled", "--format", "json"]
    )

    said = json.loads(result.stdout)
    assert (result.exit_code, said["kind"]) == (0, "none"), result.output
    assert said["row_count"] == 60
    assert reference.class_names == ("bad", "good")
    assert said["source_accuracy"] == reference.accuracy
    assert said["tests"]["components"] > 0.05


def test_a_version_is_adapted_to_a_new_class(run, table, tmp_path):
    publication, _ = run
    home = shutil.copytree(publication.version.parent, tmp_path / "reviews")
    lines = pathlib.Path(table).read_text().splitlines()
    more = tmp_path / "more.csv"
    so_so = [f"the plot {n} the plot {n} plot,so-so" for n in range(20)]
    more.write_text("\n".join([*lines[:21], *so_so]))

    result = CliRunner().invoke(
        main, ["adapt", str(home), str(more), "--labelled"]
    )

    candidate = home / "candidates" / "1"
    assert result.exit_code == 3, result.output
    served = tf.saved_model.load(candidate).signatures["serving_default"]
    outputs = served(texts=tf.constant(["the plot 7 the plot 7 plot"]))
    assert outputs["classes"][0, 2].numpy() == b"so-so"
    assert outputs["probabilities"][0].numpy().argmax() == 2
    about = json.loads((candidate / "adaptation.json").read_text())
    assert about["old_rows"]["held_count"] == 8


def test_a_version_whose_tokeniser_is_another_now_is_refused(
    run, table, tmp_path
):
    home = shutil.copytree(run[0].version.parent, tmp_path / "reviews")
    preset = text_data.save_preset(
        tmp_path / "preset", words=text_data.WORDS[::-1]
    )
    path = home / "1" / "recipe.json"
    recipe = json.loads(path.read_text()) | {"backbone": str(preset)}
    path.write_text(json.dumps(recipe))

    asked = [["watch", str(home), table], ["fit", table, "--from", str(home)]]
    asked[1] += ["--text-column", "text", "--out", str(tmp_path / "later")]
    for words in asked:
        result = CliRunner().invoke(main, words)

        assert result.exit_code == 1, result.output
        assert f"the tokeniser in {preset} must be that" in result.output


def test_frozen_blocks_are_recorded(table, tmp_path):
    preset = text_data.save_preset(tmp_path / "preset")  # of one, none freezes
    recipe = TextRecipe(
        table, backbone=str(preset), epochs=2, sequence_length=12
    )
    dataset = JOB.read(recipe)
    model = JOB.build(recipe, dataset)

    run = JOB.fit(model, recipe, dataset, best=JOB.best(recipe, dataset))

    events = [*run.events, *run.cache_events]
    said = " ".join(str(what) for _, what in events)
    assert "records what stem put out" in said
    assert "froze stem: from the start" in said


def test_the_served_model_takes_strings(run):
    served = tf.saved_model.load(run[0].version).signatures["serving_default"]

    outputs = served(texts=tf.constant(["the film was good", "dull"]))

    assert outputs["classes"][0].numpy().tolist() == [b"bad", b"good"]
    assert np.isfinite(outputs["probabilities"]).all()


def test_length_comes_from_the_texts_and_cutting_is_said(preset, tmp_path):
    rows = ["text,label"]
    rows += [f"film {i} was good,{i % 2}" for i in range(60)]
    rows += ["very " * 200_000 + ",1"]  # 1 MB
    (tmp_path / "a.csv").write_text("\n".join(rows))

    dataset = read_tokens(TextRecipe(f"{tmp_path}/a.csv", backbone=preset))

    # film, number, was, good between two ends: 6 tokens, rounded up to 8
    assert dataset.train.inputs["token_ids"].shape[1] == 8
    said = " ".join(dataset.notes)
    assert "1 of 61 texts have more than the 8 tokens" in said
    assert "the longest 200002" in said


def test_a_folder_has_no_columns(tmp_path):
    recipe = TextRecipe(str(tmp_path), label_column="stars")

    with pytest.raises(DataError, match="`label_column` .* no columns"):
        read_tokens(recipe)


def test_more_tokens_than_the_backbone_has_positions_are_refused(preset, table):
    recipe = TextRecipe(table, backbone=preset, sequence_length=17)

    with pytest.raises(ValueError, match="at most 16, because the backbone"):
        read_tokens(recipe)


def test_texts_go_on_with_a_version_that_knows_one_of_their_classes(
    run, table, tmp_path, unserved
):
    home = run[0].version.parent
    other = tmp_path / "other.csv"
    words = pathlib.Path(table).read_text().replace(",bad", ",poor")
    other.write_text(words)

    later = run_recipe(
        TextRecipe(str(other), epochs=1, from_=str(home)), tmp_path / "later"
    )

    written = TextRecipe.load(later.version / "recipe.json")
    assert (written.sequence_length, written.from_) == (12, str(home / "1"))
    notes = " ".join(later.report.notes)
    assert "knows 1 of the 2 classes; new are `poor`; left out" in notes
    good = later.report.test.per_class[0]
    assert later.report.earlier.count == good.count < 8
    with pytest.raises(ValueError, match="must be that of the earlier model"):
        run_recipe(
            TextRecipe(str(other), pooling="attention", from_=str(home)),
            tmp_path / "no",
        )
