"""Does `aet-keras explain` draw each image, or say what is wrong?"""

import dataclasses
import json
import shutil

import image_folders
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers
from PIL import Image

import aet_keras
from aet_keras.cli import _explain_images, main
from aet_keras.evaluation import Report, measure_classification, ordinal
from aet_keras.layers import SoftAttentionPooling

NAMES = ("hat", "shirt", "shoe")


def publish(model, folder):
    """Leaves what `aet-keras fit` leaves of a model, the SavedModel aside."""
    scores = measure_classification([0, 1, 2], np.eye(3), class_names=NAMES)
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    report = Report(folder.name, "2026-01-31", scores, kind="image")
    report.save(folder / "report.json")
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Returns a published classifier on the embedded backbone."""
    model = aet_keras.tasks.build_image_classifier(
        class_count=3, weights="none", image_size=(32, 32)
    )
    return publish(model, tmp_path_factory.mktemp("saved") / "clothes")


@pytest.fixture(scope="module")
def attentive(tmp_path_factory):
    """Returns a published classifier that pools by attention."""
    pixels = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, strides=4)(pixels)
    x = SoftAttentionPooling(name="pool")(x)
    model = keras.Model(pixels, layers.Dense(3, activation="softmax")(x))
    return publish(model, tmp_path_factory.mktemp("saved") / "attentive")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Returns a small published classifier that has no attention."""
    pixels = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, strides=4)(pixels)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, layers.Dense(3, activation="softmax")(x))
    return publish(model, tmp_path_factory.mktemp("saved") / "plain")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Returns two images of other sizes and kinds."""
    photos = image_folders.copy_images(tmp_path_factory.mktemp("p") / "photos")
    image_folders.add_unusual_images(photos)
    return [photos / "one" / "0001.png", photos / "five" / "grey.jpg"]


@pytest.fixture
def explain(tmp_path):
    """Returns `aet-keras explain ... --out OUT` in this process."""

    def run(*arguments):
        command = ["explain", *arguments, "--out", tmp_path / "out"]
        return CliRunner().invoke(main, [str(each) for each in command])

    return run


def drawn(folder):
    """Returns the names of all files in a folder, each an open image."""
    for path in folder.iterdir():
        with Image.open(path) as image:
            image.load()
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def explained(published, photos, tmp_path_factory):
    """Returns what is said of both images, and where they are drawn."""
    out = tmp_path_factory.mktemp("explained") / "out"
    command = ["explain", published, *photos, "--out", out]
    return CliRunner().invoke(main, [str(each) for each in command]), out


def test_each_image_gets_a_drawing_and_a_line(explained):
    result, out = explained

    assert result.exit_code == 0, result.output
    names = ["0001_grad-cam.png", "grey_grad-cam.png"]
    assert drawn(out) == sorted(names)
    for line, name in zip(result.stdout.splitlines(), names, strict=True):
        path, said, probability = line.replace(",", "").split()
        assert path == str(out / name)
        assert said in NAMES
        assert probability.endswith("%")


def test_the_probability_is_that_of_the_image_as_training_reads_it(
    published, photos, explained
):
    model = keras.models.load_model(published / "model.keras")
    with Image.open(photos[0]) as image:
        small = image.convert("RGB").resize((32, 32), Image.BILINEAR)
    row = model(np.asarray(small, "float32")[None])[0].numpy()

    first, _ = explained[0].stdout.splitlines()
    assert f"{NAMES[row.argmax()]}, {row.max():.1%}" in first


def test_the_images_stand_beside_the_model_where_no_place_is_named(
    attentive, photos, tmp_path
):
    folder = shutil.copytree(attentive, tmp_path / "clothes")
    command = ["explain", str(folder), str(photos[0])]

    result = CliRunner().invoke(main, command)

    assert result.exit_code == 0, result.output
    assert drawn(folder / "explanations") == ["0001_grad-cam.png"]


def test_a_class_can_be_named(attentive, photos, explain):
    predicted = explain(attentive, photos[0]).stdout.split()[1].strip(",")
    other = next(name for name in NAMES if name != predicted)

    named, same = (
        explain(attentive, photos[0], "--class", name).stdout.split("  ")[1]
        for name in (other, predicted)
    )

    assert named.startswith(f"{other}, ")
    assert f" (predicted: {predicted}, " in named
    assert same.startswith(f"{predicted}, ") and "predicted:" not in same


def test_of_ordered_classes_the_median_is_explained(plain, photos, tmp_path):
    folder = tmp_path / "ordered"
    shutil.copytree(plain, folder)
    model = keras.saving.load_model(folder / "model.keras")
    model.layers[-1].set_weights(
        [np.zeros((4, 3)), np.log([0.4, 0.25, 0.35])]  # the likeliest: first
    )
    model.save(folder / "model.keras")
    report = json.loads((folder / "report.json").read_text())
    names = [each["name"] for each in report["test"]["per_class"]]
    figures = dataclasses.asdict(ordinal.Order(0.5, 0.6, 0.9, 0.7, 0.3))
    report["test"]["order"] = figures
    (folder / "report.json").write_text(json.dumps(report))
    asked = {"class_name": None, "out": tmp_path / "out"}

    lines = _explain_images.explain_images(
        folder, photos[:1], method="occlusion", **asked
    )

    assert next(lines).endswith(f"  {names[1]}, 25.0%")


@pytest.mark.parametrize("method", ["occlusion", "attention"])
def test_other_methods(method, attentive, photos, explain, tmp_path):
    result = explain(attentive, photos[0], "--method", method)

    assert result.exit_code == 0, result.output
    assert drawn(tmp_path / "out") == [f"0001_{method}.png"]


def no_report(folder):
    (folder / "report.json").unlink()


def damaged_report(folder):
    (folder / "report.json").write_text('{"accuracy": 1}')


def damaged_model(folder):
    model = folder / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])


def no_folder(folder):
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "spoil", [no_folder, no_report, damaged_report, damaged_model]
)
def test_a_folder_that_is_no_export_is_refused(
    spoil, attentive, photos, explain, sentence, tmp_path
):
    folder = shutil.copytree(attentive, tmp_path / "spoiled")
    spoil(folder)

    result = explain(folder, photos[0])

    assert result.exit_code == 1
    assert "Name the folder that `aet-keras fit`" in sentence(result)
    assert not (tmp_path / "out").exists()


def test_every_bad_image_is_named_and_nothing_is_drawn(
    attentive, explain, sentence, tmp_path
):
    photos = image_folders.copy_images(tmp_path / "photos")
    truncated, empty, *_ = image_folders.add_bad_files(photos)
    missing, whole = photos / "missing.png", photos / "one" / "0001.png"

    result = explain(attentive, whole, truncated, empty, missing)

    assert result.exit_code == 1
    said = sentence(result)
    assert f"{missing} (No such file or directory)" in said
    assert f"{empty} (not an image)" in said and str(truncated) in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class", "shoo"], "Nearest: `shoe`"),
        (["--method", "attention"], "`GradCAM`, which takes the model as"),
        (["--method", "attention", "--class", "hat"], "Leave it out"),
    ],
    ids=["unknown class", "no attention", "class of attention"],
)
def test_misuse_is_exit_code_2_and_leaves_nothing(
    options, words, plain, photos, explain, sentence, tmp_path
):
    result = explain(plain, photos[0], *options)

    assert result.exit_code == 2
    assert words in sentence(result)
    assert not (tmp_path / "out").exists()


def test_two_images_of_one_name_are_refused(
    attentive, photos, explain, sentence, tmp_path
):
    twin = tmp_path / "0001.png"
    shutil.copy(photos[0], twin)

    result = explain(attentive, photos[0], twin)

    assert result.exit_code == 2
    assert "2 called `0001`" in sentence(result)
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_refused(
    attentive, photos, explain, sentence, tmp_path
):
    (tmp_path / "out").write_text("kept")

    result = explain(attentive, photos[0])

    assert result.exit_code == 1
    assert "It is no folder" in sentence(result)
    assert (tmp_path / "out").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'FOLDER'"),
        (["folder"], "Missing argument 'WHAT...'"),
        (["folder", "a.png", "--method", "saliency"], "'grad-cam'"),
    ],
)
def test_what_click_refuses(arguments, words):
    result = CliRunner().invoke(main, ["explain", *arguments])

    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("option", ["--rows", "--encoding"])
def test_what_only_tables_have_is_refused(attentive, photos, option):
    value = "3" if option == "--rows" else "ascii"
    command = ["explain", attentive, photos[0], option, value]

    result = CliRunner().invoke(main, [*map(str, command)])

    assert result.exit_code == 2
    assert f"`{option}` must be left out here" in result.stderr


def test_debug_shows_where(attentive, explain):
    result = explain(attentive, "missing.png", "--debug")

    assert isinstance(result.exception, aet_keras.errors.DataError)
