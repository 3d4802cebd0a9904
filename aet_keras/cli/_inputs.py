"""Loads the version that a command asks, and reads the rows it asks about."""

import dataclasses
import errno
import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from aet_keras import _regular_file
from aet_keras.cli._running import quiet_start
from aet_keras.errors import DataError, ExportError

_TOO_LONG = os.strerror(errno.ENAMETOOLONG)
# The outputs that are answered in the place of the likeliest class, and as
# what; see `answer_sets.py`.
CHOSEN = {"median": "median", "called": "costs least"}


@dataclasses.dataclass(frozen=True)
class Row:
    """Holds one row that a model is asked about.

    Args:
        name: str. What the row is called in the answer.
        values: dict of input to the row's array, or None.
        reason: str. Why there are none.
    """

    name: str
    values: Any = None
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Rows:
    """Holds the rows that a command was given.

    Args:
        noun: str. What one is: `"image"`, `"text"`, `"row"` or `"item"`.
        rows: iterator of `Row`.
    """

    noun: str
    rows: Iterator[Row]

    def batches(self, size: int) -> Iterator[list[Row]]:
        """Yields the rows, some at a time."""
        while batch := list(itertools.islice(self.rows, size)):
            yield batch


def load_version_of(
    folder: pathlib.Path, *, is_version_taken: bool = True
) -> tuple[pathlib.Path, Any]:
    """Finds a version, then loads it, because TensorFlow takes seconds.

    Args:
        folder: `saved_models/NAME`, of which the newest is taken, or
            `saved_models/NAME/N`.
        is_version_taken: whether the second is allowed.

    Returns:
        Its path, and an `aet_keras.serving.loaded_version.LoadedVersion`.
    """
    from aet_keras.publishing import publication

    if is_version_taken:
        path = publication.find_version(folder)
    else:
        path = publication.newest_version(folder)
    with quiet_start():
        from aet_keras.serving import load_version
    return path, load_version(path)


def read_rows(
    version: Any,
    path: pathlib.Path,
    given: Sequence[str],
    *,
    encoding: str | None = None,
    id_column: str | None = None,
) -> Rows:
    """Reads the arguments of a command as the inputs of a model.

    Args:
        version: `aet_keras.serving.loaded_version.LoadedVersion`.
        path: `saved_models/NAME/N`, where it was loaded from.
        given: files of images or tables that name them, texts or `.txt`
            files of one each, or files of table rows.
        encoding: optional str, of the files. Defaults to that of the data
            that the model has learned from.
        id_column: optional str. Of a table: the column that names its rows.

    Raises:
        ExportError: if the model takes nothing of the kind.
        DataError: if a file cannot be read.
        ValueError: if `id_column` is given for what is no table.
    """
    signature = version.signatures.get("serving_default")
    inputs = signature.inputs if signature else {}
    if id_column is not None and not _has_columns(version.kind, given):
        raise ValueError(
            "predict: `--id` must go with a table, because only a table has "
            f"columns. Received: --id {id_column}. Leave it out."
        )
    if version.kind == "image" and "images" in inputs:
        shape = inputs["images"].shape
        if shape.rank == 4 and shape[3] == 3:
            size = tuple(shape[1:3])
            rows = _images(given, size, path, encoding, id_column)
            return Rows("image", rows)
    if version.kind in ("text", "table", "item"):
        encoding = encoding or _encoding(path)
        if version.kind == "item":
            return Rows("item", _items(given, path, encoding, id_column))
        if version.kind == "text":
            return Rows("text", _texts(given, path, encoding, id_column))
        return Rows("row", _rows(given, path, encoding, id_column))
    raise ExportError(
        f"predict: {path.parent} must hold a classifier of images, texts or "
        "table rows, whose signature `serving_default` takes RGB `images`, "
        f"`texts` or the columns. Received: signatures "
        f"{sorted(version.signatures)}. Name a folder that `aet-keras fit` "
        "was given as `--out`."
    )


def _images(given, size, path, encoding, id_column):
    for each in given:
        if not is_table_named(each):
            yield from read_images([each], size)
            continue
        files, frame = named_images("predict", each, path, encoding)
        ids = [name or f"{each}:{n}" for n, name in enumerate(files, start=1)]
        if id_column is not None:
            ids = _ids(each, encoding or "auto", id_column, len(files))
        for name, row in zip(ids, read_images(files, size), strict=True):
            yield dataclasses.replace(row, name=name)


def named_images(
    owner: str, table: str, path: pathlib.Path, encoding: str | None = None
) -> tuple[list[str], Any]:
    """Returns the images that the rows of a table name, and the table.

    Their column is that of the recipe of the version in `path`.
    """
    from aet_keras import data

    frame = data.read_csv(owner, table, encoding=encoding or "auto")
    column = _recipe(path).get("image_column")
    return data.image_table.read_image_names(owner, frame, column, table), frame


def read_images(
    files: Iterable[str | os.PathLike], image_size: tuple[int, int]
) -> Iterator[Row]:
    """Reads each image as training does; a damaged one has its reason."""
    from aet_keras.data.image_decoding import bombs_refused

    with bombs_refused():
        for file in files:
            yield _read_image(file, image_size)


def _read_image(file, image_size):
    from aet_keras.data.image_decoding import decode
    from aet_keras.data.streamed_images import reason_of

    if not file:
        return Row("", reason="its row names no image")
    path = pathlib.Path(file)
    name = str(path)
    reason = _regular_file.why_not(path)
    if reason not in ("", "not there"):  # to open a pipe would wait
        return Row(name, reason=reason)
    try:
        return Row(name, {"images": decode(path, image_size)[0]})
    except Exception as error:  # as damage is met: see `decode`
        words = getattr(error, "strerror", None)
        return Row(name, reason=words or reason_of(error))


def _encoding(path):
    """Returns the encoding of the data that a version was trained on."""
    return _recipe(path).get("encoding", "auto")


def _recipe(path):
    """Returns the recipe of a version as it is written; empty without one."""
    recipe = path / "recipe.json"
    if _regular_file.why_not(recipe):
        return {}
    return _regular_file.read_object("predict", recipe, "a recipe")


def is_table_named(text: str) -> bool:
    """Says whether what is given as a text names a table, there or not."""
    from aet_keras.data.table_file import is_csv

    return is_csv(text) and _names_file(text)


def is_file_named(text: str) -> bool:
    """Says whether what is given as a text names a table or a `.txt` file."""
    is_txt = text.lower().endswith(".txt")
    return is_table_named(text) or (is_txt and _names_file(text))


def _names_file(text):
    """Says whether a text with the ending of a file is meant as its name.

    A file that exists is never taken for a text of the same words.
    """
    problem = _regular_file.why_not(text)
    if problem == "not there":
        return len(text.split()) == 1
    return problem != _TOO_LONG


def _has_columns(kind, given):
    if kind in ("text", "image"):
        return any(map(is_table_named, given))
    return kind in ("table", "item")


def _texts(given, path, encoding, id_column):
    for each in given:
        if is_table_named(each):
            yield from _text_rows(each, path, encoding, id_column)
        else:
            yield from read_texts([each], encoding)


def _text_rows(file, path, encoding, id_column):
    """Yields the texts of a table, in the column that was learned from."""
    from aet_keras import data

    frame = data.read_csv("predict", file, encoding=encoding)
    for note in frame.attrs["notes"]:
        click.echo(note, err=True)
    cells = text_cells("predict", frame, _recipe(path))
    ids = _ids(file, encoding, id_column, len(cells))
    for name, cell in zip(ids, cells, strict=True):
        if cell:
            yield Row(name, {"texts": cell.encode(errors="replace")})
        else:
            yield Row(name, reason="no text in its row")


def text_cells(owner: str, frame: Any, recipe: dict[str, Any]) -> list[str]:
    """Returns the texts of a table as training reads them; none are empty.

    Args:
        owner: str. The command, in sentences.
        frame: what `read_csv` returned.
        recipe: dict. The recipe of the version, as it is written.

    Raises:
        DataError: if the column of the recipe is not there.
    """
    from aet_keras import data
    from aet_keras.data.specifications import CellFormat

    column = recipe.get("text_column", "text")
    data.table_file.check_columns(owner, frame, text_column=column)
    missing = data.table_cells.missing_words(owner, recipe.get("missing"))
    cells = data.table_cells.stripped(frame[column])
    form = CellFormat(missing=missing)
    return data.table_cells.words_of(cells, form).tolist()


def read_texts(given: Iterable[str], encoding: str) -> Iterator[Row]:
    """Reads `.txt` files; what names none is a text itself."""
    for text in given:
        problem = _regular_file.why_not(text)
        is_txt = text.lower().endswith(".txt")
        if is_txt and _names_file(text):
            yield (
                Row(text, reason=problem)
                if problem
                else _of_file(text, encoding)
            )
        elif not problem and pathlib.Path(text).suffix and not is_txt:
            yield Row(text, reason="a file, and neither `.txt` nor a table")
        else:
            yield Row(text, {"texts": text.encode(errors="replace")})


def _of_file(name, encoding):
    from aet_keras import data

    try:
        text, notes = data.text_encoding.read_text_file(
            "predict", name, encoding=encoding
        )
    except DataError as error:
        return Row(name, reason=str(error))
    for note in notes:
        click.echo(note, err=True)
    return Row(name, {"texts": text.strip().encode()})


def _rows(given, path, encoding, id_column):
    from aet_keras import data, export

    specification = export.table_manifest.read_table_manifest(path)
    settings = {
        "categories": export.table_manifest.read_categories(path),
        "encoding": encoding,
        "say": lambda sentence: click.echo(sentence, err=True),
    }
    for file in given:
        columns = data.table_reading.read_table_rows(
            file, specification, **settings
        )
        names = list(columns)
        rows = list(zip(*columns.values(), strict=True))
        ids = _ids(file, encoding, id_column, len(rows))
        for name, cells in zip(ids, rows, strict=True):
            yield Row(name, dict(zip(names, cells, strict=True)))


def _items(given, path, encoding, id_column):
    """Yields the items of tables; one whose image is bad has its reason."""
    from aet_keras import data, export
    from aet_keras.export.item_model import read_item_manifest

    specification = read_item_manifest(path)
    settings = {
        "categories": export.table_manifest.read_categories(path),
        "say": lambda sentence: click.echo(sentence, err=True),
    }
    for file in given:
        frame = data.read_csv("predict", file, encoding=encoding)
        cells = data.table_reading.frame_rows(
            "predict", frame, specification, file, **settings
        )
        files, texts = data.item_table.read_item_rows(
            frame, specification, file
        )
        ids = _ids(file, encoding, id_column, len(files))
        size = specification.image_size
        for number, (name, image) in enumerate(zip(ids, files, strict=True)):
            row = Row(name, {"images": None})
            if image:
                row = _read_image(image, size)
            if row.reason:
                yield Row(name, reason=f"{image}: {row.reason}")
                continue
            yield Row(
                name,
                {
                    specification.image_name: _png(row.values["images"]),
                    specification.text_name: texts[number],
                    **{key: column[number] for key, column in cells.items()},
                },
            )


def _png(pixels):
    """Returns the bytes of an image as a server takes it."""
    from aet_keras.export.image_model import encode_png

    return b"" if pixels is None else encode_png(pixels[None])[0]


def stacked(cells: Sequence[Any]) -> Any:
    """Returns the cells of an input, one a row, as one array."""
    import numpy as np

    if isinstance(cells[0], bytes | str):  # NumPy would pad each to the longest
        return np.array(list(cells), object)
    return np.stack([np.asarray(cell) for cell in cells])


def _ids(file, encoding, column, count):
    """Returns the names of the rows of a file."""
    from aet_keras import data

    if column is None:
        return [f"{file}:{number}" for number in range(1, count + 1)]
    frame = data.read_csv("predict", file, encoding=encoding)
    data.table_file.check_columns("predict", frame, id=column)
    return frame[column].fillna("").astype(str).str.strip().tolist()


def reasons(bad: Sequence[Row]) -> str:
    """Returns the first three of some rows, each with its reason."""
    shown = "; ".join(f"{row.name} ({row.reason})" for row in bad[:3])
    return shown + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")
