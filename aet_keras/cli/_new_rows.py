"""Reads files and folders as new rows of a published classifier."""

import collections
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import click
import numpy as np

from aet_keras import _regular_file, data
from aet_keras._keras import reading
from aet_keras._wording import counted
from aet_keras.cli._inputs import read_texts, text_cells
from aet_keras.cli._new_images import (
    ID,
    files_of,
    folder_of,
    read_new_images,
    readable,
)
from aet_keras.cli._options import check_of_use
from aet_keras.cli._recorded_new_rows import are_recorded, read_recorded
from aet_keras.cli._truths import check_tables, truths
from aet_keras.data.folder_layout import TEXT
from aet_keras.data.names import known_classes
from aet_keras.errors import DataError, ExportError
from aet_keras.publishing.data_kind import check_one_answer, read_kind
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training import text_job
from aet_keras.training.job import load_earlier
from aet_keras.training.teachers import names_of


@dataclasses.dataclass(frozen=True, eq=False)
class NewRows:
    """Holds new rows as the model of a version takes them.

    Args:
        x: array, or dict of arrays: uint8 images, tokens of texts, or the
            columns of a table.
        names: list of str. What a person calls each row.
        ids: list of str. What a file of labels calls it: the name of its
            file, or its cell in the column `id`, or the number of the row.
        times: list of floats, seconds since 1970, or None where not known.
        classes: list of str. The class of each row, `""` if not known.
        texts: list of str. Texts as they were written; empty of other kinds.
    """

    x: Any
    names: list[str]
    ids: list[str]
    times: list[float | None]
    classes: list[str]
    texts: list[str] = dataclasses.field(default_factory=list)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.names)

    def take(self, rows: Sequence[int]) -> "NewRows":
        """Returns some of the rows, by their numbers."""
        numbers: Any = np.array(rows, int)
        named = ("names", "ids", "times", "classes", "texts")
        lists = {name: getattr(self, name) for name in named}
        return NewRows(
            reading.take(self.x, numbers),
            **{
                n: each and [each[r] for r in rows] for n, each in lists.items()
            },
        )


@dataclasses.dataclass(frozen=True)
class Asked:
    """Holds which rows are to be read, for which version.

    Args:
        owner: str. The command, in sentences.
        path: path of the version.
        model: its `keras.Model`.
        what: files and folders, or what a server has recorded.
        encoding: optional str, of files of texts or rows.
        is_labelled: bool. Whether to read classes, too: the names of folders,
            or the column of a table that the model predicts.
        takes: as of `check_one_answer`.
    """

    owner: str
    path: pathlib.Path
    model: Any
    what: Sequence[str]
    encoding: str | None = None
    is_labelled: bool = False
    takes: Collection[str] = ()

    @functools.cached_property
    def recipe(self) -> dict[str, Any]:
        """The recipe of the version, as it is written."""
        return _regular_file.read_object(
            self.owner, self.path / "recipe.json", "a recipe"
        )

    @functools.cached_property
    def specification(self) -> Any:
        """The `TableSpecification` of a version of table rows or items."""
        from aet_keras.export import item_model, table_manifest

        if self.recipe.get("kind") == "item":
            return item_model.read_item_manifest(self.path)
        return table_manifest.read_table_manifest(self.path)

    @functools.cached_property
    def are_recorded(self) -> bool:
        """Whether the rows are what a server was asked.

        Raises:
            DataError: if some are, or if their classes are asked for.
        """
        if not are_recorded(self.owner, self.what):
            return False
        if not self.is_labelled:
            return True
        raise DataError(
            f"{self.owner}: with `--labelled`, rows must have classes, and "
            f"recorded ones have none. Received: {', '.join(self.what)}. "
            "`aet-keras adapt --labels late.csv` takes their labels."
        )

    def say(self, sentence: str) -> None:
        """Says what a person should know, beside the command's output."""
        click.echo(sentence, err=True)

    @property
    def encoding_of_files(self) -> str:
        """The encoding that is given, or else that of the training data."""
        return self.encoding or self.recipe.get("encoding", "auto")

    def frame(self, file: str) -> Any:
        """Returns the cells of a table as they are written."""
        return data.read_csv(self.owner, file, encoding=self.encoding_of_files)

    def cells(self, frame: Any, column: str) -> list[str]:
        """Returns the cells of a column of a table."""
        data.table_file.check_columns(self.owner, frame, column=column)
        return data.table_cells.stripped(frame[column]).tolist()

    def columns(self, frame: Any, file: str) -> dict[str, Any]:
        """Returns the columns of a table of rows as the model takes them."""
        from aet_keras.export import table_manifest

        cells = data.table_reading.frame_rows(
            self.owner,
            frame,
            self.specification,
            file,
            categories=table_manifest.read_categories(self.path),
            say=self.say,
        )
        return data.date_cells.dates_to_days(cells, self.specification.columns)

    @functools.cached_property
    def class_names(self) -> tuple[str, ...]:
        """The classes that the version knows; none of a number."""
        if self.recipe.get("kind") in ("table", "item"):
            return tuple(self.specification.class_names)
        return names_of(self.path)

    def classes_of(self, cells: Sequence[str]) -> list[str]:
        """Returns the classes that cells mean, as the training data's did.

        A word for a missing label is none, and `1.0` is the class `1`. Cells
        of a number stay as they are.
        """
        if not self.class_names:
            return list(cells)
        return known_classes(cells, self.class_names, self.missing)

    @functools.cached_property
    def target_format(self) -> Any:
        """The `CellFormat` of the number that the version predicts."""
        from aet_keras.export.table_manifest import read_target_format

        return read_target_format(self.path)

    @functools.cached_property
    def missing(self) -> Collection[str]:
        """The words for missing cells, as the training data's were read."""
        if self.recipe.get("kind") in ("table", "item"):
            return self.specification.missing
        given = self.recipe.get("missing")
        return data.table_cells.missing_words(self.owner, given)

    def ids(self, frame: Any) -> list[str]:
        """Returns what names the rows of a table."""
        if ID in frame.columns:
            return self.cells(frame, ID)
        return [str(number) for number in range(1, len(frame) + 1)]


def check_classifier(
    path: pathlib.Path, owner: str, takes: Collection[str] = ()
) -> str:
    """Returns the kind of a version's data, unless it is of ratings.

    Args:
        path: path of the version.
        owner: str. The command, in sentences.
        takes: as of `check_one_answer`.

    Raises:
        ExportError: if the version is no classifier.
    """
    kind = read_kind(path, owner)
    check_one_answer(path, owner, takes=takes)
    if kind in _READERS:
        return kind
    raise ExportError(
        f"{owner}: FOLDER must hold a model of images, texts, table rows or "
        f"items, because of ratings no single rows are judged. Received: "
        f"{path}, of ratings. Compare the figures of its reports instead."
    )


def check_each_once(owner: str, what: Sequence[str]) -> None:
    """Raises if a row would be read twice, and be proof twice.

    Args:
        owner: str. The command, in sentences.
        what: files and folders.

    Raises:
        DataError: if one is named twice, or lies in another.
    """
    whole = [pathlib.Path(each).resolve() for each in what]
    counts = collections.Counter(whole)  # a pattern may name very many
    for given, path in zip(what, whole, strict=True):
        if counts[path] == 1 and counts.keys().isdisjoint(path.parents):
            continue
        raise DataError(
            f"{owner}: each file must be named once, because each row counts "
            f"as one. Received: {given}, twice or in another folder that is "
            "named. Leave it out."
        )


def check_encoding(asked: Asked, kind: str, labels: str | None = None) -> None:
    """Raises if an encoding is given that nothing is read with.

    Args:
        asked: `Asked`.
        kind: str. The kind of the version's data.
        labels: optional str. A table of labels, which is read with it, too.

    Raises:
        ValueError: if there is no file of rows or texts.
    """
    if labels is not None:
        return
    is_table = any(map(data.table_file.is_csv, asked.what))
    why = "these are recorded" if asked.are_recorded else ""
    if kind == "image" and not is_table:
        why = why or "these are images"
    if why:
        check_of_use(asked.owner, why, encoding=asked.encoding)


def read_new_rows(asked: Asked) -> NewRows:
    """Reads rows as the model of a version takes them.

    Args:
        asked: `Asked`.

    Raises:
        DataError: if there are none, they cannot be read, or one has no class
            though classes are asked for.
        ExportError: if the version is no classifier.
    """
    kind = check_classifier(asked.path, asked.owner, asked.takes)
    if not asked.are_recorded:
        check_tables(asked)
        rows = _READERS[kind](asked)
        if asked.is_labelled:
            _check_classes(asked, rows)
        return rows
    found = read_recorded(asked, kind)
    times: list[float | None] = list(found.times)
    unknown = [""] * len(times)
    return NewRows(found.x, found.names, found.ids, times, unknown, found.texts)


def _check_classes(asked, rows):
    if "" not in rows.classes:
        return
    without = [
        name
        for name, each in zip(rows.names, rows.classes, strict=True)
        if not each
    ]
    raise DataError(
        f"{asked.owner}: with `--labelled`, each row must have a class. "
        f"Received: {counted(len(without), 'row')} of {rows.count} without "
        f"one, the first is {without[0]}. Leave out the rows that have none, "
        "or give `aet-keras adapt` the classes that are known by `--labels`."
    )


def load_model(path: pathlib.Path) -> Any:
    """Returns the `keras.Model` of a version, not compiled.

    Raises:
        ExportError: if it cannot be loaded.
    """
    if read_kind(path, "load_model") == "text":
        text_job.load_layers()
    return load_earlier(str(path))


def _images(asked):
    return NewRows(**read_new_images(asked))


def _texts(asked):
    found = []
    for each in asked.what:
        is_table = data.table_file.is_csv(each)
        read = _text_rows if is_table else _text_files
        found += read(asked, each)
    if not found:
        raise DataError(
            f"{asked.owner}: there must be a text, because texts are "
            f"compared. Received: {', '.join(asked.what)}, with empty cells "
            "alone. Name other files."
        )
    texts, names, ids, classes = map(list, zip(*found, strict=True))
    recipe = load_recipe(asked.path / "recipe.json")
    tokens = text_job.tokens_of(recipe, asked.model, texts, version=asked.path)
    return NewRows(tokens, names, ids, [None] * len(names), classes, texts)


def _text_files(asked, given):
    """Yields the text, name, id and class of each of some .txt files."""
    files = files_of(asked, given, TEXT)
    rows = read_texts(files, asked.encoding_of_files)
    for row in readable(asked, list(rows)):
        label = folder_of(row.name) if asked.is_labelled else ""
        text = row.values["texts"].decode(errors="replace")
        yield text, row.name, pathlib.Path(row.name).name, label


def _text_rows(asked, file):
    """Yields the same of the rows of a table that have a text."""
    frame, recipe = asked.frame(file), asked.recipe
    cells = text_cells(asked.owner, frame, recipe)
    classes = [""] * len(cells)
    if asked.is_labelled:
        classes = truths(asked, frame, recipe.get("label_column", "label"))
    rows = zip(cells, asked.ids(frame), classes, strict=True)
    for number, (text, name, label) in enumerate(rows, start=1):
        if text:
            yield text, f"{file}:{number}", name, label


def _table(asked):
    parts, names, ids, classes = [], [], [], []
    for file in asked.what:
        frame = asked.frame(file)
        parts.append(asked.columns(frame, file))
        names += [f"{file}:{number}" for number in range(1, len(frame) + 1)]
        ids += asked.ids(frame)
        if asked.is_labelled:
            classes += truths(asked, frame, asked.specification.target)
    classes = classes or [""] * len(names)
    return NewRows(
        reading.join(parts), names, ids, [None] * len(names), classes
    )


def _items(asked):
    from aet_keras.cli._new_items import read_new_items

    return NewRows(**read_new_items(asked))


_READERS: dict[str, Callable[[Asked], NewRows]] = {
    "image": _images,
    "text": _texts,
    "table": _table,
    "item": _items,
}
