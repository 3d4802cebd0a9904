"""Does bad input end in a sentence and an exit code, and in no file?"""

import os
import shutil
import socket

import image_folders
import image_models
import keras
import pytest
from click.testing import CliRunner

from aet_keras import recipes
from aet_keras.cli import main


def no_images(photos):
    for image in photos.rglob("*.png"):
        image.unlink()


def one_class(photos):
    for folder in sorted(photos.iterdir())[1:]:
        shutil.rmtree(folder)


def one_image(photos):
    for folder in sorted(photos.iterdir())[1:]:
        for image in sorted(folder.iterdir())[1:]:
            image.unlink()


def truncated(photos):
    image = photos / "one" / "0001.png"
    image.write_bytes(image.read_bytes()[:60])


def no_image(photos):
    (photos / "four" / "notes.txt").write_text("where these are from")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_images, ["0 images", "Put each image into a folder"]),
        (one_class, ["`eight`", "Add images of another class"]),
        (one_image, ["with 1 and 6 more", "Add images to the class"]),
        (truncated, ["0001.png", "Mend or remove", "`--skip-bad`"]),
        (no_image, ["notes.txt", "Mend or remove", "`--skip-bad`"]),
    ],
    ids=lambda value: getattr(value, "__name__", "").replace("_", " "),
)
def test_images_that_cannot_be_learned_from_are_refused(
    spoil, words, photos, fit, out, sentence
):
    spoil(photos)

    result = fit(photos)

    assert result.exit_code == 1
    assert all(word in sentence(result) for word in words)
    assert not out.exists()


def test_every_bad_image_is_counted_and_three_are_named(
    photos, fit, out, sentence
):
    bad = image_folders.add_bad_files(photos)

    said = sentence(fit(photos))

    assert "4 unreadable images" in said and "and 1 more" in said
    assert sum(str(path) in said for path in bad) == 3
    assert not out.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path, fit, out, sentence):
    result = fit(tmp_path / "fotos")

    assert result.exit_code == 1
    assert "fotos, which is not there" in sentence(result)
    assert not out.exists()


def test_a_backbone_with_a_typo_gets_the_nearest_names(
    tmp_path, fit, out, sentence
):
    # Said before a single image is read: the folder does not exist.
    result = fit(tmp_path / "photos", "--backbone", "MobilNetv2")

    assert result.exit_code == 2
    assert "Nearest: `MobileNetV2`, `MobileNet`" in sentence(result)
    assert not out.exists()


@pytest.mark.parametrize(
    "given", [("--backbone", "embedded"), ("--dropout", 0.2)], ids=str
)
def test_a_default_that_is_asked_for_must_be_that_of_the_earlier_model(
    tmp_path, fit, out, sentence, given
):
    version = tmp_path / "old" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    earlier = recipes.Recipe("old", backbone="MobileNetV2", dropout=0.1)
    earlier.save(version / "recipe.json")

    result = fit(tmp_path / "photos", "--from", version.parent, *given)

    assert result.exit_code == 2
    assert "must be that of the earlier" in sentence(result)
    assert not out.exists()


def of_another_family(path):
    image_models.backbone().save_weights(path)


# Others that do not fit: tests/backbones/test_applications.py.
def test_weights_that_do_not_fit_are_refused(
    photos, tmp_path, fit, out, sentence
):
    path = tmp_path / "other.weights.h5"
    of_another_family(path)

    result = fit(photos, "--image-size", 32, "--weights", path)

    assert result.exit_code == 1
    assert "without its head (include_top=False)" in sentence(result)
    assert str(path) in sentence(result)
    assert not out.exists()


@pytest.mark.parametrize(
    ("weights", "words", "code"),
    [
        ("lost.weights.h5", "lost.weights.h5, which is not there", 1),
        ("imagnet", "'none' or a `.weights.h5` file", 2),
        ("model.h5", "'none' or a `.weights.h5` file", 2),
    ],
    ids=["missing file", "typo", "other file"],
)
def test_weights_that_cannot_be_had_are_refused(
    weights, words, code, photos, fit, out, sentence
):
    options = ("--backbone", "VGG16", "--image-size", 32)  # quick to build

    result = fit(photos, *options, "--weights", weights)

    assert result.exit_code == code
    assert words in sentence(result)
    assert not out.exists()


def test_imagenet_weights_offline_say_how_to_go_on(
    photos, tmp_path, fit, out, sentence, monkeypatch
):
    def refuse(*args, **kwargs):
        raise socket.gaierror("offline")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(keras.src.backend.config, "_KERAS_DIR", str(tmp_path))
    options = ("--backbone", "MobileNetV2", "--image-size", 96)

    result = fit(photos, *options, "--weights", "imagenet")

    assert result.exit_code == 1
    assert "must be downloaded once" in sentence(result)
    assert "`weights=FILE.weights.h5`" in sentence(result)
    assert not out.exists()


@pytest.mark.parametrize("place", ["a file", "a file/name", "/proc/name"])
def test_an_output_folder_that_cannot_be_written_is_refused_first(
    place, tmp_path, fit, sentence
):
    if place.startswith("/proc") and not os.path.isdir("/proc/self"):
        pytest.skip("no /proc here")
    (tmp_path / "a file").write_text("kept")

    # Before anything is read: the images do not exist.
    result = fit(tmp_path / "photos", "--out", tmp_path / place)

    assert result.exit_code == 1
    assert "nothing can be written in" in sentence(result)
    assert "Choose another folder" in sentence(result)
    assert (tmp_path / "a file").read_text() == "kept"


def test_images_smaller_than_the_backbone_takes_are_refused(
    photos, fit, out, sentence
):
    result = fit(photos, "--backbone", "InceptionV3", "--weights", "none")

    assert result.exit_code == 2
    assert "InceptionV3 cannot take images of 8 x 8" in sentence(result)
    assert not out.exists()


def test_a_folder_of_another_kind_of_data_is_left_alone(
    ratings, photos, sentence
):
    command = ["fit", str(photos), "--out", str(ratings)]

    result = CliRunner().invoke(main, command)

    assert result.exit_code == 1
    assert "with a model of the kind `rating` where" in sentence(result)
    assert [path.name for path in ratings.iterdir()] == ["1"]


@pytest.mark.parametrize("command", ["fit", "tune"])
def test_an_empty_path_is_not_the_folder_one_is_in(command):
    result = CliRunner().invoke(main, [command, "digits", "--out", " "])

    assert result.exit_code == 2
    assert "it must name a folder" in result.stderr
