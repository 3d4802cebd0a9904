"""Does a command that asks a version load what that needs, and no more?"""

import json
import subprocess
import sys

import image_models
import pytest
import served_models
from PIL import Image

# What is loaded later is compared with what TensorFlow loads by itself.
PROGRAM = """
import contextlib, io, json, sys
import tensorflow
before, found = set(sys.modules), []
from aet_keras.cli import main
for arguments in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(arguments, standalone_mode=False)
    names = sorted(set(sys.modules) - before)
    found.append([said.getvalue(), names])
print(json.dumps(found))
"""

TRAINS = {
    "backbones",
    "callbacks",
    "engine",
    "tasks",
    "tracking",
    "training",
    "tuning",
}
SERVES = {"h11", "starlette", "uvicorn"}
HEAVY = {
    "keras_hub",
    "keras_tuner",
    "tensorflow_datasets",
    "tensorflow_serving",
    "tensorflow_text",
    "wandb",
}


@pytest.fixture(scope="module")
def loaded(reviews, tmp_path_factory):
    """Returns what each command said, and the modules loaded until then."""
    home = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        image_models.export_shortly(patch)
        served_models.write_version(home / "clothes" / "1")
    image = home / "image.png"
    Image.fromarray(served_models.noise_images(1)[0]).save(image)
    commands = [
        ["predict", home / "clothes", image],
        ["predict", reviews, "a good film"],
        ["explain", reviews, "a good film", "--out", home / "drawn"],
    ]
    words = [[str(word) for word in command] for command in commands]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [(said, {*names}) for said, names in json.loads(done.stdout)]


def packages(names):
    return {name.partition(".")[0] for name in names}


def rooms(names):
    return {name.split(".")[1] for name in names if "aet_keras." in name}


def test_predict_loads_no_web_server_and_nothing_that_trains(loaded):
    (said, of_images), (_, of_texts), _ = loaded

    assert "image.png" in said
    assert "serving" in rooms(of_images)
    assert not packages(of_texts) & (SERVES | HEAVY)
    assert not rooms(of_texts) & (TRAINS | {"evaluation", "explanations"})


def test_explain_of_a_text_loads_nothing_that_trains_either(loaded):
    said, names = loaded[-1]

    assert "good, 75.0%" in said
    assert "explanations" in rooms(names)
    assert not packages(names) & (SERVES | HEAVY)
    assert not rooms(names) & TRAINS
