"""What do the tests of the command line share?"""

import json
import pathlib
import shutil
import sys

import image_folders
import image_models
import pytest
import rating_data
import tensorflow as tf
from click.testing import CliRunner

from aet_keras import export, publishing
from aet_keras.cli import main


@pytest.fixture
def photos(tmp_path):
    """Returns a folder of a hundred images in ten classes."""
    return image_folders.copy_images(tmp_path / "photos")


@pytest.fixture
def out(tmp_path):
    """Returns where `fit` publishes; it does not exist yet."""
    return tmp_path / "out"


@pytest.fixture
def fit(out):
    """Returns `aet-keras fit DATA --out OUT ...` in this process."""

    def run(data, *options):
        command = ["fit", str(data), "--out", str(out), "--image-size", "8"]
        return CliRunner().invoke(main, [*command, *map(str, options)])

    return run


@pytest.fixture
def tiny(monkeypatch):
    """Puts three convolutions of 8 pixels in the place of every backbone."""
    image_models.make_tiny(monkeypatch)


def sentence(result):
    """Returns the one line that the command ends with, if there is one."""
    lines = result.stderr.splitlines()
    ours = [line for line in lines if line.startswith("aet-keras: ")]
    assert len(ours) == 1, result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    return ours[0].removeprefix("aet-keras: ")


@pytest.fixture(name="sentence")
def sentence_fixture():
    """Returns `sentence`."""
    return sentence


@pytest.fixture
def ratings(tmp_path):
    """Returns a published folder that says it is of ratings."""
    version = tmp_path / "ratings" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    (version / "recipe.json").write_text('{"kind": "rating"}')
    return version.parent


@pytest.fixture(scope="session")
def console():
    """Returns the path of the console script that was installed."""
    beside = pathlib.Path(sys.executable).parent / "aet-keras"
    found = str(beside) if beside.exists() else shutil.which("aet-keras")
    if found is None:
        pytest.fail("`aet-keras` is not installed: pip install '.[test]'")
    return found


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """Returns a published folder that calls texts with `good` in them good."""

    def serve(texts):
        is_good = tf.strings.regex_full_match(texts, ".*good.*")
        good = tf.cast(is_good, tf.float32) * 0.5 + 0.25
        names = tf.constant([["bad", "good"]])
        return {
            "probabilities": tf.stack([1 - good, good], axis=1),
            "classes": tf.tile(names, [tf.shape(texts)[0], 1]),
        }

    module = tf.Module()
    spec = tf.TensorSpec([None], tf.string, name="texts")
    module.serve = tf.function(serve, input_signature=[spec])
    home = tmp_path_factory.mktemp("saved") / "reviews"
    tf.saved_model.save(module, str(home / "1"), signatures=module.serve)
    recipe = {"data": "a.csv", "text_column": "text"}
    (home / "recipe.json").write_text(json.dumps(recipe))
    return home


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Returns a published folder, and what its SavedModel says."""
    home = tmp_path_factory.mktemp("saved")
    dataset = rating_data.read_ratings(
        rating_data.write_ratings(home / "films.csv")
    )
    _, tables, model = rating_data.build_model(dataset)
    rating_data.randomize_weights(model)
    about = {"specification": dataset.specification, "tables": tables}
    recipe = {"data": "films.csv", "user": "user", "item": "item"}

    def write(directory):
        export.write_rating_model(model, directory, **about)
        (directory / "recipe.json").write_text(json.dumps(recipe))

    version = publishing.publish(home / "films", write)
    return home / "films", tf.saved_model.load(str(version))
