"""Does what needs no extra work without one, and the rest say which?"""

import email.message
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys

import pytest

from aet_keras._optional import needing, optional

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXTRAS = {
    "cli": {"click"},
    "serving": {"h11", "starlette", "uvicorn"},
    "text": {"keras_hub", "tensorflow_text"},
    "tracking": {"wandb"},
    "training": {
        "PIL",
        "importlib_resources",
        "matplotlib",
        "pandas",
        "pyarrow",
        "sklearn",
        "tensorflow_datasets",
        "tensorflow_serving",
    },
    "tuning": {"keras_tuner"},
}
# As if none of them were installed.
BLOCK = f"""
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set().union(*EXTRAS.values())}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nowhere())
"""
FITS = """
import json
import keras
import lean_tensorflow
import numpy as np
import aet_keras
from aet_keras import backbones, callbacks, engine, layers, policies

lean_tensorflow.trace_faster()
lean_tensorflow.tune_pipelines(False)
lean_tensorflow.optimize_graphs(False)
whole = backbones.load_backbone(image_size=(32, 32))
below = backbones.group_layers(whole)[1].layers[-1]  # traced fast
backbone = keras.Model(whole.input, below.output)
groups = backbones.group_layers(backbone)
backbone = backbones.graft(
    backbone, layers.SqueezeExcite, after=[groups[-1]]
)
model = keras.Sequential([
    keras.Input((32, 32, 3)),
    backbone,
    keras.layers.GlobalAveragePooling2D(),
    keras.layers.Dense(2, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
x = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype("float32")
y = np.arange(8) % 2
freezing = callbacks.ElasticFreezing(policies.ThawOnStall())
history = model.fit(
    x,
    y,
    batch_size=4,
    epochs=4,
    verbose=0,
    validation_data=(x, y),
    callbacks=[freezing, callbacks.AdaptiveLearningRate()],
)
print(json.dumps(history.history))
"""
ASKS = """
import json
import os
import pathlib
import sys
import keras
import numpy as np
import aet_keras

home = pathlib.Path(sys.argv[1])
(home / "rows.csv").write_text("a,b\\n1,2\\n")
model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(),
                          keras.layers.Dense(2, activation="softmax")])
pixels, even = np.zeros((8, 8, 3), "uint8"), np.ones((8, 8))
calls = {
    "read_digits": lambda: aet_keras.data.read_digits(),
    "read_csv": lambda: aet_keras.data.read_csv("me", home / "rows.csv"),
    "save_overlay": lambda: aet_keras.explanations.save_overlay(
        home / "map.png", pixels, even, title="t", label="l"
    ),
    "write_image_model": lambda: aet_keras.export.write_image_model(
        model, home / "1", class_names=["a", "b"]
    ),
    "serve": lambda: aet_keras.serving.serve,
    "build_app": lambda: aet_keras.serving.build_app,
    "search": lambda: aet_keras.tuning.search,
    "load_text_encoder": lambda: aet_keras.backbones.load_text_encoder("bert"),
    "WeightsAndBiases": lambda: aet_keras.tracking.WeightsAndBiases("clothes"),
}
said = {}
for name, call in calls.items():
    try:
        call()
    except ImportError as error:
        said[name] = str(error)
print(json.dumps(said))
"""
SENTENCES = {
    "WeightsAndBiases": ("wandb", "tracking"),
    "build_app": ("starlette", "serving"),
    "load_text_encoder": ("keras_hub", "text"),
    "read_csv": ("pandas", "training"),
    "read_digits": ("sklearn", "training"),
    "save_overlay": ("matplotlib", "training"),
    "search": ("keras_tuner", "tuning"),
    "serve": ("uvicorn", "serving"),
    "write_image_model": ("tensorflow_serving", "training"),
}


@pytest.fixture(scope="module")
def without_extras(tmp_path_factory):
    """Returns the history of a run, and what calls say that need an extra."""
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(
        [sys.executable, "-c", BLOCK + FITS + ASKS, str(home)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()[-2:]]


def test_callbacks_policies_layers_and_backbones_need_no_extra(without_extras):
    history, _ = without_extras

    assert len(history["loss"]) == 4
    assert {"elastic_freezing", "adaptive_learning_rate"} <= {
        key.partition("/")[0] for key in history
    }


@pytest.mark.parametrize("call", SENTENCES)
def test_what_needs_an_extra_says_which(call, without_extras):
    (package, extra), (_, said) = SENTENCES[call], without_extras

    assert f"the package `{package}` must be installed" in said[call]
    assert f"[{extra}]" in said[call]


def test_the_command_says_what_installs_it():
    program = "import aet_keras_command\naet_keras_command.main()"

    done = subprocess.run(
        [sys.executable, "-c", BLOCK + program], capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stderr.startswith("aet-keras: ")
    assert "the package `click` must be installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_import_that_fails_in_our_own_code_stays_as_it_is():
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        with needing("cli"):
            exec("from aet_keras.errors import nothing")


def test_a_package_that_is_there_is_had():
    assert optional("json", extra="tracking") is json


def test_a_missing_package_is_named_with_what_installs_it():
    with pytest.raises(ImportError, match="`nowhere` must be installed"):
        optional("nowhere.inside", extra="tracking")


@pytest.mark.parametrize(
    ("provided", "command"),
    [
        ("tracking", r'`pip install "aet-keras\[tracking]"`'),
        ("text", r'`pip install "\.\[tracking]"` in the folder'),
        (None, r'`pip install "\.\[tracking]"` in the folder'),
    ],
    ids=["has the extra", "has others", "not installed"],
)
def test_the_command_is_one_that_works_here(provided, command, monkeypatch):
    def metadata(name):
        if provided is None:
            raise importlib.metadata.PackageNotFoundError(name)
        about = email.message.Message()
        about["Provides-Extra"] = provided
        return about

    monkeypatch.setattr(importlib.metadata, "metadata", metadata)

    with pytest.raises(ImportError, match=command):
        optional("nowhere", extra="tracking")
