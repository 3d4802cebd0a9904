"""Reads rows of files and folders, and compares them with a version's."""

import dataclasses
import functools
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
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference, load_reference
from aet_keras.drift.shift import Shift
from aet_keras.errors import DataError, ExportError
from aet_keras.publishing.data_kind import read_kind
from aet_keras.publishing.publication import find_version

_BATCH = 64


def compare_with_version(
    folder: pathlib.Path,
    what: Sequence[str],
    *,
    encoding: str | None,
    is_labelled: bool = False,
) -> tuple[Shift, list[str]]:
    """Compares rows with the reference of a published version.

    Args:
        folder: `saved_models/NAME`, or `saved_models/NAME/N`.
        what: files and folders of new rows.
        encoding: optional str, of files of texts or rows.
        is_labelled: bool. Whether to read classes, too: the names of folders,
            or the column of a table that the model predicts.

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
    asked = _Asked(path, load_reference(path), what, encoding, is_labelled)
    return _KINDS[kind](asked)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Holds what is compared with which version."""

    path: pathlib.Path
    reference: Reference
    what: Sequence[str]
    encoding: str | None
    is_labelled: bool

    @functools.cached_property
    def recipe(self):
        """The recipe of the version, as it is written."""
        return _regular_file.read_object(
            "watch", self.path / "recipe.json", "a recipe"
        )

    @property
    def encoding_of_files(self):
        return self.encoding or self.recipe.get("encoding", "auto")

    def labels(self, classes: Sequence[str]) -> np.ndarray | None:
        """Returns the numbers of classes; unknown ones have one too many."""
        if not self.is_labelled:
            return None
        if "" in classes:
            raise DataError(
                "watch: with `--labelled`, each row must have a class. "
                f"Received: none for row {list(classes).index('') + 1}. Leave "
                "out the rows that have none."
            )
        known = {n: i for i, n in enumerate(self.reference.class_names)}
        return np.array([known.get(each, len(known)) for each in classes])

    def cells(self, file, column):
        """Returns the cells of a column of a table, as str."""
        frame = data.read_csv("watch", file, encoding=self.encoding_of_files)
        data.table_file.check_columns("watch", frame, column=column)
        return data.table_cells.stripped(frame[column].astype(str)).tolist()


def _images(asked):
    model = _regular_file.load_model(asked.path / "model.keras")
    files = _files(asked.what, IMAGE)
    rows = _readable(list(read_images(files, tuple(model.input_shape[1:3]))))
    images = np.stack([row.values["images"] for row in rows])
    names = [row.name for row in rows]
    labels = asked.labels([_folder_of(name) for name in names])
    return compare(model, asked.reference, images, labels), names


def _folder_of(name):
    return pathlib.Path(name).absolute().parent.name


def _texts(asked):
    _, version = load_version_of(asked.path)
    texts, names, classes = [], [], []
    for each in asked.what:
        if data.table_file.is_csv(each):
            found = _text_rows(asked, each)
        else:
            files = _files([each], TEXT)
            rows = read_rows(
                version, asked.path, files, encoding=asked.encoding
            ).rows
            found = [
                (row.values["texts"], row.name, _folder_of(row.name))
                for row in _readable(list(rows))
            ]
        for text, name, label in found:
            texts.append(text)
            names.append(name)
            classes.append(label)
    outputs = _of_signatures(version, texts)
    labels = asked.labels(classes)
    if labels is not None:
        outputs = dataclasses.replace(outputs, labels=labels)
    return compare_outputs(asked.reference, outputs), names


def _text_rows(asked, file):
    """Returns the texts, names and classes in a table that are not empty."""
    recipe = asked.recipe
    cells = asked.cells(file, recipe.get("text_column", "text"))
    classes = [""] * len(cells)
    if asked.is_labelled:
        classes = asked.cells(file, recipe.get("label_column", "label"))
    return [
        (text.encode(), f"{file}:{number}", label)
        for number, (text, label) in enumerate(
            zip(cells, classes, strict=True), start=1
        )
        if text
    ]


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


def _table(asked):
    from aet_keras.export import table_manifest

    specification = table_manifest.read_table_manifest(asked.path)
    categories = table_manifest.read_categories(asked.path)
    parts, names, classes = [], [], []
    for file in asked.what:
        rows = data.table_reading.read_table_rows(
            file,
            specification,
            encoding=asked.encoding_of_files,
            categories=categories,
            say=lambda sentence: click.echo(sentence, err=True),
        )
        parts.append(rows)
        count = len(next(iter(rows.values())))
        names += [f"{file}:{number}" for number in range(1, count + 1)]
        if asked.is_labelled:
            classes += asked.cells(file, specification.target)
    cells = {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }
    for column in specification.columns:
        if column.kind == "date":  # a server takes texts, the model days
            cells[column.name] = data.date_cells.to_days(
                cells[column.name], column.format.date_format
            )
    model = _regular_file.load_model(asked.path / "model.keras")
    labels = asked.labels(classes)
    return compare(model, asked.reference, cells, labels), names


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
