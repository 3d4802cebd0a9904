"""Has an image one answer, whichever way a model is asked?"""

import base64
import json

import image_files
import keras
import numpy as np
import pytest
import served_models
from click.testing import CliRunner

from aet_keras import export
from aet_keras.cli import main
from aet_keras.data.image_decoding import bombs_refused, decode
from aet_keras.serving.app import build_app
from aet_keras.serving.model_folder import ModelFolder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Returns the files of every kind of image, by their kind."""
    home = tmp_path_factory.mktemp("files")
    paths = {kind: home / f"{kind}.picture" for kind in image_files.IMAGE_FILES}
    for kind, path in paths.items():
        path.write_bytes(image_files.IMAGE_FILES[kind])
    return paths


@pytest.fixture(scope="module")
def model():
    """Returns a classifier that looks at each pixel by itself."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 64),
            keras.layers.Flatten(),
            keras.layers.Dense(
                3, activation="softmax", kernel_initializer="random_normal"
            ),
        ]
    )


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """Returns the folder that it is published in."""
    home = tmp_path_factory.mktemp("published") / "clothes"
    export.write_image_model(
        model, home / "1", class_names=served_models.CLASS_NAMES
    )
    return home


@pytest.fixture(scope="module")
def client(folder):
    """Returns a client of the embedded server."""
    return served_models.Client(build_app(ModelFolder(folder)))


@pytest.fixture(scope="module")
def learned(files, model):
    """Returns the pixels of training, and what the Keras model says."""
    with bombs_refused():
        read = [decode(str(path), (8, 8))[0] for path in files.values()]
    pixels = np.stack(read)
    return pixels, model(pixels.astype("float32")).numpy()


def test_rest_answers_from_bytes_what_training_learned(client, files, learned):
    contents = [path.read_bytes() for path in files.values()]
    rows = [{"b64": base64.b64encode(each).decode()} for each in contents]

    response = client.post(json={"signature_name": "bytes", "instances": rows})

    said = [row["probabilities"] for row in response.json()["predictions"]]
    np.testing.assert_allclose(said, learned[1], atol=1e-5)
    assert np.ptp(learned[1], axis=0).max() > 0.1


def test_rest_answers_from_pixels_what_training_learned(client, learned):
    response = client.post(json={"instances": learned[0].tolist()})

    said = [row["probabilities"] for row in response.json()["predictions"]]
    np.testing.assert_allclose(said, learned[1], atol=1e-5)


def test_predict_answers_from_files_what_training_learned(
    folder, files, learned
):
    command = ["predict", folder, *files.values(), "--json", "--top", 3]

    result = CliRunner().invoke(main, [str(each) for each in command])

    assert result.exit_code == 0, result.output
    for line, expected in zip(
        result.stdout.splitlines(), learned[1], strict=True
    ):
        found = json.loads(line)["classes"]
        said = {each["class"]: each["probability"] for each in found}
        row = [said[name] for name in served_models.CLASS_NAMES]
        np.testing.assert_allclose(row, expected, atol=1e-5)
