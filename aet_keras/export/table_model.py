"""Writes the SavedModel of a table classifier."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check
from aet_keras.data import TableSpecification
from aet_keras.errors import ExportError
from aet_keras.export import (
    _cell_graph,
    _program,
    _table_cells,
    _warm_up,
)
from aet_keras.export._checks import check_columns
from aet_keras.export._description import describe
from aet_keras.export._labels import label_table, repeated_names
from aet_keras.export._signatures import CLASSIFY, DEFAULT
from aet_keras.export.comparison import Comparison, hold, load
from aet_keras.export.table_manifest import notes_of_numbers, said_of_table
from aet_keras.publishing.manifest import write_manifest

_OWNER = "write_table_classifier"


def write_table_classifier(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    specification: TableSpecification,
    rows: Mapping[str, np.ndarray],
) -> Path:
    """Writes a classifier of table rows as a SavedModel that takes raw cells.

    - `serving_default`: one input a column, by its name, `(batch,)`: float32
      for a number (missing: NaN), a string for a category or a date (missing:
      empty). Strings mean what the column's `CellFormat` says: its words for
      missing cells are missing, its dates are written so, and what is no date
      is refused. A category it has not learned counts as a rare one. It
      returns `probabilities`, float32 `(batch, classes)`, and
      `classes`, strings of the same shape: the name of each column, repeated
      for each row.
    - `classify`: `inputs`, serialised `tf.train.Example`s with a feature a
      column; one that is left out is missing. It returns `classes` and
      `scores`, as the classify call of TensorFlow Serving has them.

    `manifest.json` says of each column what it is and what the file called
    it, so that `read_table_manifest` gives the specification back, and which
    categories it has learned (`read_categories`).

    Args:
        model: `keras.Model` from a dict of column to `(batch, 1)` to
            probabilities, as `aet_keras.tasks.build_table_classifier` builds.
        directory: str or path-like. Where to write; made if missing.
        specification: `aet_keras.data.TableSpecification`.
        rows: dict of column to array, as `aet_keras.data.read_table` reads
            them. The first four are the requests in `assets.extra`.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model takes other columns.

    Example: see `examples/11_score_credit.py`.

    >>> import tempfile
    >>> columns = (aet_keras.data.TableColumn("age", "number", "age"),)
    >>> specification = aet_keras.data.TableSpecification(
    ...     "table", ("bad", "good"), None, "a.csv", columns, "paid", "bad"
    ... )
    >>> rows = {"age": np.array([20, 30, 50], "float32")}
    >>> model = aet_keras.tasks.build_table_classifier(
    ...     aet_keras.tasks.fit_feature_space(columns, rows), class_count=2
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = aet_keras.export.write_table_classifier(
    ...         model, folder, specification=specification, rows=rows
    ...     )
    ...     compared = aet_keras.export.compare_table_export(
    ...         folder, model, rows, specification=specification
    ...     )
    >>> compared.difference < 1e-5
    True
    """
    names = list(specification.class_names)
    _check_inputs(model, specification)
    check_columns(_OWNER, model, names)
    directory = Path(directory)
    with tempfile.TemporaryDirectory() as folder:
        table = label_table(Path(folder) / "labels.txt", names)
        functions, variables, tables = _functions(model, specification, table)
        kept = {"weights": variables, "table": table, "lookups": tables}
        _program.save(directory, functions, kept)
    first = {k: v[: _warm_up.MOST] for k, v in rows.items()}
    requests = _table_cells.requests(_table_cells.raw(first, specification))
    _warm_up.write(directory, requests)
    described = describe(
        functions, len(names), notes=notes_of_numbers(specification)
    )
    said = said_of_table(specification, _lookups(model))
    write_manifest(directory, {**described, "table": said})
    return directory


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
        directory: str or path-like. What `write_table_classifier` wrote.
        model: the `keras.Model` it was written from.
        rows: dict of column to array.
        specification: `aet_keras.data.TableSpecification`.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: if the export cannot be loaded, differs by more than
            `tolerance`, or puts out other shapes or numbers that are not
            finite.

    Example: see `write_table_classifier`.

    >>> try:
    ...     aet_keras.export.compare_table_export(
    ...         "nowhere", None, {}, specification=None, tolerance=0
    ...     )
    ... except ValueError as error:
    ...     "`tolerance` must be" in str(error)
    True
    """
    owner = "compare_table_export"
    _check.positive(owner, tolerance=tolerance)
    rows = _table_cells.with_odd_rows(rows, specification)
    expected = _table_cells.predict(model, rows)
    # The object must outlive its functions: it holds the weights.
    exported = load(owner, directory)
    return hold(
        owner,
        directory,
        _served(owner, exported, _table_cells.raw(rows, specification)),
        expected,
        tolerance=tolerance,
        rows="rows",
    )


def _check_inputs(model, specification):
    given = getattr(model, "input", None)
    names = set(given) if isinstance(given, dict) else set()
    wanted = {column.name for column in specification.columns}
    if names != wanted:
        odd = sorted(names ^ wanted)[:3]
        raise ValueError(
            f"{_OWNER}: the model must take the columns of `specification`, "
            f"by name. Received: they differ in {odd}. Build it with "
            "`aet_keras.tasks.build_table_classifier`."
        )


def _functions(model, specification, table):
    """Traces the model once; each signature calls that one trace."""
    specs = {
        column.name: tf.TensorSpec((None,), _dtype(column), name=column.name)
        for column in specification.columns
    }
    columns = {column.name: column for column in specification.columns}
    class_count = len(specification.class_names)

    def run(**cells):
        read = {
            name: _cell_graph.read(cell, columns[name])
            for name, cell in cells.items()
        }
        said = model({k: cell[:, tf.newaxis] for k, cell in read.items()})
        row_count = tf.shape(said)[0]
        return {
            "probabilities": tf.cast(said, tf.float32),
            "classes": repeated_names(table, class_count, row_count),
        }

    run = tf.function(run, autograph=False).get_concrete_function(**specs)

    def serve(**cells):
        return run(**cells)

    def classify(inputs):
        cells = tf.io.parse_example(inputs, _features(specs))
        outputs = run(**cells)
        return {
            "classes": outputs["classes"],
            "scores": outputs["probabilities"],
        }

    serve = tf.function(serve, autograph=False).get_concrete_function(**specs)
    examples = tf.TensorSpec((None,), tf.string, name="inputs")
    classify = tf.function(classify, autograph=False)
    functions = {
        DEFAULT: serve,
        CLASSIFY: classify.get_concrete_function(examples),
    }
    lookups = [layer.lookup_table for layer in _lookups(model)]
    return functions, list(run.variables), lookups


def _lookups(model):
    kind = keras.layers.StringLookup
    return [layer for layer in model.layers if isinstance(layer, kind)]


def _dtype(column):
    return tf.float32 if column.kind == "number" else tf.string


def _features(specs):
    return {
        name: tf.io.FixedLenFeature(
            [], spec.dtype, "" if spec.dtype == tf.string else float("nan")
        )
        for name, spec in specs.items()
    }


def _served(owner, exported, raw):
    """Yields what went in, how many, and which probabilities came out."""
    serve = exported.signatures.get(DEFAULT)
    if serve is None or "probabilities" not in serve.structured_outputs:
        raise ExportError(
            f"{owner}: the export must have a signature `{DEFAULT}` that puts "
            "out `probabilities`. Received: signatures "
            f"{sorted(exported.signatures)}. Write it with "
            "`write_table_classifier`."
        )
    row_count = len(next(iter(raw.values())))
    for what, count in (("all rows", row_count), ("one row", 1)):
        cells = {
            name: _table_cells.tensor(cells[:count])
            for name, cells in raw.items()
        }
        yield what, count, serve(**cells)["probabilities"].numpy()
