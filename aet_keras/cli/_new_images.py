"""Reads images as new rows: of files, of folders, and of tables."""

import dataclasses
import os
import pathlib
from typing import Any

import numpy as np

from aet_keras import _regular_file, data
from aet_keras._wording import counted, listed
from aet_keras.cli._inputs import Row, named_images, read_images
from aet_keras.cli._inputs import reasons as reasons_of
from aet_keras.cli._truths import truths
from aet_keras.data.folder_layout import IMAGE, Kind, is_seen
from aet_keras.errors import DataError

ID = "id"  # the column that names the rows of a table, if there is one


def read_new_images(asked: Any) -> dict[str, Any]:
    """Reads images of files, folders and tables that name them.

    Those that cannot be read are left out, and said.

    Args:
        asked: `Asked`.

    Returns:
        dict of what a `NewRows` holds.

    Raises:
        DataError: if there are none, or a table has no column of images.
    """
    found = []
    for each in asked.what:
        is_table = data.table_file.is_csv(each)
        found += (_of_table if is_table else _of_files)(asked, each)
    if not found:
        raise DataError(
            f"{asked.owner}: there must be an image, because images are "
            f"compared. Received: {', '.join(asked.what)}, without rows. Name "
            "other files."
        )
    files, names, ids, classes = map(list, zip(*found, strict=True))
    read = read_images(files, tuple(asked.model.input_shape[1:3]))
    rows = [
        dataclasses.replace(row, name=name)
        for row, name in zip(read, names, strict=True)
    ]
    good = [number for number, row in enumerate(rows) if not row.reason]
    pixels = [row.values["images"] for row in readable(asked, rows)]
    return dict(
        x=np.stack(pixels),
        names=[names[row] for row in good],
        ids=[ids[row] for row in good],
        times=[None] * len(good),
        classes=[classes[row] for row in good],
    )


def _of_files(asked, given):
    """Yields the file, name, id and class of each image of files, folders."""
    for file in files_of(asked, given, IMAGE):
        label = folder_of(file) if asked.is_labelled else ""
        yield file, str(pathlib.Path(file)), pathlib.Path(file).name, label


def _of_table(asked, table):
    """Yields the same of the images that the rows of a table name."""
    files, frame = named_images(
        asked.owner, table, asked.path, asked.encoding_of_files
    )
    ids = [pathlib.Path(file).name for file in files]
    if ID in frame.columns:
        ids = asked.ids(frame)
    classes = [""] * len(files)
    if asked.is_labelled:
        classes = truths(asked, frame, asked.recipe.get("target"))
    rows = zip(files, ids, classes, strict=True)
    for number, (file, own, label) in enumerate(rows, start=1):
        yield file, file or f"{table}:{number}", own, label


def folder_of(name: str) -> str:
    """Returns the folder that a file is in, which is the name of its class."""
    return pathlib.Path(name).absolute().parent.name


def files_of(asked: Any, given: str, kind: Kind) -> list[str]:
    """Returns a file, or those of a folder in the order of their names.

    Args:
        asked: `Asked`.
        given: str. A file or folder.
        kind: `Kind` of the files.

    Raises:
        DataError: if a folder has none.
    """
    if not _regular_file.is_folder(given):
        return [given]
    paths = sorted(pathlib.Path(given).rglob("*"))
    paths = [path for path in paths if is_seen(path, pathlib.Path(given))]
    inside = [path for path in paths if kind.has(path)]
    rest = sorted({*paths} - {*inside})
    others = [path for path in rest if not path.is_dir()]
    if not inside:
        raise DataError(
            f"{asked.owner}: a folder must hold {kind.noun}s, because they "
            f"are compared. Received: {os.fspath(given)}, with none. Name "
            "another folder."
        )
    if others:
        files = counted(len(others), "file is", "files are")
        asked.say(
            f"{asked.owner}: {files} no {kind.noun} by name and left out: "
            f"{listed(map(str, others))}."
        )
    return [str(path) for path in inside]


def readable(asked: Any, rows: list[Row]) -> list[Row]:
    """Returns the rows that could be read, and says which could not."""
    bad = [row for row in rows if row.reason]
    good = [row for row in rows if not row.reason]
    if bad:
        said = f"{asked.owner}: {len(bad)} of {len(rows)} could not be read: "
        said += reasons_of(bad)
        if not good:
            raise DataError(f"{said}. Name files that can be.")
        asked.say(f"{said}. They are left out.")
    return good
