"""Reads rows of files and folders, and compares them with a version's."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import click
import numpy as np

from aet_keras import _regular_file, data
from aet_keras.cli._inputs import Row, load_version_of, read_images, read_rows
from aet_keras.cli._inputs import reasons as reasons_of
from aet_keras.data.folder_layout import IMAGE, TEXT
from aet_keras.drift.comparison import compare, compare_outputs
from aet_keras.drift.kept_reference import load_reference
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.shift import Shift
from aet_keras.errors import DataError, ExportError
from aet_keras.publishing.data_kind import read_kind
from aet_keras.publishing.publication import find_version

_BATCH = 64


def compare_with_version(
    folder: pathlib.Path, what: Sequence[str], *, encoding: str | None
) -> tuple[Shift, list[str]]:
    """Compares rows with the reference of a published version.

    Args:
        folder: `saved_models/NAME`, or `saved_models/NAME/N`.
        what: files and folders of new rows.
        encoding: optional str, of files of texts or rows.

    Returns:
        `Shift`, and the name of each row that was compared.
    """
    path = find_version(folder)
    kind = read_kind(path, "watch")
    if kind not in _KINDS:
        raise ExportError(
            "watch: FOLDER must hold a classifier of images, texts or table "
            "rows, because the shares of its answers are compared. Received: "
            f"{path}, of ratings. Watch the figures of its reports instead."
        )
    reference = load_reference(path)
    return _KINDS[kind](path, reference, what, encoding)


def _images(path, reference, what, encoding):
    model = _regular_file.load_model(path / "model.keras")
    files = _files(what, IMAGE)
    rows = _readable(list(read_images(files, tuple(model.input_shape[1:3]))))
    images = np.stack([row.values["images"] for row in rows])
    return compare(model, reference, images), [row.name for row in rows]


def _texts(path, reference, what, encoding):
    _, version = load_version_of(path)
    texts, names = [], []
    for each in what:
        if data.table_file.is_csv(each):
            found = _column(path, each, encoding)
            texts += found
            names += [f"{each}:{n}" for n in range(1, len(found) + 1)]
            continue
        files = _files([each], TEXT)
        asked = read_rows(version, path, files, encoding=encoding)
        rows = _readable(list(asked.rows))
        texts += [row.values["texts"] for row in rows]
        names += [row.name for row in rows]
    outputs = _of_signatures(version, texts)
    return compare_outputs(reference, outputs), names


def _column(path, file, encoding):
    """Returns the texts in a table, in the column that the recipe names."""
    recipe = _regular_file.read_object(
        "watch", path / "recipe.json", "a recipe"
    )
    column = recipe.get("text_column", "text")
    frame = data.read_csv(
        "watch", file, encoding=encoding or recipe.get("encoding", "auto")
    )
    data.table_file.check_columns("watch", frame, text_column=column)
    cells = frame[column].fillna("").astype(str).str.strip()
    return [text.encode() for text in cells if text]


def _of_signatures(version, texts):
    """Returns what a SavedModel makes of texts, tokenised by itself."""
    if "embeddings" not in version.signatures:
        raise ExportError(
            "watch: the version must have the signature `embeddings`, because "
            "what goes into the head is compared. Received: "
            f"{sorted(version.signatures)}. Train with a dense head."
        )
    found: dict[str, list[Any]] = {"embeddings": [], "probabilities": []}
    for start in range(0, len(texts), _BATCH):
        given = {"texts": np.array(texts[start : start + _BATCH], object)}
        for signature, output in (
            ("embeddings", "embeddings"),
            ("serving_default", "probabilities"),
        ):
            found[output].append(version.call(signature, given)[output])
    return ModelOutputs(*(np.concatenate(each) for each in found.values()))


def _table(path, reference, what, encoding):
    from aet_keras.export import table_manifest

    specification = table_manifest.read_table_manifest(path)
    recipe = _regular_file.read_object(
        "watch", path / "recipe.json", "a recipe"
    )
    parts, names = [], []
    for file in what:
        rows = data.table_reading.read_table_rows(
            file,
            specification,
            encoding=encoding or recipe.get("encoding", "auto"),
            categories=table_manifest.read_categories(path),
            say=lambda sentence: click.echo(sentence, err=True),
        )
        parts.append(rows)
        count = len(next(iter(rows.values())))
        names += [f"{file}:{number}" for number in range(1, count + 1)]
    cells = {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }
    for column in specification.columns:
        if column.kind == "date":  # a server takes texts, the model days
            cells[column.name] = data.date_cells.to_days(
                cells[column.name], column.format.date_format
            )
    model = _regular_file.load_model(path / "model.keras")
    return compare(model, reference, cells), names


def _files(what, kind):
    """Returns files, those of folders in the order of their names."""
    found = []
    for each in what:
        if not _regular_file.is_folder(each):
            found.append(each)
            continue
        inside = sorted(p for p in pathlib.Path(each).rglob("*") if kind.has(p))
        if not inside:
            raise DataError(
                f"watch: a folder must hold {kind.noun}s, because they are "
                f"compared. Received: {os.fspath(each)}, with none. Name "
                "another folder."
            )
        found += map(str, inside)
    return found


def _readable(rows: list[Row]) -> list[Row]:
    """Returns the rows that could be read, and says which could not."""
    bad = [row for row in rows if row.reason]
    good = [row for row in rows if not row.reason]
    if bad:
        said = f"watch: {len(bad)} of {len(rows)} could not be read: "
        said += reasons_of(bad)
        if not good:
            raise DataError(f"{said}. Name files that can be.")
        click.echo(f"{said}. They are left out.", err=True)
    return good


_KINDS = {"image": _images, "text": _texts, "table": _table}
