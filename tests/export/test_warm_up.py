"""Would TensorFlow Serving's requests before serving go through?"""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    predict_pb2,
    prediction_log_pb2,
)

from aet_keras.export import image_model


@pytest.fixture(scope="module")
def records(exported):
    """Returns what the file holds, read as TensorFlow Serving reads it."""
    file = exported.path / "assets.extra" / "tf_serving_warmup_requests"
    return [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(file))
    ]


def requests(records):
    for record in records:
        kind = record.WhichOneof("log_type")
        yield kind, getattr(record, kind).request


def test_each_signature_gets_one_image_and_several(records):
    counts = {}
    for kind, request in requests(records):
        if kind == "classify_log":
            count = len(request.input.example_list.examples)
        else:
            (value,) = request.inputs.values()
            count = value.tensor_shape.dim[0].size
        counts.setdefault(request.model_spec.signature_name, []).append(count)

    assert counts == dict.fromkeys(
        ("serving_default", "bytes", "classify", "embeddings"), [1, 4]
    )


def test_every_record_runs_through_the_signature_it_names(records, exported):
    for kind, request in requests(records):
        name = request.model_spec.signature_name
        if kind == "classify_log":
            examples = request.input.example_list.examples
            inputs = [each.SerializeToString() for each in examples]
            said = exported.call(name, inputs=inputs)["scores"]
        else:
            ((key, value),) = request.inputs.items()
            outputs = exported.call(name, **{key: tf.make_ndarray(value)})
            said = outputs.get("probabilities", outputs.get("embeddings"))

        assert np.isfinite(said).all() and len(said) in (1, 4)


def test_pixels_are_those_of_the_images_given(records, exported):
    sent = [
        tf.make_ndarray(request.inputs["images"])
        for kind, request in requests(records)
        if request.model_spec.signature_name == "serving_default"
    ]

    np.testing.assert_array_equal(sent[0], exported.images[:1])
    np.testing.assert_array_equal(sent[1], exported.images[:4])


def test_both_decoders_are_met(records):
    starts = {
        bytes(value)[:3]
        for kind, request in requests(records)
        if request.model_spec.signature_name == "bytes"
        for value in request.inputs["image_bytes"].string_val
    }

    assert starts == {b"\xff\xd8\xff", b"\x89PN"}


def test_the_messages_survive_the_wire(records):
    for kind, request in requests(records):
        message = {
            "classify_log": classification_pb2.ClassificationRequest,
            "predict_log": predict_pb2.PredictRequest,
        }[kind]

        again = message.FromString(request.SerializeToString())

        assert isinstance(request, message) and again == request


@pytest.mark.parametrize("shape", [(8, 8, 3), (4, 6, 1), (5, 5, 2)])
def test_neutral_images_are_of_the_models_shape_and_differ(shape):
    images = image_model.neutral_images(shape)

    assert images.shape == (2, *shape) and images.dtype == "uint8"
    assert images[0].std() == 0 < images[1].std()
