"""Do server, command and other runtimes answer the median of classes?"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from PIL import Image

from aet_keras import export
from aet_keras.cli import main
from aet_keras.errors import ExportError
from aet_keras.evaluation.conformal import Guarantee
from aet_keras.evaluation.ordinal import medians
from aet_keras.export import conversion
from aet_keras.export.image_model import encode_png
from aet_keras.publishing import publish

NAMES = ["bad", "fair", "good", "best"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 150),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    levels = random.integers(0, 256, (24, 1, 1, 3))
    return np.broadcast_to(levels, (24, 8, 8, 3)).astype("uint8")


@pytest.fixture(scope="module")
def version(model, images, tmp_path_factory):
    guarantee = Guarantee(0.9, 0.5, 40, "classes", is_ordered=True)

    def write(directory):
        export.write_image_model(
            model,
            directory,
            class_names=NAMES,
            is_ordered=True,
            images=images,
            guarantee=guarantee,
        )
        model.save(directory / "model.keras")

    return publish(tmp_path_factory.mktemp("ordered") / "saved", write)


def test_each_signature_answers_the_median_and_has_it_in_the_set(
    version, model, images
):
    said = model.predict(images, verbose=0)
    expected = np.array(NAMES)[medians(said)]

    served = tf.saved_model.load(str(version)).signatures
    plain = served["serving_default"](images=tf.constant(images))
    files = served["bytes"](image_bytes=tf.constant(encode_png(images)))

    assert (medians(said) != said.argmax(axis=1)).sum() > 3
    for outputs in (plain, files):
        assert outputs["median"].numpy().astype(str).tolist() == [*expected]
    is_in = plain["in_set"].numpy()
    assert is_in[np.arange(24), medians(said)].all()
    assert is_in[np.arange(24), said.argmax(axis=1)].all()
    guarantee = Guarantee(0.9, 0.5, 40, "classes", is_ordered=True)
    np.testing.assert_array_equal(is_in, guarantee.sets(said))


def test_predict_answers_what_the_server_does(version, model, images, tmp_path):
    said = model.predict(images, verbose=0)
    row = int((medians(said) != said.argmax(axis=1)).argmax())
    file = tmp_path / "a.png"
    Image.fromarray(images[row]).save(file)

    texts = [
        CliRunner().invoke(
            main, ["predict", str(version.parent), str(file), *options]
        )
        for options in ((), ("--json", "--top", "2"), ("--format", "csv"))
    ]

    median = NAMES[medians(said)[row]]
    text, line, table = (each.stdout for each in texts)
    assert f"a.png  {median}, " in text and "% (median)" in text
    answer = json.loads(line)
    assert answer["median"] == median
    likeliest = NAMES[said[row].argmax()]
    assert [c["class"] for c in answer["classes"]] == [median, likeliest]
    assert f"a.png,{median}," in table


@pytest.mark.parametrize(
    ("format", "weights"),
    [
        ("litert", "int8"),
        ("onnx", "float32"),
        ("openvino", "float32"),
    ],
)
def test_other_runtimes_give_the_rank_of_the_median(
    version, model, images, tmp_path, format, weights
):
    path = tmp_path / f"model{conversion.SUFFIXES[format]}"
    images = np.tile(images, (9, 1, 1, 1))

    compared = export.convert(
        version, path, format=format, images=images, weights=weights
    )

    beside = {path.with_suffix(".bin")} if format == "openvino" else set()
    assert {*tmp_path.iterdir()} == {path} | beside
    assert compared.count == len(images) and compared.is_telling
    outputs = conversion.RUNTIMES[format](path, images.astype("float32"))
    ranks, said = sorted(outputs, key=np.ndim)
    near = 1e-5 if weights == "float32" else 0.05
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(said, expected, atol=near)
    assert ranks.tolist() == medians(said).tolist()


def test_a_litert_file_names_its_outputs(version, images, tmp_path):
    path = tmp_path / "model.tflite"

    # It compares the ranks, too: the test below.
    export.convert(version, path, format="litert", images=images)

    with pytest.warns(UserWarning, match="deprecated"):
        interpreter = tf.lite.Interpreter(str(path))
    run = interpreter.get_signature_runner()
    assert set(run.get_output_details()) == {"probabilities", "rank_of_median"}


def test_a_rank_that_is_not_the_median_is_refused(
    version, images, tmp_path, monkeypatch
):
    def off_by_one(path, pixels):
        said, ranks = conversion.run_litert(path, pixels)
        said, ranks = (said, ranks) if said.ndim == 2 else (ranks, said)
        return [(ranks + 1) % len(NAMES), said]

    monkeypatch.setitem(conversion.RUNTIMES, "litert", off_by_one)
    path = tmp_path / "model.tflite"

    with pytest.raises(ExportError, match="another rank for 24 of 24 images"):
        export.convert(version, path, format="litert", images=images)

    assert list(tmp_path.iterdir()) == []
