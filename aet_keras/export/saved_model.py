"""Writes the SavedModel of an image classifier."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from aet_keras.export import (
    _program,
    _reference,
    _signatures,
    _warm_up,
)
from aet_keras.export._checks import check_columns, picture_shape
from aet_keras.export._description import describe
from aet_keras.export._labels import label_table
from aet_keras.publishing.manifest import write_manifest

_OWNER = "write_classifier"


def write_classifier(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    class_names: Sequence[str],
    pictures: Any = None,
) -> Path:
    """Writes a classifier of pictures as a SavedModel.

    Its signatures take any number of pictures:

    - `serving_default`: `images`, uint8 of the model's own height, width and
      channels, raw values from 0 to 255. It returns `probabilities`, float32
      `(batch, classes)`, and `classes`, strings of the same shape: the name
      of each column, repeated for each picture.
    - `bytes`: `image_bytes`, strings, each the bytes of a JPEG or PNG file of
      any size and kind, which it reads as training does. The same outputs.
    - `classify`: `inputs`, serialised `tf.train.Example`s with such bytes as
      the feature `image`. It returns `classes` and `scores`, as the classify
      call of TensorFlow Serving has them.
    - `embeddings`: `images` as above. It returns `embeddings`, float32
      `(batch, width)`: what goes into the last dense layer.

    `bytes` and `classify` are there for models of 1 or 3 channels,
    `embeddings` for models whose head is one dense layer; where one is left
    out, `manifest.json` says why. The names come from the asset `labels.txt`,
    one a line, in the order of the columns. `assets.extra` holds requests
    that TensorFlow Serving runs before it serves the version. Loading it
    needs neither Keras nor this package.

    Args:
        model: functional or Sequential `keras.Model` with one input of
            pictures and one output of probabilities; it does its own
            preprocessing of raw pixels.
        directory: str or path-like. Where to write; made if missing.
        class_names: one str a column of the output.
        pictures: optional array `(count, height, width, channels)` of real
            pictures; the first four are the requests in `assets.extra`.
            Defaults to a grey one and a gradient.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model's shapes are not those of a classifier of
            pictures of one size, a name is empty, holds a line break or
            stands twice, or the pictures are not the model's.

    Example:
    >>> import tempfile
    >>> import tensorflow as tf
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.export.write_classifier(
    ...         model, folder, class_names=["hat", "shoe"]
    ...     )
    ...     served = tf.saved_model.load(path).signatures["serving_default"]
    >>> served(images=np.zeros((1, 8, 8, 3), "uint8"))["classes"].numpy()
    array([[b'hat', b'shoe']], dtype=object)
    """
    names = [str(name) for name in class_names]
    shape = picture_shape(_OWNER, model)
    check_columns(_OWNER, model, names)
    tried = _warm_up.neutral_pictures(shape)
    if pictures is not None:
        tried = _reference.whole_pixels(_OWNER, pictures, shape=shape)
    directory = Path(directory)
    with tempfile.TemporaryDirectory() as folder:
        table = label_table(Path(folder) / "labels.txt", names)
        signatures = _signatures.build_signatures(model, table, len(names))
        kept = {"weights": signatures.variables, "table": table}
        _program.save(directory, signatures.functions, kept)
    _warm_up.write_warm_up(directory, signatures, tried)
    described = describe(
        signatures.functions, len(names), shape=shape, notes=signatures.notes
    )
    write_manifest(directory, described)
    return directory
