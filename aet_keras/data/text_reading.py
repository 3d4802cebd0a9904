"""Reads texts from a folder, a table or TFDS."""

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _regular_file
from aet_keras._wording import counted, listed, nearest
from aet_keras.data import table_cells
from aet_keras.data.assembly import ReadOptions, assemble_texts
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.folder_layout import (
    IMAGE,
    TEXT,
    is_seen,
    read_layout,
)
from aet_keras.data.names import by_number, check_one_line
from aet_keras.data.number_target import note_numbers_as_classes, target_kind_of
from aet_keras.data.specifications import CellFormat
from aet_keras.data.table_columns import Reading
from aet_keras.data.table_file import check_columns, is_csv, read_csv
from aet_keras.data.table_target import labelled
from aet_keras.data.text_encoding import read_text_file
from aet_keras.data.text_targets import read_other_targets, text_notes
from aet_keras.data.tfds_source import open_examples
from aet_keras.errors import DataError


def read_texts(
    source: str | PathLike,
    *,
    text_column: str = "text",
    label_column: str = "label",
    label_columns: Sequence[str] | None = None,
    target_kind: str = "auto",
    encoding: str = "auto",
    missing: Sequence[str] | None = None,
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset[Specification]:
    """Reads texts and their classes from whatever the source is.

    `"tfds:NAME"` is `read_text_tfds`, a name of which `is_csv` is true
    `read_text_table`, a folder `read_text_folder`.

    Args:
        source: str or path.
        text_column: str. Of a table. Defaults to `"text"`.
        label_column: str. Of a table. Defaults to `"label"`.
        label_columns: optional sequence of str. Of a table: in its place,
            columns of 0 and 1, one a tag.
        target_kind: str. Of a table, as of `read_table`.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        missing: optional sequence of str. Of a table, as of
            `read_text_table`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none. Defaults to `0.15`.
        test_ratio: float in (0, 1). The same for test. Defaults to `0.15`.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if the source is none of these, or cannot be learned from.
        ValueError: if a ratio is out of its range.

    Example:

    >>> try:
    ...     aet_keras.data.read_texts("reviews.doc")
    ... except aet_keras.errors.DataError as error:
    ...     "a table in a file" in str(error)
    True
    """
    options: dict[str, Any] = {
        "seed": seed,
        "validation_ratio": validation_ratio,
        "test_ratio": test_ratio,
    }
    if isinstance(source, str) and source.startswith("tfds:"):
        return read_text_tfds(source.removeprefix("tfds:"), **options)
    options["encoding"] = encoding
    path = Path(source)
    if _regular_file.is_folder(path):
        return read_text_folder(path, **options)
    if is_csv(path):
        return read_text_table(
            path,
            text_column=text_column,
            label_column=label_column,
            label_columns=label_columns,
            target_kind=target_kind,
            missing=missing,
            **options,
        )
    raise DataError(_unknown(path))


def _unknown(path):
    beside = path.parent.glob("*")
    names = [each.name for each in beside if each.is_dir() or is_csv(each)]
    what = _regular_file.why_not(path) or "a file of another kind"
    return (
        "read_texts: the source must be `tfds:NAME`, a table in a file (.csv, "
        ".tsv, .json, .jsonl, .parquet), or a folder of texts. Received: "
        f"{path}, which is {what}.{nearest(path.name, names)} Check the path; "
        f"it is relative to {Path.cwd()}."
    )


def read_text_folder(
    folder: str | PathLike, *, encoding: str = "auto", **options: Any
) -> Dataset[Specification]:
    """Reads `.txt` files that lie in one folder a class.

    Those folders lie in `folder`, or in `train`, `validation` (or `val`, or
    `valid`) and `test` inside it; what is missing is split off train, each
    class by its share. Hidden files are passed over, other ones and empty
    ones left out with a note.

    Args:
        folder: str or path.
        encoding: str. Of every file, as of `read_csv`. Defaults to
            `"auto"`.
        options: `seed` and the ratios, as of `read_texts`.

    Returns:
        A `Dataset`; inputs are object arrays of str.

    Raises:
        DataError: if the folder is missing or holds no texts, a file is
            written in another encoding, there is one class only, or a class
            is too small.
        ValueError: if a ratio is out of its range, or there is no such
            encoding.

    Example:

    >>> import pathlib, tempfile
    >>> reviews = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("bad", "good"):
    ...     (reviews / name).mkdir()
    ...     for number in range(5):
    ...         path = reviews / name / f"{number}.txt"
    ...         _ = path.write_text(f"film {number} was {name}")
    >>> dataset = aet_keras.data.text_reading.read_text_folder(reviews)
    >>> dataset.train.count, dataset.specification.class_names
    (6, ('bad', 'good'))
    """
    owner = "read_text_folder"
    asked = ReadOptions(owner=owner, **options)
    layout = read_layout(Path(folder), TEXT)
    texts, guessed = _read_files(owner, layout.paths, encoding)
    return assemble_texts(
        asked,
        texts,
        layout.labels,
        layout.paths,
        layout.rows(),
        class_names=layout.class_names,
        source=str(folder),
        notes=[*layout.notes, *_others(layout.others), *guessed],
    )


def _read_files(owner, paths, encoding):
    """Returns the texts, and a note if encodings had to be guessed."""
    texts, guessed = [], []
    for path in paths:
        text, notes = read_text_file(owner, path, encoding=encoding)
        texts.append(text)
        guessed += notes
    if len(guessed) < 2:
        return texts, guessed
    return texts, [f"{guessed[0]} {len(guessed) - 1} more files are no UTF-8."]


def _others(others):
    if not others:
        return []
    shown = listed(f"{path} ({what})" for path, what in others.items())
    files = counted(len(others), "file was", "files were")
    return [f"{files} left out: {shown}."]


_MOST_CLASSES = 1000


def read_text_table(
    path: str | PathLike,
    *,
    text_column: str = "text",
    label_column: str = "label",
    label_columns: Sequence[str] | None = None,
    target_kind: str = "auto",
    encoding: str = "auto",
    missing: Sequence[str] | None = None,
    **options: Any,
) -> Dataset[Specification]:
    """Reads texts and their classes from two columns of a table.

    Each value of the label's column is a class; they are sorted, numbers by
    size. Or it is a number, or holds tags: as of `read_table`. Rows without a
    label and empty texts are left out. Validation and test are split off, each
    class by its share.

    Args:
        path: str or path of a file that `read_csv` reads.
        text_column: str. Defaults to `"text"`.
        label_column: str. Defaults to `"label"`.
        label_columns: optional sequence of str. In its place: columns of 0
            and 1, or no and yes, one a tag.
        target_kind: as of `read_table`. Defaults to `"auto"`.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        missing: optional sequence of str. Words that mean that a row has no
            label, or no text, beside an empty cell. Defaults to
            `MISSING_WORDS`; `None` and `NA` are classes as others are.
        options: `seed` and the ratios, as of `read_texts`.

    Returns:
        A `Dataset`; inputs are object arrays of str. Its notes say what was
        left out, and how many texts are in more than one split.

    Raises:
        DataError: if the file cannot be read, a column is not there, both are
            the same, there is one class only, or a class is too small.
        ValueError: if a ratio is out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "reviews.csv"
    >>> rows = ["text,label", *(f"film {i},good" for i in range(5))]
    >>> rows += [f"book {i},bad" for i in range(5)]
    >>> _ = path.write_text("\\n".join(rows))
    >>> dataset = aet_keras.data.text_reading.read_text_table(path)
    >>> dataset.train.count, dataset.specification.class_names
    (6, ('bad', 'good'))
    """
    owner = "read_text_table"
    asked = ReadOptions(owner=owner, **options)
    frame = read_csv(owner, path, encoding=encoding)
    of_file, of_decimal = frame.attrs["notes"], frame.attrs["decimal"]
    check_columns(owner, frame, text_column=text_column)
    columns = list(label_columns or [label_column])
    for name in columns:
        check_columns(owner, frame, label_column=name)
    if text_column in columns:
        raise DataError(
            f"{owner}: texts and labels must be two columns. Received: "
            f"`{text_column}` for both. Name the other one."
        )
    frame = frame.apply(table_cells.stripped)
    words = table_cells.missing_words(owner, missing)
    of_file = (*of_file, *table_cells.note_unmet(frame, words))
    frame.attrs["notes"] = of_file
    reading = Reading(words, hint=of_decimal)
    target = None if label_columns else label_column
    kind = "tags"
    if target is not None:
        kind = target_kind_of(
            owner, frame, target, asked=target_kind, reading=reading, like=None
        )
    if kind != "classes":
        return read_other_targets(
            asked,
            Path(path),
            frame,
            text_column,
            target,
            label_columns=() if target else columns,
            reading=reading,
            target_kind=target_kind,
        )
    found = labelled(frame, label_column, missing=words)
    frame, labels = found.frame, found.frame[label_column].to_numpy()
    form = CellFormat(missing=words)
    texts = table_cells.words_of(frame[text_column], form)
    notes = [*of_file, *found.notes, *text_notes(text_column, frame, texts)]
    class_names = _class_names(owner, path, label_column, labels)
    if target_kind == "auto":
        notes += note_numbers_as_classes(label_column, class_names)
    number = {name: label for label, name in enumerate(class_names)}
    return assemble_texts(
        asked,
        texts.tolist(),
        np.array([number[name] for name in labels], int),
        # Line 1 names the columns; texts with line breaks put lines between.
        [f"{Path(path).name}[{row}]" for row in frame.index],
        {"train": np.arange(len(frame))},
        class_names=class_names,
        source=str(path),
        notes=notes,
    )


def _class_names(owner, path, column, labels):
    names = sorted(set(labels), key=by_number)
    check_one_line(owner, f"the column `{column}`", names)
    if names and len(names) <= _MOST_CLASSES:
        return tuple(names)
    what = f"{len(names)} of them" if names else "only missing cells"
    raise DataError(
        f"{owner}: the column `{column}` of {path} must hold 1 to "
        f"{_MOST_CLASSES} classes. Received: {what}. Name the column that "
        "says what each text is."
    )


def read_text_tfds(name: str, **options: Any) -> Dataset[Specification]:
    """Reads a data set of texts with class labels from TFDS by its name.

    `imdb_reviews` and `yelp_polarity_reviews`, for example. What was prepared
    before, in `TFDS_DATA_DIR` or `~/tensorflow_datasets`, is read from there
    without a network; otherwise TFDS downloads and prepares it there. The one
    `Text` and the one `ClassLabel` of its features are found by their types;
    the splits are train, validation (or val, or valid) and test. Missing ones
    are split off train, others left out.

    Args:
        name: str. As `tfds.builder` takes it, `"name"` or
            `"name/config:1.0.0"`.
        options: `seed` and the ratios, as of `read_texts`.

    Returns:
        A `Dataset`; inputs are object arrays of str.

    Raises:
        DataError: if there is no such data set, it cannot be downloaded, it
            is not one of texts with a class each, or a class is too small.
        ValueError: if a ratio is out of its range.

    Example:

    >>> try:
    ...     aet_keras.data.text_reading.read_text_tfds("imdb_review")
    ... except aet_keras.errors.DataError as error:
    ...     "Nearest: `imdb_reviews`" in str(error)
    True
    """
    asked = ReadOptions(owner="read_text_tfds", **options)
    examples = open_examples(name, "Text")
    texts = [
        content.decode("utf-8", errors="replace")
        for content in examples.inputs(is_encoded=False)
    ]
    return assemble_texts(
        asked,
        texts,
        examples.labels,
        examples.names,
        examples.rows(),
        class_names=examples.class_names,
        source=examples.source,
        notes=examples.notes,
    )


_TFDS_TEXTS = ("imdb_reviews", "yelp_polarity_reviews")


def is_text_source(source: str | os.PathLike) -> bool:
    """Says whether a source holds texts, by the names of its files.

    Args:
        source: str or path. A folder holds texts if more of its files are
            texts than images; of `"tfds:NAME"`, the name decides.

    Returns:
        bool. `False` for files, whose columns a user has to name.

    Example:

    >>> aet_keras.data.text_reading.is_text_source("tfds:imdb_reviews")
    True
    """
    if isinstance(source, str) and source.startswith("tfds:"):
        name = source.removeprefix("tfds:")
        return name.partition("/")[0].partition(":")[0] in _TFDS_TEXTS
    path = Path(source)
    if not _regular_file.is_folder(path):
        return False
    lead = 0
    for file in path.rglob("*"):  # there may be millions: none is kept
        if is_seen(file, path):
            lead += TEXT.has(file) - IMAGE.has(file)
    return lead > 0
