"""Reads the images, texts and rows that a command is given."""

import errno
import itertools
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

_TOO_LONG = os.strerror(errno.ENAMETOOLONG)


@dataclass(frozen=True)
class Question:
    """Holds one row to be answered.

    Args:
        name: str. What the row is called in the answer.
        values: dict of input to the row's array, or None.
        reason: str. Why there are none.
    """

    name: str
    values: Any = None
    reason: str = ""


@dataclass(frozen=True)
class Questions:
    """Holds the rows that a command was given.

    Args:
        noun: str. What one is: `"picture"`, `"text"` or `"row"`.
        rows: iterator of `Question`.
    """

    noun: str
    rows: Iterator[Question]

    def batches(self, size: int) -> Iterator[list[Question]]:
        """Yields the rows, some at a time."""
        while batch := list(itertools.islice(self.rows, size)):
            yield batch


def find_questions(
    version: Any,
    path: pathlib.Path,
    given: Sequence[str],
    *,
    encoding: str | None = None,
    id_column: str | None = None,
) -> Questions:
    """Reads what a command was given as what the model takes.

    Args:
        version: `aet_keras.serving.LoadedVersion`.
        path: `saved_models/NAME/N`, where it was loaded from.
        given: files of pictures, texts or `.txt` files of one each, or files
            of table rows.
        encoding: optional str, of the files. Defaults to that of the data
            that the model has learned from.
        id_column: optional str. Of a table: the column that names its rows.

    Raises:
        ExportError: if the model takes nothing of the kind.
        DataError: if a file cannot be read.
        ValueError: if `id_column` is given for what is no table.
    """
    from aet_keras.errors import ExportError

    signature = version.signatures.get("serving_default")
    inputs = signature.inputs if signature else {}
    if id_column is not None and not _is_of_table(path):
        raise ValueError(
            "predict: `--id` must go with a table, because only a table has "
            f"columns. Received: --id {id_column}. Leave it out."
        )
    images = inputs.get("images")
    if images is not None and images.shape.rank == 4 and images.shape[3] == 3:
        size = tuple(images.shape[1:3])
        return Questions("picture", _pictures(given, size))
    encoding = encoding or _encoding(path)
    if set(inputs) == {"texts"}:
        return Questions("text", _texts(given, encoding))
    if _is_of_table(path):
        return Questions("row", _rows(given, path, encoding, id_column))
    raise ExportError(
        f"predict: {path.parent} must hold a classifier of pictures, texts or "
        "table rows, whose signature `serving_default` takes RGB `images`, "
        f"`texts` or the columns. Received: signatures "
        f"{sorted(version.signatures)}. Name a folder that `aet-keras fit` "
        "was given as `--out`."
    )


def _is_of_table(path):
    manifest = path / "manifest.json"  # `load_version` has checked it
    return manifest.is_file() and "table" in json.loads(manifest.read_text())


def _pictures(given, size):
    for reading in read_pictures(map(pathlib.Path, given), size):
        values = None if reading.reason else {"images": reading.pixels}
        yield Question(str(reading.path), values, reading.reason)


def _encoding(path):
    """Returns how the data were written down that a version comes from."""
    from aet_keras import _regular_file

    recipe = path / "recipe.json"
    if _regular_file.why_not(recipe):
        return "auto"
    said = _regular_file.read_object("predict", recipe, "a recipe")
    return said.get("encoding", "auto")


def _texts(given, encoding):
    from aet_keras import _regular_file

    for text in given:
        # What is there is never taken for a text that is called like it.
        said = _regular_file.why_not(text)
        is_file = text.lower().endswith(".txt") and said != _TOO_LONG
        if is_file and said == "not there":
            is_file = len(text.split()) == 1
        if not is_file:
            yield Question(text, {"texts": text.encode(errors="replace")})
        elif said:
            yield Question(text, reason=said)
        else:
            yield _of_file(text, encoding)


def _of_file(name, encoding):
    from aet_keras import data
    from aet_keras.errors import DataError

    try:
        text, notes = data.text_encoding.read_text_file(
            "predict", name, encoding=encoding
        )
    except DataError as error:
        return Question(name, reason=str(error))
    for note in notes:
        click.echo(note, err=True)
    return Question(name, {"texts": text.strip().encode()})


def _rows(given, path, encoding, id_column):
    from aet_keras import data, export

    specification = export.read_table_manifest(path)
    settings = {
        "categories": export.read_categories(path),
        "encoding": encoding,
        "say": lambda sentence: click.echo(sentence, err=True),
    }
    for file in given:
        columns = data.read_table_rows(file, specification, **settings)
        names = list(columns)
        rows = list(zip(*columns.values(), strict=True))
        ids = _ids(file, encoding, id_column, len(rows))
        for name, cells in zip(ids, rows, strict=True):
            yield Question(name, dict(zip(names, cells, strict=True)))


def _ids(file, encoding, column, count):
    """Returns what the rows of a file are called."""
    from aet_keras import data

    if column is None:
        return [f"{file}:{number}" for number in range(1, count + 1)]
    frame = data.read_csv("predict", file, encoding=encoding)
    data.table_file.check_columns("predict", frame, id=column)
    return frame[column].fillna("").astype(str).str.strip().tolist()


@dataclass(frozen=True)
class Reading:
    """Holds what became of one picture.

    Args:
        path: `pathlib.Path`.
        pixels: uint8 array `(height, width, 3)`, or None.
        reason: str. Why there are none.
    """

    path: pathlib.Path
    pixels: Any = None
    reason: str = ""


def read_pictures(
    paths: Iterable[pathlib.Path], image_size: tuple[int, int]
) -> Iterator[Reading]:
    """Reads each picture as training does, bad ones too."""
    from aet_keras.data.image_decoding import bombs_refused

    with bombs_refused():
        for path in paths:
            yield _read(path, image_size)


def named(bad: list[Reading]) -> str:
    """Returns the first three of some pictures, each with its reason."""
    said = "; ".join(f"{each.path} ({each.reason})" for each in bad[:3])
    return said + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")


def _read(path, image_size):
    from PIL import UnidentifiedImageError

    from aet_keras import _regular_file
    from aet_keras.data.image_decoding import decode

    reason = _regular_file.why_not(path)
    if reason not in ("", "not there"):  # to open a pipe would wait
        return Reading(path, reason=reason)
    try:
        return Reading(path, decode(path, image_size)[0])
    except UnidentifiedImageError:
        return Reading(path, reason="not a picture")
    except Exception as error:  # as damage is met: see `decode`
        return Reading(
            path, reason=getattr(error, "strerror", None) or str(error)
        )
