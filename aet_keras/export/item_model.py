"""Writes the SavedModel of a model of items, and compares it."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras.word_tables import word_tables
from aet_keras.data import item_table
from aet_keras.data.item_table import HAS_IMAGE, HAS_TEXT, ItemSpecification
from aet_keras.errors import ExportError
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export import saved_model as written
from aet_keras.export import table_graph
from aet_keras.export.answers import ANSWERS
from aet_keras.export.compared_outputs import (
    Comparison,
    compare,
    output_of,
    predict,
    serving,
)
from aet_keras.export.image_decoding import decode_images
from aet_keras.export.image_model import encode_png
from aet_keras.export.table_manifest import (
    lookups_of,
    notes_of_numbers,
    read_table_manifest,
    said_of_table,
)
from aet_keras.publishing.manifest import read_content

_OWNER = "write_item_model"
_NAMED = ("image_column", "text_column", "image_name", "text_name")
_TOLERANCE = 1e-4  # JPEG and half a step of pixels are no part of it


def write_item_model(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    specification: ItemSpecification,
    rows: Mapping[str, np.ndarray],
    packing: Any = None,
    guarantee: Guarantee | None = None,
) -> Comparison:
    """Writes a model of items as a SavedModel, and compares it with the model.

    - `serving_default`: one input a column, by its name, `(batch,)`: of the
      image the bytes of a JPEG or PNG file (missing: empty), of the text a
      string (missing: empty), of the others as of `write_table_model`. It
      returns what a model of tables does for the kind of target.
    - `classify` (of a number `regress`): `inputs`, serialised
      `tf.train.Example`s with a feature a column; one that is left out is
      missing.

    Args:
        model: `keras.Model`, as `tasks.item_model.build_item_model` builds.
        directory: str or path-like. Where to write; made if missing.
        specification: `ItemSpecification`.
        rows: dict of input to array, as `data.item_table.read_items` reads
            them; compared, with the image, the text and both left out.
        packing: optional `TextPacking`, of a model that takes tokens.
        guarantee: optional `Guarantee`.

    Returns:
        `Comparison`.

    Raises:
        ExportError: if what was written answers differently.

    Example: see `aet_keras.training.item_job`.
    """
    names = list(specification.class_names)
    answer = ANSWERS[specification.target_kind]
    answer.check(_OWNER, model, names)
    raw = _raw(_with_gaps(rows), specification)
    first = {k: v[: written.MOST_REQUESTS] for k, v in raw.items()}
    described = {
        **said_of_table(specification, lookups_of(model)),
        "image_size": list(specification.image_size or ()),
        **{name: getattr(specification, name) for name in _NAMED},
    }
    written.write_saved_model(
        directory,
        lambda folder: _build(model, specification, answer, folder, packing),
        lambda _: table_graph.requests(first, answer.of_examples),
        kind="item",
        class_count=len(names),
        described={"table": described},
        guarantee=guarantee,
    )
    return compare_item_export(
        directory, model, rows, specification=specification, packing=packing
    )


def compare_item_export(
    directory: str | os.PathLike,
    model: keras.Model,
    rows: Mapping[str, np.ndarray],
    *,
    specification: ItemSpecification,
    packing: Any = None,
    tolerance: float = _TOLERANCE,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    Args:
        directory: str or path-like. What `write_item_model` wrote.
        model: the `keras.Model` it was written from.
        rows: as of `write_item_model`.
        specification: `ItemSpecification`.
        packing: optional `TextPacking`, of a model that takes tokens.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        `Comparison`.

    Raises:
        ExportError: if it answers differently.
    """
    rows = _with_gaps(rows)
    raw = _raw(rows, specification)
    expected = predict(model, _tensors(rows, specification, packing))
    output, unit = output_of(specification.target_kind, expected)
    served = serving(_OWNER, "write_item_model", "items", raw, expected, output)
    return compare(
        _OWNER, directory, served, expected, tolerance, "items", unit
    )


def read_item_manifest(version: str | os.PathLike) -> ItemSpecification:
    """Reads which columns and classes a published model of items has.

    Args:
        version: path of a published version, `FOLDER/3`.

    Raises:
        ExportError: if the version holds no model of items.
    """
    content = read_content(Path(version)).get("table")
    if not isinstance(content, dict) or "image_column" not in content:
        raise ExportError(
            f"{version}: the version must hold a model of items, because its "
            "columns are to be met again. Received: a manifest without an "
            "image column. Name a folder that `aet-keras fit FILE.csv "
            "--image-column --text-column` published."
        )
    table = read_table_manifest(
        version, without=(*_NAMED, "image_size"), kind="item"
    )
    known = {
        field.name: getattr(table, field.name)
        for field in dataclasses.fields(table)
    }
    known |= {name: content[name] for name in _NAMED}
    known["image_size"] = tuple(content["image_size"])
    return ItemSpecification(**known)


def _with_gaps(rows):
    """Adds an item without image, one without text, and one without both."""
    count = len(rows[HAS_IMAGE])
    places = [*range(count), 0, min(1, count - 1), 0]
    made = {name: column[places] for name, column in rows.items()}
    for place, part in ((0, HAS_IMAGE), (1, HAS_TEXT), (2, HAS_IMAGE)):
        made[part][count + place] = 0.0
    made[HAS_TEXT][count + 2] = 0.0
    made[item_table.PIXELS][made[HAS_IMAGE] == 0] = 0
    made[item_table.WORDS][made[HAS_TEXT] == 0] = ""
    return made


def _raw(rows, specification):
    """Returns rows as a server takes them."""
    names = [column.name for column in specification.columns]
    images = encode_png(rows[item_table.PIXELS])
    images = [b"" if not h else i for i, h in _pairs(images, rows[HAS_IMAGE])]
    return {
        specification.image_name: np.array(images, object),
        specification.text_name: rows[item_table.WORDS],
        **table_graph.raw({name: rows[name] for name in names}, specification),
    }


def _pairs(one, other):
    return zip(one, other, strict=True)


def _tensors(rows, specification, packing):
    """Returns rows as the model takes them."""
    texts = rows[item_table.WORDS].tolist()
    made = {
        "pixels": tf.constant(rows[item_table.PIXELS], tf.float32),
        HAS_IMAGE: tf.constant(rows[HAS_IMAGE][:, None]),
        HAS_TEXT: tf.constant(rows[HAS_TEXT][:, None]),
    }
    if packing is None:
        made["text"] = item_table.normal_words(texts)[:, None]
    else:
        made |= {k: tf.constant(v) for k, v in packing.pack(texts).items()}
    for column in specification.columns:
        cells = table_graph.tensor(rows[column.name])
        made[column.name] = cells[:, None]
    return made


def _build(model, specification, answer, folder, packing):
    kept_table, say = answer.prepare(
        list(specification.class_names), specification.thresholds, folder
    )
    image, text = specification.image_name, specification.text_name
    shape = (*specification.image_size, 3)
    strings = {name: written.strings(name) for name in (image, text)}
    specs = strings | table_graph.specs_of(specification.columns)
    missing = encode_png(np.zeros((1, *shape), "uint8"))[0]

    def run(**cells):
        files, texts = cells[image], cells[text]
        has_image, has_text = files != "", table_graph.stripped(texts) != ""
        pixels = decode_images(tf.where(has_image, files, missing), shape)
        given = {
            "pixels": tf.cast(pixels, tf.float32),
            HAS_IMAGE: tf.cast(has_image, tf.float32)[:, None],
            HAS_TEXT: tf.cast(has_text, tf.float32)[:, None],
        }
        whole = tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace"
        )
        if packing is None:
            given["text"] = item_table.normal_words(whole)[:, None]
        else:
            given |= packing.graph_pack(whole)
        for column in specification.columns:
            read = table_graph.read(cells[column.name], column)
            given[column.name] = read[:, None]
        return say(model(given))

    run = written.trace(run, **specs)

    def serve_examples(inputs):
        features = table_graph.features_of(specs)
        return answer.as_examples(run(**tf.io.parse_example(inputs, features)))

    functions = {
        written.DEFAULT: written.trace(lambda **cells: run(**cells), **specs),
        answer.of_examples: written.trace(
            serve_examples, written.strings("inputs")
        ),
    }
    kept = {
        "weights": list(run.variables),
        "table": kept_table,
        "lookups": [layer.lookup_table for layer in lookups_of(model)],
        "words": word_tables(model),
    }
    if packing is not None:
        kept["tokenizer"] = packing.preprocessor.tokenizer
    return written.Served(functions, kept, notes_of_numbers(specification))
