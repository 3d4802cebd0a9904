"""Reads what a manifest says of a published table classifier."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from aet_keras.data.specifications import (
    EARLIER_FORMAT,
    CellFormat,
    TableColumn,
    TableSpecification,
)
from aet_keras.errors import ExportError
from aet_keras.publishing.manifest import read_content

_NUMBER = "target_format"
_LOOKUP = "_preprocessor"  # behind a column's name: what FeatureSpace makes


def read_table_manifest(
    version: str | os.PathLike,
    *,
    without: Sequence[str] = (),
    kind: str = "table",
) -> TableSpecification:
    """Reads which columns and classes a published table classifier has.

    Args:
        version: path of a published version, `FOLDER/3`.
        without: entries that models of tables do not have.
        kind: str. Of the specification. Defaults to `"table"`.

    Returns:
        `aet_keras.data.specifications.TableSpecification`.

    Raises:
        ExportError: if the version holds no table classifier.

    Example: see `examples/11_score_credit.py`.

    >>> try:
    ...     aet_keras.export.table_manifest.read_table_manifest("nowhere")
    ... except aet_keras.errors.ExportError as error:
    ...     "manifest.json" in str(error)
    True
    """
    content = read_content(Path(version)).get("table")
    if not isinstance(content, dict):
        raise ExportError(
            f"{version}: the version must hold a classifier of table rows, "
            "because its columns are to be met again. Received: a manifest "
            "without `table`. Name a folder that `aet-keras fit FILE.csv "
            "--target` published."
        )
    try:
        columns = tuple(map(_column, content["columns"]))
        names = tuple(content["class_names"])
        missing = tuple(content.get("missing", EARLIER_FORMAT.missing))
        rest = {
            **content,
            "columns": columns,
            "class_names": names,
            "missing": missing,
            "target_format": _format(content.get("target_format")),
            "label_columns": tuple(content.get("label_columns", ())),
            "thresholds": tuple(content.get("thresholds", ())),
        }
        for name in ("categories", *without):
            rest.pop(name, None)
        return TableSpecification(kind=kind, image_size=None, **rest)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ExportError(
            f"{version}: `table` in `manifest.json` must say which columns and "
            f"classes there are, as it was published. Received: {error}. Bring "
            "it back from a copy, or publish again."
        ) from error


def read_categories(version: str | os.PathLike) -> dict[str, list[str]]:
    """Reads which categories a published table classifier has learned.

    Args:
        version: path of a published version, `FOLDER/3`.

    Returns:
        dict of the name of a column to its categories; without those columns
        whose categories are not known, as in versions before 0.8.0.

    Raises:
        ExportError: if the version holds no manifest.

    Example: see `write_table_model`.

    >>> try:
    ...     aet_keras.export.table_manifest.read_categories("nowhere")
    ... except aet_keras.errors.ExportError as error:
    ...     "manifest.json" in str(error)
    True
    """
    content = read_content(Path(version)).get("table", {})
    return content.get("categories", {})


def said_of_number(
    target_kind: str, target_format: CellFormat | None
) -> dict[str, Any]:
    """Returns the entry that `read_target_format` reads, of images or texts.

    Args:
        target_kind: str. What is predicted.
        target_format: optional `CellFormat`, how the data write numbers.
    """
    if target_kind != "number" or target_format is None:
        return {}
    return {_NUMBER: dataclasses.asdict(target_format)}


def read_target_format(version: str | os.PathLike) -> CellFormat:
    """Reads how the data of a model of a number write it.

    Args:
        version: path of a published version, `FOLDER/3`, of any kind of rows.

    Returns:
        `CellFormat`.

    Raises:
        ExportError: if the version does not say it.

    Example:

    >>> try:
    ...     aet_keras.export.table_manifest.read_target_format("nowhere")
    ... except aet_keras.errors.ExportError as error:
    ...     "manifest.json" in str(error)
    True
    """
    content = read_content(Path(version))
    if isinstance(content.get("table"), dict):
        return _format(content["table"].get(_NUMBER))
    if isinstance(content.get(_NUMBER), dict):
        return _format(content[_NUMBER])
    raise ExportError(
        f"{version}: the manifest must say how the numbers of its data are "
        "written, because `1.234` may be a thousand or one. Received: one of "
        "an earlier release, which does not. Train the model anew by "
        "`aet-keras fit`."
    )


def said_of_table(
    specification: TableSpecification,
    lookups: Sequence[keras.layers.StringLookup],
) -> dict[str, Any]:
    """Returns the entry that `read_table_manifest` and `read_categories` read.

    Args:
        specification: `TableSpecification`.
        lookups: what holds the categories that the model has weights of.
    """
    return {
        "columns": [dataclasses.asdict(c) for c in specification.columns],
        **{
            name: getattr(specification, name)
            for name in (
                "class_names",
                "source",
                "target",
                "positive",
                "cost_false_negative",
                "cost_false_positive",
                "missing",
                "target_kind",
                "label_columns",
                "thresholds",
                "is_ordered",
            )
        },
        "target_format": dataclasses.asdict(specification.target_format),
        "categories": {
            layer.name.removesuffix(_LOOKUP): layer.get_vocabulary(
                include_special_tokens=False
            )
            for layer in lookups
            if layer.name.endswith(_LOOKUP)
        },
    }


def lookups_of(model: keras.Model) -> list[keras.layers.StringLookup]:
    """Returns the layers of a model that look categories up."""
    kind = keras.layers.StringLookup
    return [layer for layer in model.layers if isinstance(layer, kind)]


def notes_of_numbers(specification: TableSpecification) -> list[str]:
    """Returns how a client sends the numbers that a file writes with signs."""
    plain = CellFormat()
    return [
        f"`{column.name}` is a float: send the number alone, such as 1234.5, "
        f"for a cell of `{column.title}` that is written "
        f"`{_written(column.format)}`; NaN (in JSON null) where it is missing."
        for column in specification.columns
        if column.kind == "number"
        and _number_signs(column.format) != _number_signs(plain)
    ]


def _number_signs(form):
    return form.decimal, form.thousands, form.unit


def _written(form):
    unit = form.unit if form.unit.isalpha() or form.unit == "%" else ""
    money = "" if unit else form.unit
    return f"{money}1{form.thousands}234{form.decimal}5{unit}"


def _column(content):
    return TableColumn(**{**content, "format": _format(content.get("format"))})


def _format(content):
    if content is None:
        return EARLIER_FORMAT
    return CellFormat(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
    )
