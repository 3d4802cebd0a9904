"""Builds the signatures of a SavedModel of an image classifier.

The model is traced once; each signature calls that one trace.
"""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from aet_keras.export._embeddings import say
from aet_keras.export._labels import repeated_names
from aet_keras.export._pictures import CHANNELS, decode_pictures

DEFAULT, BYTES = "serving_default", "bytes"
CLASSIFY, EMBEDDINGS = "classify", "embeddings"
METHODS = {CLASSIFY: "tensorflow/serving/classify"}  # the others: predict
PREDICT = "tensorflow/serving/predict"

NO_EMBEDDINGS = (
    "`embeddings` is left out, because the model's head is not one dense "
    "layer on one row a picture."
)
NO_BYTES = (
    "`bytes` and `classify` are left out, because an encoded picture is read "
    "as grey or RGB and the model takes {} channels."
)


@dataclasses.dataclass(frozen=True)
class Signatures:
    """What is served of a model.

    Args:
        functions: dict of concrete functions by the name of the signature.
        notes: tuple of str. Why a signature is not there.
        variables: tuple of `tf.Variable` that they read.
    """

    functions: dict[str, Any]
    notes: tuple[str, ...]
    variables: tuple[Any, ...]


def build_signatures(
    model: keras.Model, table: Any, class_count: int
) -> Signatures:
    """Traces what a classifier of pictures is served by.

    Args:
        model: classifier of pictures of one size.
        table: lookup table from columns to class names.
        class_count: int. How many columns there are.
    """
    shape = tuple(model.inputs[0].shape[1:])
    pixels = tf.TensorSpec((None, *shape), tf.uint8, name="images")
    run = _trace(_forward(model, table, class_count), pixels)
    has_embeddings = EMBEDDINGS in run.structured_outputs
    functions = {DEFAULT: _trace(_named(run), pixels)}
    notes: list[str] = []
    if shape[-1] in CHANNELS:
        functions |= _encoded(run, shape)
    else:
        notes.append(NO_BYTES.format(shape[-1]))
    if has_embeddings:
        functions[EMBEDDINGS] = _trace(_embedded(run), pixels)
    else:
        notes.append(NO_EMBEDDINGS)
    return Signatures(functions, tuple(notes), tuple(run.variables))


def _trace(function, spec):
    traced = tf.function(function, autograph=False)
    return traced.get_concrete_function(spec)


def _forward(model, table, class_count):
    def run(images):
        said = say(model, tf.cast(images, model.inputs[0].dtype))
        outputs = {
            "probabilities": tf.cast(said.probabilities, tf.float32),
            "classes": repeated_names(table, class_count, tf.shape(images)[0]),
        }
        if said.embeddings is not None:
            outputs[EMBEDDINGS] = tf.cast(said.embeddings, tf.float32)
        return outputs

    return run


def _named(run):
    def serve(images):
        return _answer(run(images))

    return serve


def _embedded(run):
    def embed(images):
        return {EMBEDDINGS: run(images)[EMBEDDINGS]}

    return embed


def _encoded(run, shape):
    """Returns the signatures that take pictures as the bytes of files."""

    def strings(name):
        return tf.TensorSpec((None,), tf.string, name=name)

    def serve(image_bytes):
        return _answer(run(decode_pictures(image_bytes, shape)))

    served = _trace(serve, strings("image_bytes"))

    def classify(inputs):
        feature = {"image": tf.io.FixedLenFeature([], tf.string)}
        parsed = tf.io.parse_example(inputs, feature)
        outputs = served(parsed["image"])
        return {
            "classes": outputs["classes"],
            "scores": outputs["probabilities"],
        }

    return {BYTES: served, CLASSIFY: _trace(classify, strings("inputs"))}


def _answer(outputs):
    return {key: outputs[key] for key in ("probabilities", "classes")}
