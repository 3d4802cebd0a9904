"""Turns ids into codes, and codes into ids, inside a SavedModel."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from aet_keras import _check as check
from aet_keras.export._labels import label_table


def code_table(path: Path, ids: Sequence[str]) -> Any:
    """Writes ids to a file, one a line; returns a table to codes from 0 on.

    What is not in it has code -1.
    """
    path.write_text("".join(f"{each}\n" for each in ids), encoding="utf-8")
    lines = tf.lookup.TextFileInitializer(
        os.fspath(path),
        key_dtype=tf.string,
        key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
        value_dtype=tf.int64,
        value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(lines, default_value=-1)


def id_table(path: Path, ids: Sequence[str]) -> Any:
    """Returns the table the other way round; no code is `""`."""
    return label_table(path, ids)


def check_ids(owner: str, what: str, ids: Sequence[str]) -> None:
    """Makes sure that ids can stand one a line."""
    for each in ids:
        if not (each and check.is_one_line(each)):
            raise ValueError(
                f"{owner}: an id must be one line of text, because files hold "
                f"one a line. Received: {what} {each!r}. Rename it."
            )


def codes(table: Any, ids: Any, *, are_whole: bool = False) -> Any:
    """Returns int32 codes from 1 on, 0 for what is not in the table.

    Args:
        table: what `code_table` returned.
        ids: string tensor.
        are_whole: bool. Whether all ids are whole numbers, of which `17.0` is
            read as `17`, as it is in a file.
    """
    found = tf.cast(table.lookup(ids) + 1, tf.int32)
    if not are_whole:
        return found
    whole = tf.strings.regex_replace(ids, r"^([-+]?[0-9]+)\.0*$", r"\1")
    return tf.where(found > 0, found, codes(table, whole))
