"""Does the SavedModel of a classifier of texts say what the model says?"""

import json
import os

import numpy as np
import pytest
import tensorflow as tf
import text_data
import warm_processes

from aet_keras import backbones, tasks
from aet_keras.errors import ExportError
from aet_keras.export import compare_text_export, write_text_model
from aet_keras.publishing.manifest import read_manifest

NAMES = ["bad", "good"]
LOADS = """
import sys
import aet_keras.errors, aet_keras.serving
assert "tensorflow_text" not in sys.modules
sys.modules["tensorflow_text"] = None
try:
    aet_keras.serving.load_version(sys.argv[1])
except aet_keras.errors.ExportError as error:
    print(error)
del sys.modules["tensorflow_text"]
version = aet_keras.serving.load_version(sys.argv[1])
version.warm_up()
import numpy as np
rows = {"texts": np.array(["The film was good", ""], object)}
print(version.call("serving_default", rows)["probabilities"].tolist())
"""


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return text_data.save_preset(tmp_path_factory.mktemp("preset"), layers=1)


@pytest.fixture(scope="module")
def packing(preset):
    return backbones.load_text_packing(preset, sequence_length=text_data.LENGTH)


@pytest.fixture(scope="module")
def model(preset):
    """Returns a classifier that says something else of each text."""
    made = tasks.build_text_classifier(
        backbones.load_text_encoder(preset),
        class_count=2,
        sequence_length=text_data.LENGTH,
    )
    random = np.random.default_rng(0)
    head = made.get_layer("probabilities")
    head.set_weights([random.normal(size=w.shape) for w in head.get_weights()])
    return made


@pytest.fixture(scope="module")
def version(model, packing, tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "1"
    texts, _ = text_data.texts(4)
    return write_text_model(
        model, path, class_names=NAMES, packing=packing, texts=texts
    )


@pytest.fixture(scope="module")
def served(version):
    return tf.saved_model.load(version)


def ask(served, texts, name="serving_default"):
    outputs = served.signatures[name](texts=tf.constant(texts, tf.string))
    return {key: value.numpy() for key, value in outputs.items()}


def test_the_export_agrees_with_the_model(version, model, packing):
    texts, _ = text_data.texts(20)

    found = compare_text_export(version, model, texts, packing=packing)

    assert found.difference < 1e-6 and found.is_telling
    assert found.to_text().endswith("on 20 texts.")


def test_the_tokeniser_inside_is_that_of_the_preset(served, model):
    # [CLS] the film was good [SEP], as the lines of WORDS are numbered
    tokens = np.array([[2, 6, 7, 8, 9, 3] + 6 * [0]], "int32")
    mask = (tokens > 0).astype("int32")

    outputs = ask(served, ["The  FILM was good"])

    expected = model({"token_ids": tokens, "padding_mask": mask})
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    assert outputs["classes"].tolist() == [[b"bad", b"good"]]


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        (b"", b"   "),
        (b"good " * 200_000, b"good " * text_data.LENGTH),
        (b"good \xff\xfe film", "good \ufffd\ufffd film".encode()),
    ],
    ids=["empty", "1 MB", "no UTF-8"],
)
def test_odd_texts_get_an_answer(served, text, same_as):
    outputs = ask(served, [text, same_as])["probabilities"]

    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-6)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)


def test_classify_and_embeddings_are_of_the_same_texts(served, model):
    text = "the film was great fun"
    feature = tf.train.Feature(
        bytes_list=tf.train.BytesList(value=[text.encode()])
    )
    features = tf.train.Features(feature={"text": feature})
    example = tf.train.Example(features=features).SerializeToString()

    scores = served.signatures["classify"](inputs=tf.constant([example]))
    rows = ask(served, [text], "embeddings")["embeddings"]

    said = ask(served, [text])["probabilities"]
    np.testing.assert_allclose(scores["scores"], said, atol=1e-6)
    kernel, bias = model.get_layer("probabilities").get_weights()
    raw = np.exp(rows @ kernel + bias)
    np.testing.assert_allclose(raw / raw.sum(), said, atol=1e-5)


def test_the_manifest_says_what_goes_in(version):
    manifest = read_manifest(version)

    taken = manifest.signatures["serving_default"]["inputs"]
    assert taken == {"texts": {"dtype": "string", "shape": [None]}}
    assert manifest.class_count == 2 and manifest.image_shape is None
    assert (version / "assets.extra/tf_serving_warmup_requests").stat().st_size


def test_a_server_loads_tensorflow_text_or_says_that_it_must(
    version, served, tmp_path
):
    script, log = tmp_path / "loads.py", tmp_path / "log"
    script.write_text(LOADS)

    code = warm_processes.run(
        script, version, env=dict(os.environ), cwd=tmp_path, log=log
    )

    assert code == 0, log.read_text()
    refusal, answer = log.read_text().strip().splitlines()
    assert refusal.endswith('`pip install "aet-keras[text]"` installs it.')
    expected = ask(served, ["The film was good", ""])["probabilities"]
    np.testing.assert_allclose(json.loads(answer), expected, atol=1e-6)


def test_another_model_does_not_pass_for_the_export(version, model, packing):
    head = model.get_layer("probabilities")
    kernel, bias = head.get_weights()
    head.set_weights([kernel, bias + [1, 0]])
    try:
        with pytest.raises(ExportError, match="most on text .* Do not serve"):
            compare_text_export(
                version, model, text_data.texts(4)[0], packing=packing
            )
    finally:
        head.set_weights([kernel, bias])
