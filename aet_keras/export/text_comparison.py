"""Compares the export of a text classifier with its model."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from aet_keras import _check
from aet_keras.errors import ExportError
from aet_keras.export._signatures import DEFAULT
from aet_keras.export.comparison import Comparison, hold, load


def compare_text_export(
    directory: str | os.PathLike,
    model: keras.Model,
    texts: Sequence[str],
    *,
    packing: Any,
    tolerance: float = 1e-5,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    All texts go in at once, then the first one alone. The model is called
    without XLA, as the export is, on tokens made outside of it.

    Args:
        directory: str or path-like. What `write_text_classifier` wrote.
        model: the `keras.Model` it was written from.
        texts: sequence of str, at least two for the spread.
        packing: `aet_keras.backbones.TextPacking`.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: if the export cannot be loaded, differs by more than
            `tolerance`, or puts out other shapes or numbers that are not
            finite.

    Example: see `examples/10_adapt_texts.py`.

    >>> try:
    ...     aet_keras.export.compare_text_export(
    ...         "nowhere", None, ["a"], packing=None, tolerance=0
    ...     )
    ... except ValueError as error:
    ...     "`tolerance` must be" in str(error)
    True
    """
    owner = "compare_text_export"
    _check.positive(owner, tolerance=tolerance)
    expected = _predict(model, packing.pack(texts))
    # The object must outlive its functions: it holds the weights.
    exported = load(owner, directory)
    return hold(
        owner,
        directory,
        _served(owner, exported, list(texts)),
        expected,
        tolerance=tolerance,
        rows="texts",
    )


def _predict(model, tokens):
    @tf.function(jit_compile=False, autograph=False)
    def call(tokens):
        return model(tokens, training=False)

    found = call({name: tf.constant(rows) for name, rows in tokens.items()})
    return found.numpy().astype("float32")


def _served(owner, exported, texts):
    """Yields what went in, how many, and which probabilities came out."""
    serve = exported.signatures.get(DEFAULT)
    if serve is None or "probabilities" not in serve.structured_outputs:
        raise ExportError(
            f"{owner}: the export must have a signature `{DEFAULT}` that puts "
            "out `probabilities`. Received: signatures "
            f"{sorted(exported.signatures)}. Write it with "
            "`write_text_classifier`."
        )
    for what, count in (("all texts", len(texts)), ("one text", 1)):
        outputs = serve(texts=tf.constant(texts[:count]))
        yield what, count, outputs["probabilities"].numpy()
