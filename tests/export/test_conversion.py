"""Does a model say the same in another runtime, or is nothing kept?

In ONNX and OpenVINO: test_median.py.
"""

import builtins
import os
import sys

import keras
import numpy as np
import pytest
from keras import layers

from aet_keras._progress import listening
from aet_keras.errors import ExportError
from aet_keras.export import conversion, convert, write_image_model
from aet_keras.layers import SqueezeExcite
from aet_keras.publishing import publish

PACKAGES = {"onnx": "tf2onnx", "openvino": "openvino", "litert": "tensorflow"}
FILES = {
    "onnx": ["model.onnx"],
    "openvino": ["model.bin", "model.xml"],
    "litert": ["model.tflite"],
}
SUFFIX = {name: files[-1] for name, files in FILES.items()}


@pytest.fixture(scope="module")
def model():
    """Returns a classifier with a layer of ours, that tells digits apart."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3), name="images")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(SqueezeExcite(ratio=2)(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def needs(format):
    pytest.importorskip(
        PACKAGES[format], reason=f"the extra `{format}` is not installed"
    )


def saving(model):
    def write(aside):
        model.save(aside / "model.keras")
        (aside / "saved_model.pb").touch()

    return write


def write_no_model(aside):
    for name in ("model.keras", "saved_model.pb"):
        (aside / name).write_text("no model")


def test_litert_of_a_published_folder_says_the_same(model, tmp_path):
    folder = tmp_path / "clothes"
    publish(folder, saving(model))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 8, 8, 3))
    path, steps = tmp_path / "new" / "model.tflite", []

    with listening(lambda step: steps.append(step.what)):
        compared = convert(folder, path, format="litert", images=images)

    assert [what.split()[0] for what in steps] == ["writing", "running"]
    assert os.listdir(tmp_path / "new") == ["model.tflite"]
    assert compared.difference < 1e-5 and compared.count == 3


@pytest.fixture(scope="module")
def wide():
    """Returns a classifier with kernels large enough to be rounded."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def test_rounded_weights_are_judged_by_the_classes_they_leave(wide, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 3), "uint8")
    path = tmp_path / "model.tflite"
    asked = {"format": "litert", "weights": "int8", "images": images}

    compared = convert(wide, path, **asked, agreement=0.9)

    assert os.listdir(tmp_path) == ["model.tflite"]
    (made,) = conversion.run_litert(path, images.astype("float32"))
    expected = wide.predict(images, verbose=0)
    equal = np.mean(made.argmax(1) == expected.argmax(1))
    assert compared.agreement == equal and 0.9 < equal < 1
    assert compared.difference == pytest.approx(abs(made - expected).max())
    assert compared.size_bytes == path.stat().st_size
    assert compared.size_bytes < 0.4 * compared.float32_bytes
    assert compared.milliseconds > 0

    path.unlink()
    with pytest.raises(ExportError, match=rf"Received: {equal:.1%} of 300"):
        convert(wide, path, **asked, agreement=(equal + 1) / 2)
    assert os.listdir(tmp_path) == []


def test_a_head_of_very_different_weights_bears_to_be_rounded(tmp_path):
    keras.utils.set_random_seed(0)
    scale = 10.0 ** np.linspace(-3, 3, 128)
    inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    x = layers.Dense(128, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    below, head = model.layers[-2:]
    below.kernel.assign(below.kernel / scale)
    head.kernel.assign(head.kernel * scale[:, None])
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 3), "uint8")
    asked = {"format": "litert", "weights": "int8", "images": images}
    kernel = head.kernel.numpy()

    compared = convert(model, tmp_path / "m.tflite", **asked, agreement=0.9)

    assert compared.agreement > 0.95  # 0.31 as it is
    assert model.layers[-1] is head and (head.kernel.numpy() == kernel).all()


@pytest.fixture
def written(monkeypatch):
    """Puts an empty file in the place of what a format would write."""

    def export(self, path, **settings):
        for suffix in (".onnx", ".side"):
            with open(os.path.splitext(path)[0] + suffix, "w"):
                pass

    monkeypatch.setattr(keras.Model, "export", export)


def says(monkeypatch, answer):
    monkeypatch.setitem(conversion.RUNTIMES, "onnx", answer)


def off_by(step, model):
    return lambda path, pixels: [model(pixels).numpy() + step]


def test_a_difference_above_the_tolerance_leaves_what_was_there(
    model, tmp_path, written, monkeypatch
):
    says(monkeypatch, off_by(2e-4, model))
    (tmp_path / "model.onnx").write_text("the one before")

    with pytest.raises(ExportError, match="by 2.*e-04 on 16.*Nothing was kept"):
        convert(model, tmp_path / "model.onnx", format="onnx")

    assert os.listdir(tmp_path) == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_text() == "the one before"
    path = tmp_path / "model.onnx"
    assert convert(model, path, format="onnx", tolerance=1e-3).count == 16
    assert sorted(os.listdir(tmp_path)) == ["model.onnx", "model.side"]


@pytest.fixture
def priced(tmp_path):
    """Returns a published model of a number of images, of about 50,000."""
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, layers.Rescaling(400.0)(layers.Dense(1)(x)))

    def write(aside):
        write_image_model(model, aside, target_kind="number")
        model.save(aside / "model.keras")

    return model, publish(tmp_path / "prices", write)


def test_a_number_may_differ_by_a_share_of_the_largest(
    priced, tmp_path, written, monkeypatch
):
    model, version = priced
    says(monkeypatch, lambda path, x: [model(x).numpy() * (1 + 2e-5)])

    compared = convert(version, tmp_path / "model.onnx", format="onnx")

    assert compared.difference == pytest.approx(2e-5, rel=0.1)


def test_weights_are_not_rounded_where_there_are_no_classes(priced, tmp_path):
    images = np.zeros((200, 8, 8, 3), "uint8")
    asked = {"format": "litert", "weights": "int8", "images": images}

    with pytest.raises(ValueError, match="must put out classes"):
        convert(priced[1], tmp_path / "model.tflite", **asked)


def crash(path, pixels):
    raise RuntimeError("no kernel")


def infinite(path, pixels):
    return [np.full((16, 3), np.inf)]


def narrow(path, pixels):
    return [np.zeros((16, 2))]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (crash, "cannot be run. Received: RuntimeError: no kernel"),
        (infinite, "48 of 48 numbers that are not finite"),
        (narrow, r"shape \(16, 2\), the model \(16, 3\)"),
    ],
)
def test_what_cannot_be_run_is_not_kept(
    model, tmp_path, written, monkeypatch, answer, words
):
    says(monkeypatch, answer)

    with pytest.raises(ExportError, match=words):
        convert(model, tmp_path / "new" / "model.onnx", format="onnx")

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_a_missing_package_is_said_before_anything_is_written(
    model, tmp_path, monkeypatch, format
):
    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == PACKAGES[format]:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setitem(sys.modules, PACKAGES[format], None)
    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ImportError, match=rf"aet-keras\[{format}\]"):
        convert(model, tmp_path / SUFFIX[format], format=format)

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"path": "model.h5", "format": "onnx"}, "Call it `model.onnx`"),
        ({"path": "model.onnx", "format": "tflite"}, "must be one of"),
        (
            {
                "path": "m.onnx",
                "format": "onnx",
                "images": np.zeros((1, 4, 4, 3)),
            },
            "Resize them",
        ),
        ({"path": "m.onnx", "format": "onnx", "tolerance": 0}, "above 0"),
        (
            {"path": "m.onnx", "format": "onnx", "weights": "int8"},
            'must go with `format="litert"`',
        ),
        (
            {"path": "m.tflite", "format": "litert", "weights": "int4"},
            "must be one of",
        ),
        (
            {
                "path": "m.tflite",
                "format": "litert",
                "weights": "int8",
                "images": np.zeros((199, 8, 8, 3)),
            },
            "at least 200 images.*Received: 199",
        ),
    ],
    ids=[
        "ending",
        "format",
        "images",
        "tolerance",
        "weights of onnx",
        "weights",
        "few images",
    ],
)
def test_misuse_is_refused(model, tmp_path, settings, advice):
    needs("onnx")
    path = tmp_path / settings.pop("path")

    with pytest.raises(ValueError, match=advice):
        convert(model, path, **settings)

    assert os.listdir(tmp_path) == []


def test_a_model_that_is_damaged_is_refused(tmp_path):
    needs("onnx")
    folder = tmp_path / "clothes"
    publish(folder, write_no_model)

    with pytest.raises(ExportError, match="`model.keras` that can be read"):
        convert(folder, tmp_path / "model.onnx", format="onnx")


def test_a_version_that_is_not_as_published_is_refused(model, tmp_path):
    needs("onnx")
    folder = tmp_path / "clothes"
    publish(folder, saving(model))
    (folder / "1" / "more.txt").write_text("more")

    with pytest.raises(ExportError, match="added: `more.txt`"):
        convert(folder / "1", tmp_path / "model.onnx", format="onnx")
