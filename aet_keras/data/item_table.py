"""Reads items: rows of a table with an image, a text and other columns."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras._choices import TARGET_KINDS
from aet_keras._wording import counted, listed
from aet_keras.data import splits as splitting
from aet_keras.data import table_cells
from aet_keras.data.assembly import ImageOptions
from aet_keras.data.dataset import Dataset
from aet_keras.data.image_pixels import read_pixels
from aet_keras.data.image_storage import decoded_bytes, is_beyond_memory
from aet_keras.data.names import served_names
from aet_keras.data.specifications import TableSpecification
from aet_keras.data.table_columns import (
    columns_like,
    find_columns,
    folded,
    make_reading,
    read_cells,
    read_stripped,
)
from aet_keras.data.table_file import check_columns
from aet_keras.data.table_target import given_rows
from aet_keras.data.target_reading import (
    notes_of_splits,
    read_target,
    strata_names,
    targets_of,
)
from aet_keras.errors import DataError

_OWNER = "read_items"
HAS_IMAGE, HAS_TEXT = "has_image", "has_text"
PIXELS, WORDS = "pixels", "words"
# What inputs of the model are called; a column of that name gets another.
_TAKEN = (PIXELS, WORDS, HAS_IMAGE, HAS_TEXT, "row", "text", "token_ids")


@dataclasses.dataclass(frozen=True)
class ItemSpecification(TableSpecification):
    """Describes rows that have an image, a text and other columns.

    Args:
        image_column: str. The column of the files, as the table calls it.
        text_column: str. The column of the texts.
        image_name: str. What a server calls the image.
        text_name: str. What it calls the text.

    Example:

    >>> from aet_keras.data.item_table import ItemSpecification
    >>> ItemSpecification(
    ...     "item", ("a", "b"), (64, 64), "items.csv", image_column="file"
    ... ).image_column
    'file'
    """

    image_column: str = ""
    text_column: str = ""
    image_name: str = ""
    text_name: str = ""


def read_items(
    path: str | os.PathLike,
    *,
    image_column: str,
    text_column: str,
    image_size: tuple[int, int],
    target: str | None = None,
    label_columns: Sequence[str] = (),
    target_kind: str = "auto",
    kinds: Mapping[str, str] | None = None,
    split_column: str | None = None,
    missing: Sequence[str] | None = None,
    decimal: str | None = None,
    date_formats: Sequence[str] = (),
    like: ItemSpecification | None = None,
    skip_bad: bool = False,
    encoding: str = "auto",
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset[ItemSpecification]:
    """Reads a table of items, to predict one of its columns from all others.

    An item may lack its image or its text: an empty cell. A row that has
    neither is kept if there are other columns, which decide alone, and is
    left out if there are none.

    Args:
        path: str or path. As of `read_csv`.
        image_column: str. The column of the names of files, from the folder
            of the table on, or whole paths.
        text_column: str. The column of the texts.
        image_size: `(height, width)`.
        target: optional str. The column to predict, as of `read_table`, and
            the arguments from `label_columns` to `date_formats` likewise.
        label_columns: sequence of str.
        target_kind: str.
        kinds: optional dict.
        split_column: optional str.
        missing: optional sequence of str.
        decimal: optional str.
        date_formats: sequence of str.
        like: optional `ItemSpecification` of earlier items, as of
            `read_table`.
        skip_bad: bool. Take an image that is not there or cannot be read for
            a missing one, with a note. Defaults to `False`.
        encoding: str.
        seed: int >= 0.
        validation_ratio: float in (0, 1).
        test_ratio: float in (0, 1).

    Returns:
        A `Dataset`. Its inputs are a dict: `pixels`, uint8
        `(rows, height, width, 3)`, black where there is no image; `has_image`
        and `has_text`, float32 of 0 and 1; `words`, an object array of str;
        and the other columns, as of `read_table`.

    Raises:
        DataError: if a column or a file is missing, an image cannot be read,
            or the target cannot be learned.
        ValueError: if a size or ratio is out of its range.

    Example: see `aet_keras.training.item_job`.

    >>> from aet_keras.data.item_table import read_items
    >>> try:
    ...     read_items(
    ...         "nowhere.csv", image_column="file", text_column="title",
    ...         image_size=(8, 8), target="kind",
    ...     )
    ... except aet_keras.errors.DataError as error:
    ...     "which is not there" in str(error)
    True
    """
    asked = ImageOptions(
        owner=_OWNER,
        image_size=image_size,
        skip_bad=skip_bad,
        seed=seed,
        validation_ratio=validation_ratio,
        test_ratio=test_ratio,
    )
    check.one_of(_OWNER, target_kind=target_kind, among=TARGET_KINDS)
    reading = make_reading(_OWNER, missing, decimal, date_formats)
    frame, reading, of_file = read_stripped(_OWNER, path, encoding, reading)
    targets = targets_of(_OWNER, target, label_columns or ())
    _check_names(frame, image_column, text_column, targets, split_column)
    for name in kinds or ():
        check_columns(_OWNER, frame, kinds=name)
    read = read_target(
        _OWNER,
        frame,
        target,
        label_columns=tuple(label_columns or ()),
        target_kind=target_kind,
        split_column=split_column,
        reading=reading,
        like=like,
    )
    used = [*targets, image_column, text_column, *filter(None, [split_column])]
    columns, column_notes = _columns(
        read.frame, used, kinds or {}, reading, like
    )
    words = set(read.missing)  # those that a version reads new rows with
    texts = _present(read.frame[text_column], words)
    files = _present(read.frame[image_column], words)
    pixels, has_image, image_notes = _read_images(Path(path), files, asked)
    has_text = np.array([bool(text) for text in texts])
    bare = ~(has_image | has_text)
    kept = np.flatnonzero(~bare) if not columns else np.arange(len(bare))
    cells, odd = read_cells(read.frame, columns)
    inputs = {
        PIXELS: pixels[kept],
        HAS_IMAGE: has_image[kept].astype("float32"),
        WORDS: np.array(texts, object)[kept],
        HAS_TEXT: has_text[kept].astype("float32"),
        **{name: column[kept] for name, column in cells.items()},
    }
    if not len(kept) or not (has_image.any() or has_text.any()):
        raise DataError(
            f"{_OWNER}: some row must have an image or a text. Received: "
            f"{len(bare)} rows with neither in `{image_column}` and "
            f"`{text_column}`. Name the columns that hold them."
        )
    given = given_rows(_OWNER, read.frame.iloc[kept], split_column)
    parts = splitting.complete_splits(
        read.strata[kept],
        given,
        class_names=strata_names(read),
        ratios=asked.ratios,
        seed=seed,
        source=str(path),
        rows="rows",
    )
    splits = splitting.split_columns(
        inputs, read.labels[kept], read.frame.index[kept], parts
    )
    if like is None:
        image_name, text_name = served_names(
            [image_column, text_column],
            taken=[column.name.lower() for column in columns],
        )
    else:
        image_name, text_name = like.image_name, like.text_name
    return Dataset(
        **splits,
        specification=ItemSpecification(
            kind="item",
            class_names=read.class_names,
            image_size=asked.image_size,
            source=str(path),
            target_kind=read.kind,
            columns=columns,
            target=target or "",
            label_columns=tuple(label_columns or ()),
            positive="",
            missing=read.missing,
            target_format=read.format,
            thresholds=() if like is None else like.thresholds,
            image_column=image_column,
            text_column=text_column,
            image_name=image_name,
            text_name=text_name,
        ),
        notes=folded(
            *of_file,
            *read.notes,
            *column_notes,
            *odd,
            *image_notes,
            *splitting.note_unused_ratios(given, asked.ratios),
            *_missing_notes(has_image, has_text, bool(columns)),
            *notes_of_splits(read, splits),
            *splitting.shared_notes(
                {k: _summed(each) for k, each in splits.items()}
            ),
        ),
    )


def _summed(split):
    """Returns a split with a sum in the place of each image."""
    images = map(np.ascontiguousarray, split.inputs[PIXELS])
    sums = [xxhash.xxh3_128_hexdigest(image) for image in images]
    inputs = {**split.inputs, PIXELS: np.array(sums, object)}
    return dataclasses.replace(split, inputs=inputs)


def _check_names(frame, image_column, text_column, targets, split_column):
    check_columns(_OWNER, frame, image_column=image_column)
    check_columns(_OWNER, frame, text_column=text_column)
    check_columns(_OWNER, frame, split=split_column)
    for name in targets:
        check_columns(_OWNER, frame, target=name)
    named = [image_column, text_column, *targets, split_column]
    for name in named:
        if name is not None and named.count(name) > 1:
            raise DataError(
                f"{_OWNER}: images, texts, splits and what is predicted must "
                f"be columns of their own. Received: `{name}` twice. Name the "
                "other one."
            )


def _columns(frame, used, kinds, reading, like):
    """Returns the columns beside image and text; there may be none."""
    others = frame.drop(columns=used)
    if like is not None:
        return columns_like(_OWNER, others, like) if like.columns else ((), [])
    if not len(others.columns):
        return (), []
    try:
        found, notes = find_columns(_OWNER, others, kinds, reading)
    except DataError as error:
        return (), [f"No other column is looked at. {error}"]
    names = served_names([each.title for each in found], taken=_TAKEN)
    columns = tuple(
        dataclasses.replace(each, name=name)
        for each, name in zip(found, names, strict=True)
    )
    return columns, notes


def _present(cells, missing):
    """Returns texts, empty where they are missing."""
    return ["" if cell in missing else cell for cell in cells]


def _read_images(table, files, asked):
    """Returns pixels, which rows have an image, and notes."""
    paths = [os.fspath(table.parent / name) if name else "" for name in files]
    gone = {
        path: why
        for path in dict.fromkeys(filter(None, paths))
        if (why := _regular_file.why_not(path))
    }
    notes = []
    if gone:
        shown = listed(f"{path} ({why})" for path, why in gone.items())
        if not asked.skip_bad:
            raise DataError(
                f"{_OWNER}: each image that a row names must be there, from "
                f"{table.parent} on. Received: {shown}; {len(gone)} in all. "
                "Mend the column, leave the cell empty where there is no "
                "image, or take them for missing by `--skip-bad`."
            )
        images = counted(len(gone), "image is", "images are")
        notes.append(f"{images} not there, and count as missing: {shown}.")
    there = [p for p in dict.fromkeys(paths) if p and p not in gone]
    size = asked.image_size
    if is_beyond_memory(len(paths), size):
        raise DataError(
            f"{_OWNER}: the images of all items must fit in a quarter of the "
            "free memory, because they are kept beside texts and columns. "
            f"Received: {decoded_bytes(len(paths), size) / 1e9:.2g} GB for "
            f"{len(paths)} rows. Ask for a smaller image size."
        )
    read = read_pixels(there, asked, names=there, source=str(table))
    place = {path: row for row, path in enumerate(there)}
    rows = np.array([place.get(path, -1) for path in paths], int)
    has_image = (rows >= 0) & np.append(read.is_good, False)[rows]
    pixels = np.zeros((len(rows), *size, 3), "uint8")
    if len(there):
        pixels[has_image] = read.rows[rows[has_image]]
    return pixels, has_image, [*notes, *read.notes]


def _missing_notes(has_image, has_text, has_columns):
    for what, has in (("image", has_image), ("text", has_text)):
        if not has.all():
            rows = counted(int((~has).sum()), "row has", "rows have")
            yield f"{rows} no {what}: the other parts decide there."
    bare = int((~(has_image | has_text)).sum())
    if bare and has_columns:
        rows = counted(bare, "row has", "rows have")
        yield f"{rows} neither image nor text: the columns decide alone."
    elif bare:
        rows = counted(bare, "row was", "rows were")
        yield f"{rows} left out: neither image nor text is there."


def normal_words(texts: Any) -> Any:
    """Returns strings in small letters, with a space between words.

    One function of TensorFlow, in training and in a served graph.

    Args:
        texts: strings `(rows,)`, an array or a tensor.

    Example:

    >>> from aet_keras.data.item_table import normal_words
    >>> normal_words(["Account-Alert (outline)"]).numpy()
    array([b'account alert outline'], dtype=object)
    """
    import tensorflow as tf

    lower = tf.strings.lower(tf.convert_to_tensor(texts), encoding="utf-8")
    apart = tf.strings.regex_replace(lower, r"[^\p{L}\p{N}]+", " ")
    return tf.strings.strip(apart)


def read_item_rows(
    frame: Any, specification: ItemSpecification, table: str | os.PathLike
) -> tuple[list[str], list[str]]:
    """Returns the paths and texts of new rows, empty where they are missing.

    Args:
        frame: what `read_csv` returned.
        specification: of the version.
        table: path of the file, which images lie beside.

    Raises:
        DataError: if a column is not there.
    """
    owner = "read_item_rows"
    check_columns(owner, frame, image_column=specification.image_column)
    check_columns(owner, frame, text_column=specification.text_column)
    words = set(specification.missing)
    files = _present(
        table_cells.stripped(frame[specification.image_column]), words
    )
    texts = _present(
        table_cells.stripped(frame[specification.text_column]), words
    )
    folder = Path(table).parent
    return [os.fspath(folder / name) if name else "" for name in files], texts
