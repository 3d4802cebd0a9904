"""Writes the SavedModel of a text classifier."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras.export import _program, _warm_up
from aet_keras.export._checks import check_columns
from aet_keras.export._description import describe
from aet_keras.export._embeddings import say
from aet_keras.export._labels import label_table, repeated_names
from aet_keras.export._signatures import (
    CLASSIFY,
    DEFAULT,
    EMBEDDINGS,
    NO_EMBEDDINGS,
)
from aet_keras.publishing.manifest import write_manifest

_OWNER = "write_text_classifier"
_INPUTS = {"padding_mask", "token_ids"}
_TRIED = ("A text.", "Another text, which is a little longer.")


def write_text_classifier(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    class_names: Sequence[str],
    packing: Any,
    texts: Sequence[str] = _TRIED,
) -> Path:
    """Writes a classifier of texts as a SavedModel, its tokeniser inside.

    Its signatures take any number of texts; what is longer than the model
    reads is cut off, and bytes that are no UTF-8 are replaced:

    - `serving_default`: `texts`, strings `(batch,)`. It returns
      `probabilities`, float32 `(batch, classes)`, and `classes`, strings of
      the same shape: the name of each column, repeated for each text.
    - `classify`: `inputs`, serialised `tf.train.Example`s with the feature
      `text`. It returns `classes` and `scores`, as the classify call of
      TensorFlow Serving has them.
    - `embeddings`: `texts`. It returns `embeddings`, float32
      `(batch, width)`: what goes into the last dense layer. Left out, with a
      note in `manifest.json`, where the head is not one dense layer.

    A server needs the operations of TensorFlow Text, which TensorFlow Serving
    has; in Python `import tensorflow_text` before it is loaded.

    Args:
        model: `keras.Model` from a dict of `token_ids` and `padding_mask` to
            probabilities, as `aet_keras.tasks.build_text_classifier` builds.
        directory: str or path-like. Where to write; made if missing.
        class_names: one str a column of the output.
        packing: `aet_keras.backbones.TextPacking` that the model was trained
            with: its `graph_pack` goes into the SavedModel.
        texts: sequence of str. The first four are the requests in
            `assets.extra`, which a server tries before it serves the version.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model takes other inputs, or a name is empty, holds
            a line break or stands twice.

    Example: see `examples/10_adapt_texts.py`.

    >>> pixels = keras.Input((8,))
    >>> model = keras.Model(pixels, keras.layers.Dense(2)(pixels))
    >>> try:
    ...     aet_keras.export.write_text_classifier(
    ...         model, "x", class_names=["bad", "good"], packing=None
    ...     )
    ... except ValueError as error:
    ...     "`token_ids` and `padding_mask`" in str(error)
    True
    """
    names = [str(name) for name in class_names]
    _check_inputs(model)
    check_columns(_OWNER, model, names)
    directory = Path(directory)
    with tempfile.TemporaryDirectory() as folder:
        table = label_table(Path(folder) / "labels.txt", names)
        functions, variables = _functions(model, packing, table, len(names))
        kept = {
            "weights": variables,
            "table": table,
            "tokenizer": packing.preprocessor.tokenizer,
        }
        _program.save(directory, functions, kept)
    tried = [text.encode() for text in texts[: _warm_up.MOST]]
    _warm_up.write(directory, _requests(functions, tried))
    notes = () if EMBEDDINGS in functions else (NO_EMBEDDINGS,)
    write_manifest(directory, describe(functions, len(names), notes=notes))
    return directory


def _check_inputs(model):
    given = getattr(model, "input", None)
    names = set(given) if isinstance(given, dict) else None
    if names == _INPUTS:
        return
    raise ValueError(
        f"{_OWNER}: the model must take a dict of `token_ids` and "
        "`padding_mask`, because these are made of a text. Received: "
        f"{sorted(names) if names else type(given).__name__}. Build it with "
        "`aet_keras.tasks.build_text_classifier`."
    )


def _functions(model, packing, table, class_count):
    """Traces the model once; each signature calls that one trace."""
    strings = tf.TensorSpec((None,), tf.string, name="texts")

    def run(texts):
        whole = tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace"
        )
        said = say(model, packing.graph_pack(whole))
        row_count = tf.shape(texts)[0]
        outputs = {
            "probabilities": tf.cast(said.probabilities, tf.float32),
            "classes": repeated_names(table, class_count, row_count),
        }
        if said.embeddings is not None:
            outputs[EMBEDDINGS] = tf.cast(said.embeddings, tf.float32)
        return outputs

    run = _trace(run, strings)

    def serve(texts):
        outputs = run(texts)
        return {name: outputs[name] for name in ("probabilities", "classes")}

    def classify(inputs):
        feature = {"text": tf.io.FixedLenFeature([], tf.string)}
        outputs = run(tf.io.parse_example(inputs, feature)["text"])
        return {
            "classes": outputs["classes"],
            "scores": outputs["probabilities"],
        }

    def embed(texts):
        return {EMBEDDINGS: run(texts)[EMBEDDINGS]}

    examples = tf.TensorSpec((None,), tf.string, name="inputs")
    functions = {
        DEFAULT: _trace(serve, strings),
        CLASSIFY: _trace(classify, examples),
    }
    if EMBEDDINGS in run.structured_outputs:
        functions[EMBEDDINGS] = _trace(embed, strings)
    return functions, run.variables


def _trace(function, spec):
    traced = tf.function(function, autograph=False)
    return traced.get_concrete_function(spec)


def _requests(functions, texts) -> Iterator[Any]:
    for name in functions:
        for batch in (texts[:1], texts):
            if name == CLASSIFY:
                yield _warm_up.classify_log(name, batch, "text")
            else:
                values = np.array(batch, object)
                yield _warm_up.predict_log(name, "texts", values)
