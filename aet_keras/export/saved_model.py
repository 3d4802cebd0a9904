"""Which SavedModel does a server need to name what a picture shows?"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from aet_keras.export import _packing


def write_classifier(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    class_names: Sequence[str],
) -> Path:
    """Writes a classifier of pictures as a SavedModel.

    Its signature `serving_default` takes `images`, uint8 of the model's own
    height, width and channels, any number of them, raw values from 0 to 255.
    It returns `probabilities`, float32 `(batch, classes)`, and `classes`,
    strings of the same shape: the name of each column, repeated for each
    picture, as the classify call of TensorFlow Serving has them. The names
    come from the asset `labels.txt`, one a line, in the order of the columns.
    Loading it needs neither Keras nor this package.

    Args:
        model: functional or Sequential `keras.Model` with one input of
            pictures and one output of probabilities; it does its own
            preprocessing of raw pixels.
        directory: str or path-like. Where to write; made if missing.
        class_names: one str a column of the output.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model's shapes are not those of a classifier of
            pictures of one size, or a name is empty, holds a line break or
            stands twice.

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
    shape = _picture_shape(model, len(names))
    _check_names(names)
    with tempfile.TemporaryDirectory() as folder:
        table = _label_table(Path(folder) / "labels.txt", names)
        archive = keras.export.ExportArchive()
        # Not the model: its variables are tracked as the endpoint's own, and
        # a tracked model is traced twice more for signatures nobody calls.
        archive.track(table)
        archive.add_endpoint(
            "serving_default",
            _serving_function(model, table, len(names)),
            [tf.TensorSpec(shape, tf.uint8, name="images")],
        )
        archive.write_out(os.fspath(directory), verbose=False)
    return Path(directory)


def _serving_function(model, table, class_count):
    def serve(images):
        pixels = tf.cast(images, model.inputs[0].dtype)
        inputs = _packing.pack(model, pixels)
        (outputs,) = keras.tree.flatten(model(inputs, training=False))
        names = table.lookup(tf.range(class_count, dtype=tf.int64))
        return {
            "probabilities": tf.cast(outputs, tf.float32),
            "classes": tf.tile(names[tf.newaxis], [tf.shape(images)[0], 1]),
        }

    return serve


def _label_table(path, names):
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    lines = tf.lookup.TextFileInitializer(
        os.fspath(path),
        key_dtype=tf.int64,
        key_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        value_dtype=tf.string,
        value_index=tf.lookup.TextFileIndex.WHOLE_LINE,
    )
    return tf.lookup.StaticHashTable(lines, default_value="")


def _picture_shape(model, class_count):
    inputs = getattr(model, "inputs", None) or []
    outputs = getattr(model, "outputs", None) or []
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            "write_classifier: the model must be functional or Sequential, "
            "with one input and one output. Received: "
            f"{type(model).__name__} with {len(inputs)} inputs and "
            f"{len(outputs)} outputs. Wrap what you serve in "
            "`keras.Model(images, probabilities)`."
        )
    shape = tuple(inputs[0].shape)
    if len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            "write_classifier: the model must take pictures of one size, "
            "because the signature states it. Received: input shape "
            f"{shape}. Build it on `keras.Input((height, width, channels))`."
        )
    if tuple(outputs[0].shape[1:]) != (class_count,):
        raise ValueError(
            "write_classifier: `class_names` must name each column of the "
            f"output. Received: {class_count} names for output shape "
            f"{tuple(outputs[0].shape)}."
        )
    return (None, *shape[1:])


def _check_names(names):
    for name in names:
        if name.splitlines() != [name] or not _is_utf8(name):
            raise ValueError(
                "write_classifier: a class name must be one line of text, "
                "because `labels.txt` holds one a line. Received: "
                f"class_names with {name!r}. Rename the class."
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            "write_classifier: class names must differ, because a client "
            f"knows a class by its name. Received twice: {twice[:3]}."
        )


def _is_utf8(name):
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # a folder's name in bytes that are no text
        return False
    return True
