"""Writes the names of the columns into a SavedModel."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf


def label_table(path: Path, names: Sequence[str]) -> Any:
    """Writes names to a file, one a line, and returns the table of them."""
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    lines = tf.lookup.TextFileInitializer(
        os.fspath(path),
        key_dtype=tf.int64,
        key_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        value_dtype=tf.string,
        value_index=tf.lookup.TextFileIndex.WHOLE_LINE,
    )
    return tf.lookup.StaticHashTable(lines, default_value="")


def repeated_names(table: Any, class_count: int, row_count: Any) -> Any:
    """Returns all names of a table for each row, `(rows, classes)`."""
    names = table.lookup(tf.range(class_count, dtype=tf.int64))
    return tf.tile(names[tf.newaxis], [row_count, 1])
