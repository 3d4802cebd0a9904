"""Writes the SavedModel of a text classifier."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras.data.dataset import CellFormat
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export import embeddings
from aet_keras.export import saved_model as written
from aet_keras.export.answers import answer_of
from aet_keras.export.saved_model import (
    DEFAULT,
    EMBEDDINGS,
    NO_EMBEDDINGS,
    Served,
    strings,
    trace,
)
from aet_keras.export.table_manifest import said_of_number

_OWNER = "write_text_model"
_INPUTS = {"padding_mask", "token_ids"}
_TRIED = ("A text.", "Another text, which is a little longer.")


def write_text_model(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    class_names: Sequence[str] = (),
    target_kind: str = "classes",
    thresholds: Sequence[float] = (),
    is_ordered: bool = False,
    target_format: CellFormat | None = None,
    packing: Any,
    texts: Sequence[str] = _TRIED,
    guarantee: Guarantee | None = None,
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
    - Of tags, `serving_default` returns `tags`, too: the name where the
      probability reaches the tag's threshold, else empty; of classes with
      an order `median`, strings `(batch,)`: the median class. Of a number it
      returns `values`, float32 `(batch,)`, in its own unit, and `regress`
      stands in the place of `classify`.
    - `embeddings`: `texts`. It returns `embeddings`, float32
      `(batch, width)`: what goes into the last dense layer. Left out, with a
      note in `manifest.json`, where the head is not one dense layer.

    A server needs the operations of TensorFlow Text, which TensorFlow Serving
    has; in Python `import tensorflow_text` before it is loaded.

    Args:
        model: `keras.Model` from a dict of `token_ids` and `padding_mask` to
            probabilities, as `aet_keras.tasks.build_text_classifier` builds.
        directory: str or path-like. Where to write; made if missing.
        class_names: one str a column of the output; none of a number.
        target_kind: `"classes"`, `"tags"` or `"number"`. What is put out.
        thresholds: floats, one a tag, from which probability on a row has it.
            Defaults to 0.5 each.
        is_ordered: bool. Whether the classes are named from the lowest to the
            highest: answers then have their `median`. Defaults to `False`.
        target_format: optional `CellFormat`, how the data write a number, for
            the manifest.
        packing: `TextPacking` that the model was trained with, as
            `load_text_packing` of `aet_keras.backbones` returns it: its
            `graph_pack` goes into the SavedModel.
        texts: sequence of str. The first four are the requests in
            `assets.extra`, which a server tries before it serves the version.
        guarantee: optional `Guarantee` of `evaluation.conformal`. Answers
            then have the sets or intervals that hold it.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model takes other inputs, or a name is empty, holds
            a line break or occurs twice.

    Example: see `examples/10_adapt_texts.py`.

    >>> pixels = keras.Input((8,))
    >>> model = keras.Model(pixels, keras.layers.Dense(2)(pixels))
    >>> try:
    ...     aet_keras.export.write_text_model(
    ...         model, "x", class_names=["bad", "good"], packing=None
    ...     )
    ... except ValueError as error:
    ...     "`token_ids` and `padding_mask`" in str(error)
    True
    """
    names = [str(name) for name in class_names]
    _check_inputs(model)
    answer = answer_of(target_kind, is_ordered=is_ordered)
    answer.check(_OWNER, model, names)
    tried = [text.encode() for text in texts[: written.MOST_REQUESTS]]

    def build(folder):
        table, say = answer.prepare(names, thresholds, folder)
        return _build(model, packing, answer, table, say)

    return written.write_saved_model(
        directory,
        build,
        lambda functions: _requests(functions, tried),
        kind="text",
        class_count=len(names),
        described=said_of_number(target_kind, target_format),
        guarantee=guarantee,
    )


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


def _build(model, packing, answer, table, say):
    """Traces the model once; each signature calls that one trace."""

    def run(texts):
        whole = tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace"
        )
        packed = packing.graph_pack(whole)
        return embeddings.call(model, packed).named(say)

    run = trace(run, strings("texts"))
    functions = {
        DEFAULT: trace(
            lambda texts: written.answer(run(texts)), strings("texts")
        ),
        answer.of_examples: written.trace_examples(
            run, "text", answer.as_examples
        ),
    }
    has_embeddings = EMBEDDINGS in run.structured_outputs
    if has_embeddings:
        functions[EMBEDDINGS] = trace(
            lambda texts: {EMBEDDINGS: run(texts)[EMBEDDINGS]}, strings("texts")
        )
    kept = {
        "weights": run.variables,
        "table": table,
        "tokenizer": packing.preprocessor.tokenizer,
    }
    return Served(functions, kept, () if has_embeddings else (NO_EMBEDDINGS,))


def _requests(functions, texts) -> Iterator[Any]:
    for name in functions:
        for batch in (texts[:1], texts):
            if name in written.METHODS:
                rows = [{"text": text} for text in batch]
                yield written.classify_log(name, rows)
            else:
                values = np.array(batch, object)
                yield written.predict_log(name, {"texts": values})
