"""Compares the outputs of an export with those of its model."""

import os
from collections.abc import Mapping, Sequence
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
from aet_keras.export import rating_answers, table_graph
from aet_keras.export.compared_outputs import (
    Comparison,
    all_and_one,
    column_of,
    compare,
    constants,
    output_of,
    predict,
    predict_images,
    serving,
)
from aet_keras.export.image_model import encode_png, whole_pixels
from aet_keras.export.saved_model import BYTES, DEFAULT


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
    output, unit = output_of(target_kind, expected)
    plain = serving(
        owner, "write_image_model", "images", given, expected, output
    )

    def served(exported):
        yield from plain(exported)
        if BYTES in exported.signatures:
            encoded = tf.constant(encode_png(pixels))
            outputs = exported.signatures[BYTES](image_bytes=encoded)
            yield "the PNG files", column_of(outputs[output].numpy()), expected

    return compare(
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
    expected = predict(model, constants(packing.pack(texts)))
    given = {"texts": list(texts)}
    output, unit = output_of(target_kind, expected)
    served = serving(
        owner, "write_text_model", "texts", given, expected, output
    )
    return compare(owner, directory, served, expected, tolerance, "texts", unit)


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
    expected = predict(model, cells)
    raw = table_graph.raw(rows, specification)
    output, unit = output_of(specification.target_kind, expected)
    served = serving(owner, "write_table_model", "rows", raw, expected, output)
    return compare(owner, directory, served, expected, tolerance, "rows", unit)


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
    given = constants(tables.rows(rows, model.input))
    expected = np.asarray(
        rating_answers.scores_of(predict(model, given), given)
    )
    # Of no item in particular, so that none is left out of the history.
    nothing = {**rows, "item": np.zeros_like(rows["item"])}
    given = constants(tables.rows(nothing, model.input))
    logits = predict(model, given)["rank"]
    shown = rating_answers.best_shares(logits, rows["user"][:, 0], tables)
    users = rating_answers.ids_of(rows["user"][:, 0], specification.users)
    items = rating_answers.ids_of(rows["item"][:, 0], specification.items)

    def served(exported):
        serve = exported.signatures[DEFAULT]
        given = {"user": users, "item": items}
        yield from all_and_one("ratings", serve, given, expected, "scores")
        top = exported.signatures["top_k"](
            user=tf.constant(users),
            k=tf.fill([len(users)], rating_answers.SHOWN),
        )
        yield "the best items", top["scores"].numpy(), shown

    return compare(owner, directory, served, expected, tolerance, "ratings")
