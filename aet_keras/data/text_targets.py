"""Reads texts of which a table says a number or tags."""

import collections
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras._wording import counted
from aet_keras.data import table_cells
from aet_keras.data.assembly import ReadOptions, assemble_texts
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.specifications import CellFormat
from aet_keras.data.table_columns import Reading
from aet_keras.data.target_reading import read_target

_LONGEST_WORD = max(map(len, table_cells.MARKERS))


def read_other_targets(
    options: ReadOptions,
    path: Path,
    frame: Any,
    text_column: str,
    target: str | None,
    *,
    label_columns: Sequence[str],
    reading: Reading,
    target_kind: str,
) -> Dataset[Specification]:
    """Reads texts with a number or with tags.

    Args:
        options: `ReadOptions`.
        path: of the table.
        frame: `pandas.DataFrame` of its stripped cells.
        text_column: str. The column of the texts.
        target: optional str. The column of the number, or of all tags.
        label_columns: sequence of str. In its place a column for each tag.
        reading: `Reading`, the options for cells.
        target_kind: str. What the user says of it, as of `read_table`.

    Raises:
        DataError: if the target cannot be read or learned.
    """
    form = CellFormat(missing=reading.missing)
    texts = table_cells.words_of(frame[text_column], form)
    notes = [
        *frame.attrs.get("notes", ()),
        *text_notes(text_column, frame, texts),
    ]
    empty = int((texts == "").sum())
    if empty:
        rows = counted(
            empty, "row has no text and is", "rows have no text and are"
        )
        notes.append(f"{rows} left out.")
    read = read_target(
        options.owner,
        frame[texts != ""],
        target,
        reading=reading,
        label_columns=tuple(label_columns),
        target_kind=target_kind,
    )
    return assemble_texts(
        options,
        texts[read.frame.index].tolist(),
        read.labels,
        # Line 1 names the columns; texts with line breaks put lines between.
        [f"{path.name}[{row}]" for row in read.frame.index],
        {"train": np.arange(len(read.frame))},
        class_names=read.class_names,
        source=str(path),
        notes=[*notes, *read.notes],
        target=read,
    )


def text_notes(column: str, frame: Any, texts: Any) -> list[str]:
    """Notes which words in a column of texts counted as no text, or may be."""
    gone = frame[column][(texts == "") & (frame[column] != "")]
    counts = collections.Counter(gone.tolist())
    notes = [table_cells.note_missing(column, counts)] if counts else []
    words = texts[texts.str.len() <= _LONGEST_WORD]
    return notes + table_cells.note_words_to_some(column, words, "a text")
