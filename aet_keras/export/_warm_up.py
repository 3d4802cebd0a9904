"""Writes the requests that a server tries before it serves a version.

TensorFlow Serving runs each record of this file when it loads a version, so
that no client waits for what is set up on a first call. A record that fails
keeps the version from being served; more than 1000 do, too.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras._optional import optional
from aet_keras.export import _signatures as names
from aet_keras.export._reference import encode_png

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MOST = 4


def write_warm_up(
    directory: Path, signatures: names.Signatures, pictures: np.ndarray
) -> None:
    """Writes two requests for each signature: one picture, and several."""
    names = signatures.functions
    write(directory, (r for n in names for r in _requests(n, pictures[:MOST])))


def write(directory: Path, requests: Iterable[Any]) -> None:
    """Writes requests to the file of a version."""
    target = directory / FILE
    target.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(target)) as writer:
        for request in requests:
            writer.write(request.SerializeToString())


def neutral_pictures(shape: tuple[int, int, int]) -> np.ndarray:
    """Returns a grey picture and a gradient, for want of real ones."""
    height, width, channels = shape
    grey = np.full(shape, 128, "uint8")
    row = np.linspace(0, 255, width).astype("uint8")
    gradient = np.tile(row[None, :, None], (height, 1, channels))
    return np.stack([grey, gradient])


def _requests(name: str, pictures: np.ndarray) -> Iterator[Any]:
    if name in (names.DEFAULT, names.EMBEDDINGS):
        for batch in (pictures[:1], pictures):
            yield predict_log(name, "images", batch)
        return
    # The one alone is a JPEG, the several are PNGs: both decoders are met.
    for encoded in (
        [tf.io.encode_jpeg(pictures[0]).numpy()],
        encode_png(pictures),
    ):
        if name == names.BYTES:
            yield predict_log(name, "image_bytes", np.array(encoded, object))
        else:
            yield classify_log(name, encoded)


def predict_log(name: str, key: str, values: Any) -> Any:
    """Returns the record of a request for a signature of one input."""
    prediction_log_pb2 = optional(
        "tensorflow_serving.apis.prediction_log_pb2", extra="training"
    )

    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = name
    request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
    return log


def classify_log(
    name: str, encoded: Iterable[bytes], feature: str = "image"
) -> Any:
    """Returns the record of a classify request, an example a row."""
    prediction_log_pb2 = optional(
        "tensorflow_serving.apis.prediction_log_pb2", extra="training"
    )

    log = prediction_log_pb2.PredictionLog()
    request = log.classify_log.request
    request.model_spec.signature_name = name
    for content in encoded:
        example = request.input.example_list.examples.add()
        example.features.feature[feature].bytes_list.value.append(content)
    return log
