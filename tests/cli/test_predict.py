"""Does `aet-keras predict` name what images show?"""

import csv
import json
import shutil

import image_folders
import numpy as np
import pytest
import served_models
from click.testing import CliRunner
from PIL import Image
from served_models import CLASS_NAMES

from aet_keras.cli import main


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    """Returns a published folder: version 2 is not to be asked."""
    home = tmp_path_factory.mktemp("saved") / "clothes"
    home.mkdir()
    served_models.write_version(home / "10")
    shutil.copytree(home / "10", home / "2")
    (home / "2" / "saved_model.pb").write_bytes(b"old")
    return home


@pytest.fixture
def photos(tmp_path):
    """Returns images of other sizes and kinds."""
    photos = image_folders.copy_images(tmp_path / "photos")
    image_folders.add_unusual_images(photos)
    return [photos / "one" / "0001.png", photos / "five" / "grey.jpg"]


def predict(*arguments):
    command = ["predict", *arguments]
    return CliRunner().invoke(main, [str(each) for each in command])


def expected(path):
    """Returns the Keras model's probabilities of an image."""
    with Image.open(path) as image:
        small = image.convert("RGB").resize((8, 8), Image.BILINEAR)
    pixels = np.asarray(small, "float32")[None]
    return served_models.classifier()(pixels)[0].numpy()


def test_one_line_an_image(clothes, photos):
    result = predict(clothes, *photos)

    assert result.exit_code == 0, result.output
    wanted = []
    for path in photos:
        row = expected(path)
        wanted.append(f"{path}  {CLASS_NAMES[row.argmax()]}, {row.max():.1%}")
    assert result.stdout.splitlines() == wanted


def test_the_likeliest_come_first(clothes, photos):
    result = predict(clothes, photos[0], "--top", 2)

    row = expected(photos[0])
    first, second, _ = row.argsort()[::-1]
    said = f"{CLASS_NAMES[first]}, {row[first]:.1%}; {CLASS_NAMES[second]}, "
    assert said in result.stdout
    assert result.stdout.count("%") == 2


def test_more_classes_than_there_are_is_all_of_them(clothes, photos):
    assert predict(clothes, photos[0], "--top", 9).stdout.count("%") == 3


def test_json_for_programs(clothes, photos):
    result = predict(clothes, *photos, "--json", "--top", 3)

    for line, path in zip(result.stdout.splitlines(), photos, strict=True):
        answer = json.loads(line)
        assert answer["id"] == answer["image"] == str(path)
        assert answer["picture"] == str(path)  # its name before 0.11.0
        found = {e["class"]: e["probability"] for e in answer["classes"]}
        row = dict(zip(CLASS_NAMES, expected(path), strict=True))
        assert found == pytest.approx(row, abs=1e-5)


def test_more_images_than_one_batch(clothes, tmp_path):
    photos = sorted(image_folders.copy_images(tmp_path / "p").glob("*/*.png"))[
        :70
    ]

    result = predict(clothes, *photos)

    lines = result.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [*map(str, photos)]
    row = expected(photos[69])
    assert lines[69].endswith(f"{CLASS_NAMES[row.argmax()]}, {row.max():.1%}")


def test_bad_images_are_named_after_the_others_were_answered(
    clothes, photos, tmp_path, sentence
):
    truncated, empty, *_ = image_folders.add_bad_files(tmp_path / "photos")

    result = predict(clothes, truncated, photos[0], empty, photos[1])

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [*map(str, photos)]
    said = sentence(result)
    assert "2 of the images could not be read" in said
    assert f"{empty} (not an image)" in said and str(truncated) in said


def test_bad_images_have_their_line_of_json(clothes, photos, tmp_path):
    missing = tmp_path / "missing.png"

    result = predict(clothes, missing, photos[0], "--json")

    assert result.exit_code == 1
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == {
        "id": str(missing),
        "image": str(missing),
        "picture": str(missing),
        "error": "No such file or directory",
    }
    assert "classes" in second


def test_csv_for_programs_has_a_row_an_image(clothes, photos, tmp_path):
    missing = tmp_path / "missing.png"

    result = predict(clothes, missing, photos[0], "--format", "csv", "--top", 2)

    header, bad, good = csv.reader(result.stdout.splitlines())
    names = ["id", "class", "probability", "class_2", "probability_2", "error"]
    assert header == names
    assert bad == [str(missing), *[""] * 4, "No such file or directory"]
    row = expected(photos[0])
    assert good[:2] == [str(photos[0]), CLASS_NAMES[row.argmax()]]
    assert float(good[2]) == pytest.approx(row.max(), abs=1e-5)
    assert float(good[2]) > float(good[4])


def no_folder(folder):
    shutil.rmtree(folder)


def no_versions(folder):
    shutil.rmtree(folder / "10")
    shutil.rmtree(folder / "2")


def damaged(folder):
    (folder / "10" / "saved_model.pb").write_bytes(b"no")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_folder, "must hold versions"),
        (no_versions, "Name the folder that `aet-keras fit`"),
        (damaged, "must hold the files that were published"),
    ],
)
def test_a_folder_that_cannot_answer_is_refused(
    spoil, words, clothes, photos, tmp_path, sentence
):
    folder = shutil.copytree(clothes, tmp_path / "spoiled")
    spoil(folder)

    result = predict(folder, photos[0])

    assert result.exit_code == 1
    assert words in sentence(result)
    assert not result.stdout


def test_a_model_of_something_else_is_refused(tmp_path, photos, sentence):
    import tensorflow as tf

    module = tf.Module()
    module.twice = tf.function(
        lambda x: {"y": 2 * x},
        input_signature=[tf.TensorSpec([None], tf.float32, name="x")],
    )
    path = tmp_path / "numbers" / "1"
    tf.saved_model.save(module, str(path), signatures=module.twice)

    result = predict(path.parent, photos[0])

    assert result.exit_code == 1
    assert "must hold a classifier of images, texts or table rows" in sentence(
        result
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'FOLDER'"),
        (["folder"], "Missing argument 'WHAT...'"),
        (["folder", "a.png", "--top", "0"], "x>=1"),
    ],
)
def test_what_click_refuses(arguments, words):
    result = predict(*arguments)

    assert result.exit_code == 2
    assert words in result.stderr
