"""Does `aet-keras watch` say by its exit code whether rows are shifted?"""

import json
import shutil

import keras
import lean_exports
import numpy as np
import pytest
import table_data
import watched_images
from click.testing import CliRunner

from aet_keras import publishing, recipes, training
from aet_keras.cli import main
from aet_keras.drift import Reference


def watch(*arguments):
    command = ["watch", *map(str, arguments)]
    return CliRunner().invoke(main, command)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return watched_images.publish(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Returns the published folder of a classifier of table rows."""
    home = tmp_path_factory.mktemp("table")
    source = table_data.write_table(home / "t.csv", 240)
    recipe = recipes.TableRecipe(source, table_data.TARGET, epochs=1, units=4)
    with pytest.MonkeyPatch.context() as patch:
        lean_exports.leave_out(patch)
        training.run_recipe(recipe, home / "saved")
    return home / "saved"


def test_images_like_those_of_training_are_quiet(photos, tmp_path):
    new = watched_images.write_images(tmp_path / "new", seed=1)

    result = watch(photos, new)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("No shift was found. p = ")


def test_other_images_are_shifted(photos, tmp_path):
    new = watched_images.write_images(tmp_path / "new", seed=1, light=80)

    result = watch(photos / "1", new, "--format", "json")

    said = json.loads(result.stdout)
    assert result.exit_code == 3, result.output
    assert said["is_shifted"]
    assert all(name.startswith(str(new)) for name in said["novel_names"])
    assert said["class_names"] == ["class 0", "class 1", "class 2"]


def test_classes_that_have_changed_are_seen_with_labels(photos, tmp_path):
    new = watched_images.write_images(tmp_path / "new", seed=1)
    (new / "class 0").rename(new / "other")
    (new / "class 1").rename(new / "class 0")
    (new / "class 2").rename(new / "class 1")

    without = watch(photos, new)
    known = watch(photos, new, "--labelled", "--format", "json")

    said = json.loads(known.stdout)
    assert (without.exit_code, known.exit_code) == (0, 3)
    assert said["kind"] == "output"
    assert said["accuracy"] < said["source_accuracy"] - 0.3
    assert "20 rows are of classes that the model does not" in said["notes"][-1]


def test_folders_that_are_no_classes_say_nothing_of_accuracy(
    photos, tmp_path, sentence
):
    new = watched_images.write_images(tmp_path / "new", 6, seed=1)
    (new / "class 0").rename(tmp_path / "monday")

    result = watch(photos, tmp_path / "monday", "--labelled")

    assert result.exit_code == 1
    assert "`monday`. It knows `class 0`" in sentence(result)


def test_a_damaged_image_is_named_and_left_out(photos, tmp_path):
    new = watched_images.write_images(tmp_path / "new", seed=1)
    (new / "class 0" / "bad.png").write_bytes(b"none")
    (new / "photo.heic").write_bytes(b"of a telephone")
    (new / ".DS_Store").write_bytes(b"of a file manager")

    result = watch(photos, new)

    assert result.exit_code == 0
    assert "1 of 61 could not be read" in result.stderr
    assert "bad.png (not an image)" in result.stderr
    said = f"1 file is no image by name and left out: {new / 'photo.heic'}."
    assert said in result.stderr


def test_a_version_holds_its_reference_under_its_sums(photos):
    manifest = publishing.check_manifest(photos / "1")

    assert "reference.npz" in manifest.files
    assert Reference.load(photos / "1" / "reference.npz").class_count == 3


@pytest.fixture
def old(photos, tmp_path):
    """Returns the same as an older release left it, without a reference."""
    folder = tmp_path / "saved"
    shutil.copytree(photos, folder)
    (folder / "1" / "reference.npz").unlink()
    return folder


def test_an_old_version_is_measured_once(old, photos, tmp_path, sentence):
    new = watched_images.write_images(tmp_path / "new", seed=1)
    refused = watch(old, new)
    measured = watch(old, "--measure")

    again = Reference.load(old / "reference-1.npz")

    assert refused.exit_code == 1
    assert f"aet-keras watch {old} --measure" in sentence(refused)
    assert measured.stdout.strip() == str(old / "reference-1.npz")
    kept = Reference.load(photos / "1" / "reference.npz")
    np.testing.assert_allclose(
        again.probabilities, kept.probabilities, atol=1e-5
    )
    assert watch(old, new).exit_code == 0


def test_other_data_than_those_of_the_run_measure_nothing(old, sentence):
    report = old / "1" / "report.json"
    content = json.loads(report.read_text())
    content["validation"]["accuracy"] += 0.2
    report.write_text(json.dumps(content))

    result = watch(old, "--measure")

    assert result.exit_code == 1
    assert "must be those that" in sentence(result)
    assert not (old / "reference-1.npz").exists()


def test_a_reference_of_another_model_is_refused(
    photos, table, tmp_path, sentence
):
    folder = tmp_path / "saved"
    shutil.copytree(photos, folder)
    shutil.copy(table / "1" / "reference.npz", folder / "1")

    result = watch(folder, watched_images.write_images(tmp_path / "new"))

    assert result.exit_code == 2
    assert "measured on this model" in sentence(result)


def test_a_damaged_reference_is_refused(photos, tmp_path, sentence):
    folder = tmp_path / "saved"
    shutil.copytree(photos, folder)
    (folder / "1" / "reference.npz").write_bytes(b"PK")

    result = watch(folder, watched_images.write_images(tmp_path / "new"))

    assert result.exit_code == 1
    assert "must be a whole reference" in sentence(result)


def test_rows_of_a_table_are_watched_by_column(table, tmp_path):
    quiet = table_data.write_table(tmp_path / "quiet.csv", 120, seed=7)
    lines = (tmp_path / "quiet.csv").read_text().splitlines()
    moved = [line.replace("2024-02", "2025-02") for line in lines]
    (tmp_path / "moved.csv").write_text("\n".join(moved))

    same = watch(table, quiet)
    later = watch(table, tmp_path / "moved.csv")

    assert same.exit_code == 0, same.output
    assert later.exit_code == 3, later.output
    assert "moved columns: opened" in later.stdout


def test_the_target_of_a_table_is_the_class_of_its_rows(
    table, tmp_path, sentence
):
    rows = table_data.write_table(tmp_path / "rows.csv", 120, seed=7)
    text = (tmp_path / "rows.csv").read_text()
    (tmp_path / "gap.csv").write_text(text.replace(",yes", ",", 1))

    right = watch(table, rows, "--labelled", "--format", "json")
    gap = watch(table, tmp_path / "gap.csv", "--labelled")
    (tmp_path / "cased.csv").write_text(text.replace(",yes", ",YES", 9))
    cased = watch(table, tmp_path / "cased.csv", "--labelled")

    assert (
        "9 rows are of a class that the model does not know, `YES`, and "
        in (cased.stderr)
    )
    assert "differ by case only, and stay separate: `yes` and" in cased.stderr
    assert right.stderr == ""
    said = json.loads(right.stdout)
    assert (right.exit_code, said["kind"]) == (0, "none")
    assert said["accuracy"] > 0.6
    assert "each row must have a class" in sentence(gap)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Returns a published folder that tells long texts from short ones."""
    home = tmp_path_factory.mktemp("texts") / "saved"
    names = ("token_ids", "padding_mask")
    given = {name: keras.Input((80,), name=name) for name in names}
    size = keras.ops.sum(given["padding_mask"], axis=1, keepdims=True)
    head = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(given, head(size))
    head.set_weights([np.array([[-0.1, 0.1]]), np.array([2.0, -2.0])])
    recipe = {"kind": "text", "data": "a.csv", "text_column": "text"}
    known = tokens_of_lengths(recipe, model, of_lengths(0))
    labels = (known["padding_mask"].sum(axis=1) > 20).astype("int64")

    def write(aside):
        (aside / "saved_model.pb").touch()
        (aside / "recipe.json").write_text(json.dumps(recipe))
        model.save(aside / "model.keras")
        reference = Reference.measure(model, known, (known, labels))
        reference.save(aside / "reference.npz")

    publishing.publish(home, write)
    return home


def tokens_of_lengths(recipe, model, texts, version=None):
    """Makes one token of each letter."""
    sizes = np.array([len(text) for text in texts])
    mask = (np.arange(80) < sizes[:, None]).astype("int32")
    return {"token_ids": mask, "padding_mask": mask}


def of_lengths(seed, more=0):
    random = np.random.default_rng(seed)
    return ["x" * int(n) for n in random.integers(5, 40, 80) + more]


def test_texts_are_read_from_tables_and_from_files(
    texts, tmp_path, monkeypatch
):
    monkeypatch.setattr(training.text_job, "tokens_of", tokens_of_lengths)
    monkeypatch.setattr(training.text_job, "load_layers", lambda: None)
    for seed, text in enumerate(of_lengths(1)):
        (tmp_path / "new").mkdir(exist_ok=True)
        (tmp_path / "new" / f"{seed}.txt").write_text(text)
    longer = tmp_path / "longer.csv"
    longer.write_text(
        "\n".join(["id,text", *(f"1,{t}" for t in of_lengths(1, 30))])
    )

    files = watch(texts, tmp_path / "new")
    rows = watch(texts, longer)

    assert files.exit_code == 0, files.output
    assert rows.exit_code == 3, rows.output
    assert f"most novel rows: {longer}:" in rows.stdout


@pytest.mark.parametrize("more", [[], ["new", "--measure"]])
def test_one_thing_is_asked_for(more, tmp_path, sentence):
    result = watch(tmp_path, *more)

    assert result.exit_code == 2
    assert "either rows must be named or `--measure`" in sentence(result)


@pytest.mark.parametrize("more", [["--days", "3"], ["--labelled"]])
def test_nothing_goes_with_measuring(more, tmp_path, sentence):
    result = watch(tmp_path, "--measure", *more)

    assert result.exit_code == 2
    assert f"`{more[0]}` must not go with `--measure`" in sentence(result)


@pytest.mark.parametrize("again", ["../new", "0.png"])
def test_a_row_is_no_proof_twice(photos, tmp_path, sentence, again):
    result = watch(photos, tmp_path / "new", tmp_path / "new" / again)

    assert result.exit_code == 1
    assert "each file must be named once" in sentence(result)


def test_images_have_no_encoding(photos, tmp_path, sentence):
    result = watch(photos, tmp_path, "--encoding", "ascii")

    assert result.exit_code == 2
    assert "`--encoding` must be left out here" in sentence(result)


def test_days_are_of_recorded_rows(photos, tmp_path, sentence):
    result = watch(photos, tmp_path, "--days", "3")

    assert result.exit_code == 2
    assert "`--days` must go with recorded rows" in sentence(result)


def test_a_report_is_no_folder(tmp_path):
    result = watch(tmp_path, "new", "--report", tmp_path)

    assert result.exit_code == 2
    assert "is a directory" in result.stderr


def test_ratings_have_no_classes_to_watch(ratings, sentence):
    result = watch(ratings, "new")

    assert result.exit_code == 1
    assert "must hold a model of images" in sentence(result)


def test_a_folder_without_images_is_said(photos, tmp_path, sentence):
    (tmp_path / "empty").mkdir()

    result = watch(photos, tmp_path / "empty")

    assert result.exit_code == 1
    assert "must hold images" in sentence(result)
