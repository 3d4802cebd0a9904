"""Asks an export what its model was asked, and holds both answers together."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras.errors import ExportError
from aet_keras.export import table_graph
from aet_keras.export.embeddings import pack
from aet_keras.export.saved_model import DEFAULT

_FLAT = 1e-3


@dataclass(frozen=True)
class Comparison:
    """Holds how closely an export follows its model.

    Args:
        difference: float. The largest gap between a probability of the export
            and the model's own; of numbers, divided by the largest of them.
        count: int. How many rows were compared.
        spread: float. The largest gap between the model's probabilities of
            one class for two of the rows. Near 0, agreement says little.
        rows: str. What the rows are called.

    Example:

    >>> aet_keras.export.compared_outputs.Comparison(3e-8, 32, 0.9).is_telling
    True
    """

    difference: float
    count: int
    spread: float
    rows: str = "images"

    @property
    def is_telling(self) -> bool:
        """Whether the rows differed enough for agreement to mean much."""
        return self.spread > _FLAT

    def to_text(self) -> str:
        """Returns one sentence for a person."""
        text = (
            f"The export agrees with the model to {self.difference:.1e} on "
            f"{self.count} {self.rows}."
        )
        if self.is_telling:
            return text
        return f"{text} The model says the same of all: this proves little."


def predict_images(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns the outputs of a model for uint8 images, as float32."""
    pixels = tf.constant(images.astype(model.inputs[0].dtype))
    (outputs,) = keras.tree.flatten(predict(model, pack(model, pixels)))
    return outputs


def largest_gap(
    owner: str, what: str, served: np.ndarray, expected: np.ndarray
) -> float:
    """Returns how far two arrays differ, or says why they cannot be held."""
    if served.shape != expected.shape:
        raise ExportError(
            f"{owner}: for {what} the export puts out shape "
            f"{served.shape}, the model {expected.shape}. Do not serve it."
        )
    for name, values in (("model", expected), ("export", served)):
        odd = int((~np.isfinite(values)).sum())
        if odd:
            raise ExportError(
                f"{owner}: for {what} the {name} puts out {odd} of "
                f"{values.size} numbers that are not finite. Do not serve it."
            )
    return float(np.abs(served - expected).max())


def compare(
    owner: str,
    directory: str | os.PathLike,
    served: Callable[[Any], Iterable[tuple[str, np.ndarray, np.ndarray]]],
    expected: np.ndarray,
    tolerance: float,
    rows: str,
    unit: float = 1.0,
) -> Comparison:
    """Loads an export and holds what it puts out against its model.

    Args:
        owner: str. Who asks.
        directory: path of the export.
        served: takes the loaded export; yields what went in, what came out
            and what the model says of it.
        expected: array `(count, columns)`. What the model says of all rows.
        tolerance: float > 0.
        rows: str. What the rows are called.
        unit: float > 0. What a difference is divided by.
    """
    # The object must outlive its functions: it holds the weights.
    exported = _load(owner, directory)
    difference = 0.0
    for what, outputs, wanted in served(exported):
        gap = largest_gap(owner, what, outputs, wanted) / unit
        if gap > tolerance:
            worst = np.abs(outputs - wanted).max(axis=1)
            raise ExportError(
                f"{owner}: the export in {os.fspath(directory)} differs "
                f"from the model by {gap:.2e} for {what} of {len(expected)}, "
                f"most on {rows.removesuffix('s')} {int(worst.argmax())}; at "
                f"most {tolerance:.0e} is accepted. Do not serve it."
            )
        difference = max(difference, gap)
    spread = float(np.ptp(expected, axis=0).max()) / unit
    return Comparison(difference, len(expected), spread, rows)


def _load(owner, directory):
    try:
        return tf.saved_model.load(os.fspath(directory))
    except (OSError, tf.errors.OpError) as error:
        raise ExportError(
            f"{owner}: no SavedModel could be loaded from "
            f"{os.fspath(directory)}: {error}"
        ) from error


def serving(owner, writer, rows, given, expected, output="probabilities"):
    """Returns a function that asks an export for an output of rows."""

    def served(exported):
        serve = exported.signatures.get(DEFAULT)
        if serve is None or output not in serve.structured_outputs:
            raise ExportError(
                f"{owner}: the export must have a signature `{DEFAULT}` that "
                f"puts out `{output}`. Received: signatures "
                f"{sorted(exported.signatures)}. Write it with `{writer}`."
            )
        yield from all_and_one(rows, serve, given, expected, output)

    return served


def all_and_one(
    rows: str,
    serve: Callable,
    inputs: Mapping[str, Any],
    expected: np.ndarray,
    output: str = "probabilities",
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yields the outputs for all rows at once, and for the first one alone."""
    alone = f"one {rows.removesuffix('s')}"
    for what, count in ((f"all {rows}", len(expected)), (alone, 1)):
        given = {k: table_graph.tensor(v[:count]) for k, v in inputs.items()}
        outputs = serve(**given)[output].numpy()
        yield what, column_of(outputs), expected[:count]


def column_of(outputs):
    """Returns one number a row as a column."""
    return outputs[:, None] if outputs.ndim == 1 else outputs


def output_of(target_kind, expected):
    """Returns which output is compared, and what a difference is part of."""
    if target_kind != "number":
        return "probabilities", 1.0
    return "values", float(np.abs(expected).max()) or 1.0


def constants(rows):
    """Returns columns as tensors."""
    return {name: tf.constant(column) for name, column in rows.items()}


def predict(model, inputs):
    """Returns the outputs of a model, without XLA, as float32."""

    @tf.function(jit_compile=False, autograph=False)
    def call(inputs):
        return model(inputs, training=False)

    return keras.tree.map_structure(
        lambda outputs: outputs.numpy().astype("float32"), call(inputs)
    )
