"""Does the command take images as they come to a server?

The one that is installed, in a process of its own: test_stopping.py.
"""

import json
import pathlib
import re

import image_folders
import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from PIL import Image

from aet_keras.cli import main
from aet_keras.recipes import Recipe

FILES = (
    "card.html",
    "card.md",
    "model.keras",
    "recipe.json",
    "report.json",
    "report.png",
    "top_losses.png",
)


STEPS = (
    "building the model",
    "drawing the report",
    "measuring the model",
    "reading",
    "solving the head",
    "training",
    "writing the SavedModel",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Fits a hundred images with all bad and odd ones among them, once."""
    folder = tmp_path_factory.mktemp("run")
    photos = image_folders.copy_images(folder / "photos")
    image_folders.add_bad_files(photos)
    image_folders.add_unusual_images(photos)
    options = ["--skip-bad", "--image-size", "32", "--epochs", "1"]
    command = ["fit", str(photos), "--out", str(folder / "out"), *options]
    return CliRunner().invoke(main, command), folder / "out"


@pytest.fixture(scope="module")
def pixels():
    """Returns some of the images as uint8, 32 pixels wide."""
    paths = sorted(image_folders.IMAGES.glob("*/*.png"))[::12]
    images = [Image.open(p).convert("RGB").resize((32, 32)) for p in paths]
    return np.stack([np.asarray(image) for image in images])


@pytest.fixture(scope="module")
def served(run, pixels):
    """Returns what a server would answer: probabilities and names."""
    loaded = tf.saved_model.load(run[1] / "1")
    answer = loaded.signatures["serving_default"](images=tf.constant(pixels))
    return answer["probabilities"].numpy(), answer["classes"].numpy()


def contents(folder):
    """Returns the bytes of every file below a folder, by its name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_it_ends_well_and_says_what_it_left_out(run):
    done, _ = run

    assert done.exit_code == 0, done.output
    # A slow machine is told how far it is, and nobody is warned of anything.
    assert all(line.startswith(STEPS) for line in done.stderr.splitlines())
    assert "4 unreadable images were left out" in done.stdout
    assert "\x1b" not in done.stdout


def test_grey_and_transparent_images_are_read_and_said(run):
    done, _ = run

    assert "1 greyscale image" in done.stdout
    assert "1 image with an alpha channel was laid on white" in done.stdout


def test_it_says_counts_epochs_report_and_where_it_lies(run):
    done, out = run

    assert done.stdout.startswith("62 / 20 / 20 images to train")
    assert re.search(r"^ +1/1 ", done.stdout, re.MULTILINE)
    assert "\nmacro " in done.stdout
    assert f"SavedModel: {out / '1'}  (loaded again" in done.stdout
    assert f"{out / 'report.json'}, report.png" in done.stdout


def test_a_version_is_whole_and_the_folder_shows_its_files(run):
    _, out = run

    for name in FILES:
        version = (out / "1" / name).read_bytes()
        assert version and version == (out / name).read_bytes()
    assert (out / "1" / "saved_model.pb").exists()
    assert {path.name for path in out.iterdir()} == {"1", *FILES}


def test_the_export_gives_probabilities_and_names_for_raw_pixels(served):
    probabilities, classes = served
    folders = [path.name for path in image_folders.IMAGES.iterdir()]

    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 1e-3  # not the same for all
    names = sorted(set(folders) - {"make.py", "__pycache__"})
    for row in classes:
        assert [name.decode() for name in row] == names


def test_the_export_says_what_the_saved_model_says(run, served, pixels):
    (_, out), (probabilities, _) = run, served
    model = keras.models.load_model(out / "model.keras")

    expected = model(pixels.astype("float32"), training=False)

    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_the_report_holds_the_figures_and_the_notes(run):
    _, out = run

    report = json.loads((out / "report.json").read_text())

    test = report["test"]
    assert 0.0 <= test["accuracy"] == report["accuracy"] <= 1.0
    assert np.sum(test["confusion_matrix"]) == test["count"] == 20
    assert len(report["history"]["val_loss"]) == len(report["rates"]) == 1
    assert any("4 unreadable" in note for note in report["notes"])


def test_the_recipe_is_the_command_written_down(run):
    _, out = run

    recipe = Recipe(**json.loads((out / "recipe.json").read_text()))

    photos = str(out.parent / "photos")
    assert recipe == Recipe(photos, image_size=32, epochs=1, skip_bad=True)


def test_a_second_run_adds_a_version_and_leaves_the_first(run, tiny, fit):
    _, out = run
    before = contents(out / "1")

    again = fit(
        out.parent / "photos", "--out", out, "--skip-bad", "--epochs", 1
    )

    assert again.exit_code == 0, again.output
    assert contents(out / "1") == before
    for name in FILES:
        newest = (out / "2" / name).read_bytes()
        assert newest == (out / name).read_bytes()
        if not name.endswith(".png"):  # charts are left blank
            assert newest != before[pathlib.Path(name)]
