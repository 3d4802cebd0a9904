"""Writes the SavedModel of a table model, whatever its target."""

import os
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aet_keras.data.dataset import Specification
from aet_keras.data.specifications import TableSpecification
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.evaluation.risk import least_risk
from aet_keras.export import saved_model as written
from aet_keras.export import table_graph
from aet_keras.export.answers import answer_of
from aet_keras.export.table_manifest import (
    lookups_of,
    notes_of_numbers,
    said_of_table,
)

_OWNER = "write_table_model"


def write_table_model(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    specification: TableSpecification,
    rows: Mapping[str, np.ndarray],
    guarantee: Guarantee | None = None,
) -> Path:
    """Writes a model of table rows as a SavedModel that takes raw cells.

    - `serving_default`: one input a column, by its name, `(batch,)`: float32
      for a number (missing: NaN), a string for a category or a date (missing:
      empty). Strings mean what the column's `CellFormat` says: its words for
      missing cells are missing, its dates are written so, and what is no date
      is refused. A category it has not learned counts as a rare one. It
      returns `probabilities`, float32 `(batch, classes)`, and
      `classes`, strings of the same shape: the name of each column, repeated
      for each row. A model of tags returns `tags`, too: strings of that
      shape, the name where the probability reaches the tag's threshold, else
      empty; one of classes with an order `median`, strings `(batch,)`: the
      median class; one of two classes whose errors cost differently `called`,
      strings `(batch,)`: the class that costs least. A model of a number
      returns `values`, float32 `(batch,)`, in the unit of the file.
    - `classify`: `inputs`, serialised `tf.train.Example`s with a feature a
      column; one that is left out is missing. It returns `classes` and
      `scores`, as the classify call of TensorFlow Serving has them. A model
      of a number has `regress` in its place, which returns `outputs`.

    `manifest.json` says of each column what it is and what the file called
    it, so that `read_table_manifest` gives the specification back, and which
    categories it has learned (`read_categories`).

    Args:
        model: `keras.Model` from a dict of column to `(batch, 1)` to
            probabilities, as `aet_keras.tasks.build_table_classifier` builds,
            or to a number `(batch, 1)`.
        directory: str or path-like. Where to write; made if missing.
        specification: `aet_keras.data.specifications.TableSpecification`.
        rows: dict of column to array, as `aet_keras.data.read_table` reads
            them. The first four are the requests in `assets.extra`.
        guarantee: optional `Guarantee` of `evaluation.conformal`. Answers
            then have the sets or intervals that hold it.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model takes other columns.

    Example: see `examples/11_score_credit.py`.

    >>> import tempfile
    >>> from aet_keras.data.specifications import TableColumn
    >>> columns = (TableColumn("age", "number", "age"),)
    >>> specification = aet_keras.data.specifications.TableSpecification(
    ...     "table", ("bad", "good"), None, "a.csv", columns, "paid", "bad"
    ... )
    >>> rows = {"age": np.array([20, 30, 50], "float32")}
    >>> space = aet_keras.tasks.table_model.fit_feature_space(columns, rows)
    >>> model = aet_keras.tasks.build_table_classifier(space, class_count=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = aet_keras.export.write_table_model(
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
    answer = answer_of(
        specification.target_kind,
        is_ordered=specification.is_ordered,
        called_from=called_from(specification),
    )
    answer.check(_OWNER, model, names)
    first = {k: v[: written.MOST_REQUESTS] for k, v in rows.items()}
    raw = table_graph.raw(first, specification)

    def build(folder):
        return _build(model, specification, answer, folder)

    return written.write_saved_model(
        directory,
        build,
        lambda _: table_graph.requests(raw, answer.of_examples),
        kind="table",
        class_count=len(names),
        described={"table": said_of_table(specification, lookups_of(model))},
        guarantee=guarantee,
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


def called_from(specification: Specification) -> tuple[int, float] | None:
    """Returns the positive class and its least probability, by the costs.

    Args:
        specification: `Specification`. Only those of tables have costs.

    Returns:
        tuple of the number of the class, and the probability from which on a
        row is called so; None where what is likeliest costs least.
    """
    if not isinstance(specification, TableSpecification):
        return None
    costs = specification.cost_false_negative, specification.cost_false_positive
    is_binary = len(specification.class_names) == 2
    is_one = specification.target_kind == "classes" and is_binary
    if not is_one or costs[0] == costs[1]:
        return None
    return specification.positive_index, least_risk(*costs)


def _build(model, specification, answer, folder):
    """Traces the model once; each signature calls that one trace."""
    kept_table, say = answer.prepare(
        list(specification.class_names), specification.thresholds, folder
    )
    specs = table_graph.specs_of(specification.columns)
    columns = {column.name: column for column in specification.columns}

    def run(**cells):
        read = {
            name: table_graph.read(cell, columns[name])
            for name, cell in cells.items()
        }
        return say(model({k: cell[:, tf.newaxis] for k, cell in read.items()}))

    run = written.trace(run, **specs)

    def serve(**cells):
        return run(**cells)

    def serve_examples(inputs):
        cells = tf.io.parse_example(inputs, table_graph.features_of(specs))
        return answer.as_examples(run(**cells))

    strings = written.strings("inputs")
    functions = {
        written.DEFAULT: written.trace(serve, **specs),
        answer.of_examples: written.trace(serve_examples, strings),
    }
    kept = {
        "weights": list(run.variables),
        "table": kept_table,
        "lookups": [layer.lookup_table for layer in lookups_of(model)],
    }
    return written.Served(functions, kept, notes_of_numbers(specification))
