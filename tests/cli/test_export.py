"""Does `aet-keras export` do what it is asked, or say what is wrong?"""

import json
import os
import shutil

import image_models
import keras
import pytest
from click.testing import CliRunner
from keras import layers
from PIL import Image

from aet_keras.cli import main
from aet_keras.export import write_image_model
from aet_keras.export.comparison import Comparison
from aet_keras.publishing import publish


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Returns a folder `clothes` with two published versions."""
    folder = tmp_path_factory.mktemp("saved") / "clothes"
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))

    def write(aside):
        write_image_model(model, aside, class_names=["hat", "shoe"])
        model.save(aside / "model.keras")

    with pytest.MonkeyPatch.context() as patch:
        image_models.export_shortly(patch)
        first = publish(folder, write)
    publish(folder, lambda a: shutil.copytree(first, a, dirs_exist_ok=True))
    return folder


@pytest.fixture
def folder(once, tmp_path):
    """Returns a copy of that folder."""
    return shutil.copytree(once, tmp_path / "clothes")


def export(*arguments):
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def versions(folder):
    return sorted(name for name in os.listdir(folder) if name.isdigit())


def test_a_server_s_files_are_what_is_written_unasked(folder):
    result = export(folder)

    assert result.exit_code == 0, result.output
    assert str(folder / "serving") in result.stdout
    assert "docker compose -f" in result.stdout
    assert (folder / "serving" / "models.config").is_file()


def test_check_holds_every_version_against_its_sums(folder):
    result = export(folder, "--check")

    assert result.exit_code == 0, result.output
    newest, oldest = result.stdout.splitlines()
    assert newest.startswith(f"{folder / '2'}  7 files, ")
    assert oldest.startswith(f"{folder / '1'}  7 files, ")


def test_roll_back_takes_the_newest_version_back(folder):
    result = export(folder, "--roll-back")

    assert result.exit_code == 0, result.output
    assert versions(folder) == ["1"]
    assert f"{folder / '1'} is the newest now" in result.stdout
    assert str(folder / ".withdrawn-2") in result.stdout


def test_keep_removes_old_versions(folder):
    result = export(folder, "--keep", "1")

    assert result.exit_code == 0, result.output
    assert versions(folder) == ["2"]
    assert result.stdout == f"Removed: 1. Newest: {folder / '2'}\n"


@pytest.fixture
def converted(monkeypatch):
    """Stands for `convert`; returns what it was asked."""
    asked = []

    def convert(source, path, *, format, **rounding):
        asked.append((source, path, format, *rounding.items()))
        return Comparison(2e-7, 16, spread=0.5)

    monkeypatch.setattr("aet_keras.export.convert", convert)
    return asked


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("onnx", "model-2.onnx"),
        ("openvino", "model-2.xml"),
        ("litert", "model-2.tflite"),
    ],
)
def test_another_format_is_called_after_its_version(
    folder, converted, format, name
):
    result = export(folder, "--format", format)

    assert result.exit_code == 0, result.output
    assert converted == [(folder / "2", folder / name, format)]
    assert f"{folder / name}  The export agrees" in result.stdout


def test_rounded_weights_are_judged_by_images_that_are_given(
    folder, converted, tmp_path
):
    for k in range(3):
        Image.new("RGB", (8, 8), (k, 0, 0)).save(tmp_path / f"{k}.png")

    result = export(
        folder, "--format", "litert", "--weights", "int8", "--images", tmp_path
    )

    assert result.exit_code == 0, result.output
    *file, weights, (_, images) = converted[0]
    assert file == [folder / "2", folder / "model-2-int8.tflite", "litert"]
    assert weights == ("weights", "int8")
    assert images.shape == (3, 8, 8, 3)
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_the_images_of_a_run_that_are_gone_are_asked_for(folder, sentence):
    result = export(folder, "--format", "litert", "--weights", "float16")

    assert result.exit_code == 1
    assert "cannot be read: " in sentence(result)
    assert sentence(result).endswith("Name others by `--images`.")


def test_another_place_can_be_named(folder, tmp_path):
    pytest.importorskip("tf2onnx", reason="the extra `onnx` is not installed")
    out = tmp_path / "elsewhere" / "clothes.onnx"

    result = export(folder, "--format", "onnx", "--out", out)

    assert result.exit_code == 0, result.output
    assert out.is_file() and "on 16 images" in result.stdout


def add(folder):
    (folder / "2" / "more.txt").write_text("more")


def change(folder):
    (folder / "1" / "assets" / "labels.txt").write_text("shoe\nhat\n")


def remove_manifest(folder):
    (folder / "2" / "manifest.json").unlink()


def remove_versions(folder):
    for name in versions(folder):
        shutil.rmtree(folder / name)


def remove_one(folder):
    shutil.rmtree(folder / "1")


BAD = [
    (add, ["--check"], "added: `more.txt`"),
    (change, ["--check"], "differ: `assets/labels.txt`"),
    (remove_manifest, ["--check"], "Name a version that this release"),
    (remove_manifest, [], "Name a version that this release"),
    (add, ["--format", "onnx"], "added: `more.txt`"),
    (remove_versions, [], "was given as `--out`"),
    (remove_versions, ["--check"], "was given as `--out`"),
    (shutil.rmtree, ["--check"], "was given as `--out`"),
    (shutil.rmtree, ["--keep", "1"], "No such file or directory"),
    (remove_one, ["--roll-back"], "Publish a better one"),
]


@pytest.mark.parametrize(("spoil", "options", "words"), BAD)
def test_a_folder_that_does_not_hold_is_refused(
    folder, sentence, spoil, options, words
):
    spoil(folder)

    result = export(folder, *options)

    assert result.exit_code == 1
    assert words in sentence(result)
    assert not (folder / "serving").exists()


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_only_models_of_images_become_other_files(folder, sentence, weights):
    path = folder / "2" / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"kind": "table"}))

    result = export(folder, "--format", "litert", "--weights", weights)

    assert result.exit_code == 1
    assert "must go with a model of images" in sentence(result)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--check", "--roll-back"], "--check and --roll-back. Give two"),
        (["--format", "onnx", "--keep", "1"], "--format and --keep. Give two"),
        (["--out", "x.onnx"], "name a `--format`"),
        (["--format", "serving", "--out", "x"], "name a `--format`"),
        (["--format", "onnx", "--out", "x.h5"], "must end with `.onnx`"),
        (["--weights", "int8"], "`--weights int8` must go with `--format lite"),
        (
            ["--format", "litert", "--images", "x"],
            "`--images` must go with `--weights",
        ),
    ],
)
def test_misuse_is_exit_code_2(folder, sentence, options, words):
    result = export(folder, *options)

    assert result.exit_code == 2
    assert words in sentence(result)
    assert versions(folder) == ["1", "2"]


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--keep", "0"], "x>=1"), (["--format", "tflite"], "'litert'")],
)
def test_what_the_command_line_does_not_take(folder, options, words):
    result = export(folder, *options)

    assert result.exit_code == 2
    assert words in result.stderr
