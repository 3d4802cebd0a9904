"""Reads images that a table names, with what it says of each."""

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _regular_file
from aet_keras._wording import counted, listed
from aet_keras.data.assembly import ImageOptions, assemble_images
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.image_pixels import read_pixels
from aet_keras.data.table_cells import stripped
from aet_keras.data.table_columns import make_reading, read_stripped
from aet_keras.data.table_file import check_columns
from aet_keras.data.target_reading import read_target, targets_of
from aet_keras.errors import DataError

_OWNER = "read_image_table"


def read_image_table(
    path: str | PathLike,
    *,
    image_column: str,
    target: str | None = None,
    label_columns: Sequence[str] | None = None,
    target_kind: str = "auto",
    **options: Any,
) -> Dataset[Specification]:
    """Reads images whose files a column of a table names.

    A name is a path from the folder of the table on, or a whole path. What
    another column says is predicted: a class, as of a folder of classes; a
    number; or tags, as of `read_table`. Rows without it are left out.

    Args:
        path: str or path of a table, as of `read_csv`.
        image_column: str. The column of the names of files.
        target: optional str. The column to predict.
        label_columns: optional sequence of str. In its place: columns of 0
            and 1, one a tag.
        target_kind: as of `read_table`. Defaults to `"auto"`.
        options: `image_size` and the others, as of `read_images`.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if a column or a file is missing, an image cannot be read,
            or the target cannot be learned.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> rows = ["file,price"]
    >>> for number in range(12):
    ...     image = np.full((8, 8, 3), 20 * number, "uint8")
    ...     keras.utils.save_img(folder / f"{number}.png", image, scale=False)
    ...     rows.append(f"{number}.png,{number}.5")
    >>> _ = (folder / "items.csv").write_text("\\n".join(rows))
    >>> from aet_keras.data.image_table import read_image_table
    >>> dataset = read_image_table(
    ...     folder / "items.csv",
    ...     image_column="file",
    ...     target="price",
    ...     image_size=(4, 4),
    ...     validation_ratio=0.2,
    ...     test_ratio=0.2,
    ... )
    >>> dataset.specification.target_kind, dataset.train.count
    ('number', 8)
    """
    asked = ImageOptions(owner=_OWNER, **options)
    targets = targets_of(_OWNER, target, label_columns or ())
    reading = make_reading(_OWNER, None, None, ())
    frame, reading, notes = read_stripped(_OWNER, path, "auto", reading)
    check_columns(_OWNER, frame, image_column=image_column)
    for name in targets:
        check_columns(_OWNER, frame, target=name)
    if image_column in targets:
        raise DataError(
            f"{_OWNER}: images and what is predicted must be two columns. "
            f"Received: `{image_column}` for both. Name the other one."
        )
    frame, gone = _with_files(frame, image_column, Path(path), asked.skip_bad)
    read = read_target(
        _OWNER,
        frame,
        target,
        reading=reading,
        label_columns=tuple(label_columns or ()),
        target_kind=target_kind,
    )
    paths = [_path_of(Path(path), name) for name in read.frame[image_column]]
    pixels = read_pixels(
        paths,
        asked,
        names=paths,
        source=str(path),
        is_streamed=asked.streams(len(paths)),
    )
    return assemble_images(
        asked,
        pixels.rows,
        pixels.sums,
        read.labels,
        paths,
        {"train": np.flatnonzero(pixels.is_good)},
        class_names=read.class_names,
        source=str(path),
        notes=(*notes, *gone, *read.notes, *pixels.notes),
        target=read,
    )


def read_image_names(
    owner: str, frame: Any, column: str | None, table: str | PathLike
) -> list[str]:
    """Returns the file that each row of a table names, for a known model.

    Args:
        owner: str. Who asks.
        frame: what `read_csv` returned.
        column: optional str. The column of the recipe; None if it has none.
        table: path of the table, which images lie beside.

    Returns:
        list of str, `""` where a row names none.

    Raises:
        DataError: if there is no such column.
    """
    if column is None:
        raise DataError(
            f"{owner}: images must be given as files, or folders, because the "
            "data of the model were no table with a column of images. "
            f"Received: {os.fspath(table)}. Name the images."
        )
    check_columns(owner, frame, image_column=column)
    names = stripped(frame[column])
    return [name and _path_of(Path(table), name) for name in names]


def _path_of(table, name):
    return os.fspath(table.parent / name)


def _with_files(frame, column, table, skip_bad):
    """Returns the rows whose files are there; refuses or notes the others."""
    missing = []
    for number, name in zip(frame.index, frame[column], strict=True):
        why = "no name"
        if name:
            why = _regular_file.why_not(_path_of(table, name))
        if why:
            missing.append((number, f"row {number + 1}: `{name}` ({why})"))
    if not missing:
        return frame, []
    shown = listed(what for _, what in missing)
    if not skip_bad:
        raise DataError(
            f"{_OWNER}: each row must name an image that is there, from "
            f"{table.parent} on. Received: {shown}; {len(missing)} of "
            f"{len(frame)} rows. Mend the column `{column}`, or leave such "
            "rows out by `--skip-bad`."
        )
    rows = counted(len(missing), "row names", "rows name")
    note = f"{rows} no image that is there, and are left out: {shown}."
    return frame.drop(index=[number for number, _ in missing]), [note]
