"""Writes the SavedModel of an image classifier.

The model is traced once; each signature calls that one trace.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras._renamed import renamed_arguments
from aet_keras.data.dataset import CellFormat
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export import embeddings
from aet_keras.export import saved_model as written
from aet_keras.export.answers import Answer, answer_of
from aet_keras.export.image_decoding import CHANNELS, decode_images
from aet_keras.export.saved_model import (
    BYTES,
    DEFAULT,
    EMBEDDINGS,
    NO_EMBEDDINGS,
    Served,
    strings,
    trace,
)
from aet_keras.export.table_manifest import said_of_number

NO_BYTES = (
    "`bytes` and `classify` are left out, because an encoded image is read "
    "as grey or RGB and the model takes {} channels."
)
_OWNER = "write_image_model"


@renamed_arguments(pictures="images")
def write_image_model(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    class_names: Sequence[str] = (),
    target_kind: str = "classes",
    thresholds: Sequence[float] = (),
    is_ordered: bool = False,
    target_format: CellFormat | None = None,
    images: Any = None,
    guarantee: Guarantee | None = None,
) -> Path:
    """Writes a classifier of images as a SavedModel.

    Its signatures take any number of images:

    - `serving_default`: `images`, uint8 of the model's own height, width and
      channels, raw values from 0 to 255. It returns `probabilities`, float32
      `(batch, classes)`, and `classes`, strings of the same shape: the name
      of each column, repeated for each image.
    - `bytes`: `image_bytes`, strings, each the bytes of a JPEG or PNG file of
      any size and kind, which it reads as training does. The same outputs.
    - `classify`: `inputs`, serialised `tf.train.Example`s with such bytes as
      the feature `image`. It returns `classes` and `scores`, as the classify
      call of TensorFlow Serving has them.
    - Of tags, `serving_default` and `bytes` return `tags`, too: the name
      where the probability reaches the tag's threshold, else empty; of
      classes with an order `median`, strings `(batch,)`: the median class. Of a
      number they return `values`, float32 `(batch,)`, in its own unit, and
      `regress` stands in the place of `classify`.
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
            images and one output of probabilities; it does its own
            preprocessing of raw pixels.
        directory: str or path-like. Where to write; made if missing.
        class_names: one str a column of the output; none of a number.
        target_kind: `"classes"`, `"tags"` or `"number"`. What is put out.
        thresholds: floats, one a tag, from which probability on a row has it.
            Defaults to 0.5 each.
        is_ordered: bool. Whether the classes are named from the lowest to the
            highest: answers then have their `median`. Defaults to `False`.
        target_format: optional `CellFormat`, how the data write a number, for
            the manifest.
        images: optional array `(count, height, width, channels)` of real
            images; the first four are the requests in `assets.extra`.
            Defaults to a grey one and a gradient.
        guarantee: optional `Guarantee` of `evaluation.conformal`. Answers
            then have the sets or intervals that hold it.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model's shapes are not those of a classifier of
            images of one size, a name is empty, holds a line break or
            occurs twice, or the images are not the model's.

    Example:

    >>> import tempfile
    >>> import tensorflow as tf
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.export.write_image_model(
    ...         model, folder, class_names=["hat", "shoe"]
    ...     )
    ...     served = tf.saved_model.load(path).signatures["serving_default"]
    >>> served(images=np.zeros((1, 8, 8, 3), "uint8"))["classes"].numpy()
    array([[b'hat', b'shoe']], dtype=object)
    """
    names = [str(name) for name in class_names]
    shape = image_shape(_OWNER, model)
    answer = answer_of(target_kind, is_ordered=is_ordered)
    answer.check(_OWNER, model, names)
    tried = neutral_images(shape)
    if images is not None:
        tried = whole_pixels(_OWNER, images, shape=shape)
    tried = tried[: written.MOST_REQUESTS]

    def build(folder):
        table, say = answer.prepare(names, thresholds, folder)
        return build_signatures(model, answer, table, say)

    return written.write_saved_model(
        directory,
        build,
        lambda functions: _requests(functions, tried),
        kind="image",
        class_count=len(names),
        described=said_of_number(target_kind, target_format),
        shape=shape,
        guarantee=guarantee,
    )


def build_signatures(
    model: keras.Model, answer: Answer, table: Any, say: Callable
) -> Served:
    """Traces the signatures of a model of images.

    Args:
        model: of images of one size.
        answer: `Answer` of its kind of target.
        table: what `answer.prepare` returned: what is kept,
        say: and what names the outputs.
    """
    shape = tuple(model.inputs[0].shape[1:])
    pixels = tf.TensorSpec((None, *shape), tf.uint8, name="images")
    run = trace(_forward(model, say), pixels)
    functions = {
        DEFAULT: trace(lambda images: written.answer(run(images)), pixels)
    }
    notes = []
    if shape[-1] in CHANNELS:
        functions |= _encoded(run, shape, answer)
    else:
        notes.append(NO_BYTES.format(shape[-1]))
    if EMBEDDINGS in run.structured_outputs:
        functions[EMBEDDINGS] = trace(
            lambda images: {EMBEDDINGS: run(images)[EMBEDDINGS]}, pixels
        )
    else:
        notes.append(NO_EMBEDDINGS)
    kept = {"weights": run.variables, "table": table}
    return Served(functions, kept, tuple(notes))


def image_shape(owner: str, model: keras.Model) -> tuple[int, int, int]:
    """Returns the height, width and channels that a classifier takes."""
    inputs = getattr(model, "inputs", None) or []
    outputs = getattr(model, "outputs", None) or []
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"{owner}: the model must be functional or Sequential, "
            "with one input and one output. Received: "
            f"{type(model).__name__} with {len(inputs)} inputs and "
            f"{len(outputs)} outputs. Wrap what you serve in "
            "`keras.Model(images, probabilities)`."
        )
    shape = tuple(inputs[0].shape)
    if len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            f"{owner}: the model must take images of one size, "
            "because the signature states it. Received: input shape "
            f"{shape}. Build it on `keras.Input((height, width, channels))`."
        )
    return shape[1:]


def whole_pixels(owner: str, images: Any, **named: Any) -> np.ndarray:
    """Returns images as uint8 `(count, height, width, channels)`.

    Args:
        owner: str. Who asks.
        images: array of images; floats are rounded.
        **named: optional `shape`, that of one image, to hold them to.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"{owner}: images must come as an array (count, height, width, "
            f"channels), because a server takes batches. Received: shape "
            f"{images.shape}. Add the axis: `images[np.newaxis]`."
        )
    shape = named.get("shape", images.shape[1:])
    if images.shape[1:] != tuple(shape):
        raise ValueError(
            f"{owner}: images must be of the model's own size. Received: "
            f"{images.shape[1:]} for a model of {tuple(shape)}. Resize them."
        )
    return np.clip(np.rint(images), 0, 255).astype("uint8")


def encode_png(images: np.ndarray) -> list[bytes]:
    """Returns each image as the bytes of a PNG file, of the same pixels."""
    return [tf.io.encode_png(image).numpy() for image in images]


def neutral_images(shape: tuple[int, int, int]) -> np.ndarray:
    """Returns a grey image and a gradient, for want of real ones."""
    height, width, channels = shape
    grey = np.full(shape, 128, "uint8")
    row = np.linspace(0, 255, width).astype("uint8")
    gradient = np.tile(row[None, :, None], (height, 1, channels))
    return np.stack([grey, gradient])


def _forward(model, say):
    def run(images):
        pixels = tf.cast(images, model.inputs[0].dtype)
        return embeddings.call(model, pixels).named(say)

    return run


def _encoded(run, shape, answer):
    """Returns the signatures that take images as the bytes of files."""

    def serve(image_bytes):
        return written.answer(run(decode_images(image_bytes, shape)))

    served = trace(serve, strings("image_bytes"))

    examples = written.trace_examples(served, "image", answer.as_examples)
    return {BYTES: served, answer.of_examples: examples}


def _requests(
    functions: Mapping[str, Any], images: np.ndarray
) -> Iterator[Any]:
    """Yields two requests for each signature: one image, and several."""
    for name in functions:
        if name in (DEFAULT, EMBEDDINGS):
            for batch in (images[:1], images):
                yield written.predict_log(name, {"images": batch})
            continue
        # The one alone is a JPEG, the several are PNGs: both decoders are met.
        jpeg = [tf.io.encode_jpeg(images[0]).numpy()]
        for files in (jpeg, encode_png(images)):
            if name == BYTES:
                values = np.array(files, object)
                yield written.predict_log(name, {"image_bytes": values})
            else:
                rows = [{"image": content} for content in files]
                yield written.classify_log(name, rows)
