"""How does a table with a column of texts become a `Dataset`?"""

import collections
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from aet_keras.data import _cells
from aet_keras.data._names import by_number, check_one_line
from aet_keras.data._table_target import labelled
from aet_keras.data.cell_format import CellFormat
from aet_keras.data.csv_file import check_columns, read_csv
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.splits import check_ratios
from aet_keras.data.text_assembly import assemble_texts
from aet_keras.errors import DataError

_MOST_CLASSES = 1000


def read_text_table(
    path: str | PathLike,
    *,
    text_column: str = "text",
    label_column: str = "label",
    encoding: str = "auto",
    missing: Sequence[str] | None = None,
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset:
    """Reads texts and their classes from two columns of a table.

    Each value of the label's column is a class; they are sorted, numbers by
    size. Rows without a label and empty texts are left out. Validation and
    test are split off, each class by its share.

    Args:
        path: str or path of a file that `read_csv` reads.
        text_column: str. Defaults to `"text"`.
        label_column: str. Defaults to `"label"`.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        missing: optional sequence of str. Words that mean that a row has no
            label, or no text, beside an empty cell. Defaults to
            `MISSING_WORDS`; `None` and `NA` are classes as others are.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Defaults to `0.15`.
        test_ratio: float in (0, 1). Defaults to `0.15`.

    Returns:
        A `Dataset`; inputs are object arrays of str. Its notes say what was
        left out, and how many texts stand in more than one split.

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
    >>> dataset = aet_keras.data.read_text_table(path)
    >>> dataset.train.count, dataset.specification.class_names
    (6, ('bad', 'good'))
    """
    owner = "read_text_table"
    ratios = check_ratios(owner, validation_ratio, test_ratio)
    frame = read_csv(owner, path, encoding=encoding)
    of_file = frame.attrs["notes"]
    check_columns(
        owner, frame, text_column=text_column, label_column=label_column
    )
    if text_column == label_column:
        raise DataError(
            f"{owner}: texts and labels must be two columns. Received: "
            f"`{text_column}` for both. Name the other one."
        )
    frame = frame.apply(_cells.stripped)
    words = _cells.missing_words(owner, missing)
    found = labelled(frame, label_column, missing=words)
    frame, labels = found.frame, found.frame[label_column].to_numpy()
    form = CellFormat(missing=words)
    texts = _cells.words_of(frame[text_column], form)
    notes = [*of_file, *found.notes, *_text_notes(text_column, frame, texts)]
    class_names = _class_names(owner, path, label_column, labels)
    number = {name: label for label, name in enumerate(class_names)}
    return assemble_texts(
        texts.tolist(),
        np.array([number[name] for name in labels], int),
        # Line 1 names the columns; texts with line breaks put lines between.
        [f"{Path(path).name}[{row}]" for row in frame.index],
        {"train": np.arange(len(frame))},
        specification=Specification("text", class_names, None, str(path)),
        ratios=ratios,
        seed=seed,
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


def _text_notes(column, frame, texts):
    gone = frame[column][(texts == "") & (frame[column] != "")]
    counts = collections.Counter(gone.tolist())
    return [_cells.note_missing(column, counts)] if counts else []
