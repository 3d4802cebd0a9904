"""Which rows is a published model asked about?"""

import itertools
import json
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aet_keras.cli._pictures import read_pictures


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
    version: Any, path: pathlib.Path, given: Sequence[str]
) -> Questions:
    """Reads what a command was given as what the model takes.

    Args:
        version: `aet_keras.serving.LoadedVersion`.
        path: `saved_models/NAME/N`, where it was loaded from.
        given: files of pictures, texts, or files of table rows.

    Raises:
        ExportError: if the model takes nothing of the kind.
        DataError: if a table cannot be read.
    """
    from aet_keras.errors import ExportError

    signature = version.signatures.get("serving_default")
    inputs = signature.inputs if signature else {}
    images = inputs.get("images")
    if images is not None and images.shape.rank == 4 and images.shape[3] == 3:
        size = tuple(images.shape[1:3])
        return Questions("picture", _pictures(given, size))
    if set(inputs) == {"texts"}:
        return Questions("text", _texts(given))
    if _is_of_table(path):
        return Questions("row", _rows(given, path))
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


def _texts(given):
    for text in given:
        yield Question(text, {"texts": text.encode(errors="replace")})


def _rows(given, path):
    from aet_keras import data, export

    specification = export.read_table_manifest(path)
    for file in given:
        columns = data.read_table_rows(file, specification)
        names = list(columns)
        for number, cells in enumerate(zip(*columns.values(), strict=True), 1):
            values = dict(zip(names, cells, strict=True))
            yield Question(f"{file}:{number}", values)
