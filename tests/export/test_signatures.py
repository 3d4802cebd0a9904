"""Do all signatures say what the model says, and which are left out?"""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.core.protobuf import saved_model_pb2

from aet_keras.export import answers, embeddings, image_model, write_image_model
from aet_keras.publishing.manifest import read_manifest

FREE = [None]


def example(**features):
    """Returns a serialised example of features that are bytes."""
    made = tf.train.Example()
    for name, value in features.items():
        made.features.feature[name].bytes_list.value.append(value)
    return made.SerializeToString()


def png(image):
    return tf.io.encode_png(image).numpy()


EXPECTED = {
    "serving_default": (
        {"images": ("uint8", [None, 8, 8, 3])},
        {
            "probabilities": ("float32", [None, 3]),
            "classes": ("string", [None, 3]),
        },
    ),
    "bytes": (
        {"image_bytes": ("string", FREE)},
        {
            "probabilities": ("float32", [None, 3]),
            "classes": ("string", [None, 3]),
        },
    ),
    "classify": (
        {"inputs": ("string", FREE)},
        {"classes": ("string", [None, 3]), "scores": ("float32", [None, 3])},
    ),
    "embeddings": (
        {"images": ("uint8", [None, 8, 8, 3])},
        {"embeddings": ("float32", [None, 4])},
    ),
}


def kinds(specs):
    return {k: (v.dtype.name, v.shape.as_list()) for k, v in specs.items()}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_signature_takes_and_gives(exported, name):
    signature = exported.loaded.signatures[name]

    _, inputs = signature.structured_input_signature
    given, made = kinds(inputs), kinds(signature.structured_outputs)

    assert (given, made) == EXPECTED[name]


def test_there_are_no_other_signatures(exported):
    assert set(exported.loaded.signatures) == set(EXPECTED)


# On some processors TensorFlow's oneDNN kernels give no rows the wrong width:
# "Matrix size-incompatible: In[0]: [0,3], In[1]: [4,3]". It passes without.
NO_ROWS = pytest.param(
    0,
    marks=pytest.mark.xfail(
        raises=tf.errors.InvalidArgumentError,
        strict=False,
        reason="oneDNN: no rows of the wrong width",
    ),
)


@pytest.mark.parametrize("count", [NO_ROWS, 1, 5])
def test_png_files_say_what_their_pixels_say(exported, count):
    pngs = [png(image) for image in exported.images[:count]]
    encoded = np.array(pngs, object).reshape(count)

    said = exported.call("bytes", image_bytes=encoded)

    assert said["classes"].shape == (count, 3)
    np.testing.assert_allclose(
        said["probabilities"], exported.expected[:count], atol=1e-5
    )


def test_classify_takes_examples_and_gives_names_and_scores(exported):
    examples = [example(image=png(each)) for each in exported.images]

    said = exported.call("classify", inputs=examples)

    names = [name.decode("utf-8") for name in said["classes"][4]]
    assert names == exported.names
    np.testing.assert_allclose(said["scores"], exported.expected, atol=1e-5)


def test_an_example_without_an_image_is_refused_by_name(exported):
    lacking = example(picture=png(exported.images[0]))

    with pytest.raises(tf.errors.InvalidArgumentError, match="image.*required"):
        exported.call("classify", inputs=[lacking])


def test_embeddings_are_what_goes_into_the_head(exported):
    said = exported.call("embeddings", images=exported.images)

    np.testing.assert_allclose(
        said["embeddings"], exported.embeddings, atol=1e-6
    )
    assert np.ptp(exported.embeddings, axis=0).max() > 0.01


def test_the_model_is_traced_once(classifier, monkeypatch, tmp_path):
    calls = []
    call = embeddings.call
    monkeypatch.setattr(
        embeddings, "call", lambda *a: calls.append(1) or call(*a)
    )
    answer = answers.ANSWERS["classes"]
    table, say = answer.prepare(["a", "b", "c"], (), tmp_path)

    made = image_model.build_signatures(classifier, answer, table, say)

    assert len(calls) == 1 and len(made.functions) == 4


def test_two_inks_and_a_map_for_a_head_leave_signatures_out(tmp_path):
    inputs = keras.Input((8, 8, 2))
    x = layers.Dense(3, activation="softmax")(layers.Conv2D(4, 8)(inputs))
    model = keras.Model(inputs, layers.Flatten()(x))

    path = write_image_model(model, tmp_path / "1", class_names=["a", "b", "c"])

    manifest = read_manifest(path)
    assert list(manifest.signatures) == ["serving_default"]
    said = " ".join(manifest.notes)
    assert "takes 2 channels" in said and "`embeddings` is left out" in said
    assert set(tf.saved_model.load(str(path)).signatures) == {"serving_default"}


def test_methods_are_those_that_tensorflow_serving_asks_for(exported):
    saved = saved_model_pb2.SavedModel.FromString(
        pathlib.Path(exported.path, "saved_model.pb").read_bytes()
    )

    (graph,) = saved.meta_graphs
    methods = {k: v.method_name for k, v in graph.signature_def.items()}
    del methods["__saved_model_init_op"]
    told = read_manifest(exported.path).signatures
    assert methods == {name: each["method"] for name, each in told.items()}
    assert methods.pop("classify") == "tensorflow/serving/classify"
    assert set(methods.values()) == {"tensorflow/serving/predict"}
