"""Compares the outputs of an export with those of its model."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check
from aet_keras.data.rating_lookup import RatingTables
from aet_keras.data.specifications import (
    RatingSpecification,
    TableSpecification,
)
from aet_keras.errors import ExportError
from aet_keras.export import rating_answers, table_graph
from aet_keras.export.embeddings import pack
from aet_keras.export.image_model import encode_png, whole_pixels
from aet_keras.export.saved_model import BYTES, DEFAULT

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

    >>> aet_keras.export.comparison.Comparison(3e-8, 32, 0.9).is_telling
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


def compare_image_export(
    directory: str | os.PathLike,
    model: keras.Model,
    images: Any,
    *,
    target_kind: str = "classes",
    tolerance: float = 1e-5,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    The first image goes in alone, then all in one batch, then all as the
    bytes of PNG files, where the export takes those. The model is called
    without XLA, as the export is: XLA rounds half precision in its own way.

    Args:
        directory: str or path-like. What `write_image_model` wrote.
        model: the `keras.Model` it was written from.
        images: array `(count, height, width, channels)` of real images, at
            least two for the spread; floats are rounded to whole pixels.
        target_kind: as of `write_image_model`. Defaults to `"classes"`.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: if the export cannot be loaded, differs by more than
            `tolerance`, or puts out other shapes or numbers that are not
            finite.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.export.write_image_model(
    ...         model, folder, class_names=["hat", "shoe"]
    ...     )
    ...     result = aet_keras.export.compare_image_export(path, model, images)
    >>> result.count
    4
    """
    owner = "compare_image_export"
    _check.positive(owner, tolerance=tolerance)
    pixels = whole_pixels(owner, images)
    expected = predict_images(model, pixels)

    given = {"images": pixels}
    output, unit = _output_of(target_kind, expected)
    plain = _serving(
        owner, "write_image_model", "images", given, expected, output
    )

    def served(exported):
        yield from plain(exported)
        if BYTES in exported.signatures:
            encoded = tf.constant(encode_png(pixels))
            outputs = exported.signatures[BYTES](image_bytes=encoded)
            yield "the PNG files", _column(outputs[output].numpy()), expected

    return _compare(
        owner, directory, served, expected, tolerance, "images", unit
    )


def compare_text_export(
    directory: str | os.PathLike,
    model: keras.Model,
    texts: Sequence[str],
    *,
    packing: Any,
    target_kind: str = "classes",
    tolerance: float = 1e-5,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    All texts go in at once, then the first one alone. The model is called
    without XLA, as the export is, on tokens made outside of it.

    Args:
        directory: str or path-like. What `write_text_model` wrote.
        model: the `keras.Model` it was written from.
        texts: sequence of str, at least two for the spread.
        packing: `aet_keras.backbones.text_packing.TextPacking`.
        target_kind: as of `write_text_model`. Defaults to `"classes"`.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: as `compare_image_export` does.

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
    expected = _predict(model, _constants(packing.pack(texts)))
    given = {"texts": list(texts)}
    output, unit = _output_of(target_kind, expected)
    served = _serving(
        owner, "write_text_model", "texts", given, expected, output
    )
    return _compare(
        owner, directory, served, expected, tolerance, "texts", unit
    )


def compare_table_export(
    directory: str | os.PathLike,
    model: keras.Model,
    rows: Mapping[str, np.ndarray],
    *,
    specification: TableSpecification,
    tolerance: float = 1e-5,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    All rows go in at once, then the first one alone; with them a row of
    missing cells, and one of categories that the model has not learned.

    Args:
        directory: str or path-like. What `write_table_model` wrote.
        model: the `keras.Model` it was written from.
        rows: dict of column to array.
        specification: `aet_keras.data.specifications.TableSpecification`.
        tolerance: float > 0. The largest difference to accept; of numbers in
            parts of the largest of them.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: as `compare_image_export` does.

    Example: see `write_table_model`.
    """
    owner = "compare_table_export"
    _check.positive(owner, tolerance=tolerance)
    rows = table_graph.with_odd_rows(rows, specification)
    cells = {k: table_graph.tensor(v)[:, tf.newaxis] for k, v in rows.items()}
    expected = _predict(model, cells)
    raw = table_graph.raw(rows, specification)
    output, unit = _output_of(specification.target_kind, expected)
    served = _serving(owner, "write_table_model", "rows", raw, expected, output)
    return _compare(owner, directory, served, expected, tolerance, "rows", unit)


def compare_rating_export(
    directory: str | os.PathLike,
    model: keras.Model,
    rows: Mapping[str, np.ndarray],
    *,
    specification: RatingSpecification,
    tables: RatingTables,
    tolerance: float = 1e-5,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    Ratings of all rows go in at once, then the first one alone, then the
    probabilities of the ten best items of each user.

    Args:
        directory: str or path-like. What `write_rating_model` wrote.
        model: the `keras.Model` it was written from.
        rows: dict of `user` and `item`, int codes `(count, 1)`, at least two
            rows for the spread; code 0 is tried as an unknown id.
        specification: `aet_keras.data.specifications.RatingSpecification`.
        tables: `aet_keras.data.rating_lookup.RatingTables` that were written.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: as `compare_image_export` does.

    Example: see `examples/13_recommend_films.py`.

    >>> try:
    ...     aet_keras.export.compare_rating_export(
    ...         "nowhere", None, {}, specification=None, tables=None,
    ...         tolerance=0,
    ...     )
    ... except ValueError as error:
    ...     "`tolerance` must be" in str(error)
    True
    """
    owner = "compare_rating_export"
    _check.positive(owner, tolerance=tolerance)
    expected = _predict(model, _constants(tables.rows(rows)))["rating"]
    # Of no item in particular, so that none is left out of the history.
    nothing = {**rows, "item": np.zeros_like(rows["item"])}
    logits = _predict(model, _constants(tables.rows(nothing)))["rank"]
    shown = rating_answers.best_shares(logits, rows["user"][:, 0], tables)
    users = rating_answers.ids_of(rows["user"][:, 0], specification.users)
    items = rating_answers.ids_of(rows["item"][:, 0], specification.items)

    def served(exported):
        serve = exported.signatures[DEFAULT]
        given = {"user": users, "item": items}
        yield from _all_and_one("ratings", serve, given, expected, "scores")
        top = exported.signatures["top_k"](
            user=tf.constant(users),
            k=tf.fill([len(users)], rating_answers.SHOWN),
        )
        yield "the best items", top["scores"].numpy(), shown

    return _compare(owner, directory, served, expected, tolerance, "ratings")


def predict_images(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns the outputs of a model for uint8 images, as float32."""
    pixels = tf.constant(images.astype(model.inputs[0].dtype))
    (outputs,) = keras.tree.flatten(_predict(model, pack(model, pixels)))
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


def _compare(
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


def _serving(owner, writer, rows, given, expected, output="probabilities"):
    """Returns a function that asks an export for an output of rows."""

    def served(exported):
        serve = exported.signatures.get(DEFAULT)
        if serve is None or output not in serve.structured_outputs:
            raise ExportError(
                f"{owner}: the export must have a signature `{DEFAULT}` that "
                f"puts out `{output}`. Received: signatures "
                f"{sorted(exported.signatures)}. Write it with `{writer}`."
            )
        yield from _all_and_one(rows, serve, given, expected, output)

    return served


def _all_and_one(
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
        yield what, _column(outputs), expected[:count]


def _column(outputs):
    return outputs[:, None] if outputs.ndim == 1 else outputs


def _output_of(target_kind, expected):
    """Returns which output is compared, and what a difference is part of."""
    if target_kind != "number":
        return "probabilities", 1.0
    return "values", float(np.abs(expected).max()) or 1.0


def _constants(rows):
    return {name: tf.constant(column) for name, column in rows.items()}


def _predict(model, inputs):
    """Returns the outputs of a model, without XLA, as float32."""

    @tf.function(jit_compile=False, autograph=False)
    def call(inputs):
        return model(inputs, training=False)

    return keras.tree.map_structure(
        lambda outputs: outputs.numpy().astype("float32"), call(inputs)
    )
