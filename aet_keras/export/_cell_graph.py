"""Reads the cells that a client sends, inside a served graph."""

from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras.data import date_cells, number_cells
from aet_keras.data.specifications import TableColumn
from aet_keras.export import _dates

# What `str.strip` takes away, in the signs of RE2.
_SPACE = (
    r"[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}"
    r"\x{202f}\x{205f}\x{3000}]+"
)


def read(cells: Any, column: TableColumn) -> Any:
    """Returns the cells of a column as the model takes them.

    Args:
        cells: tensor `(batch,)`, float32 for a number, else string.
        column: `aet_keras.data.TableColumn`.
    """
    form = column.format
    if column.kind == "number":
        gone = number_cells.missing_numbers(form)
        if not len(gone):
            return cells
        return tf.where(_is_one_of(cells, gone), np.float32("nan"), cells)
    cells = tf.strings.regex_replace(cells, f"^{_SPACE}|{_SPACE}$", "")
    if form.missing:
        cells = tf.where(_is_one_of(cells, list(form.missing)), "", cells)
    if column.kind == "date":
        return _read_days(cells, column)
    lower = tf.strings.lower(cells, encoding="utf-8")
    for word in form.spellings:
        cells = tf.where(lower == word.lower(), word, cells)
    return cells


def _read_days(cells, column):
    days = _dates.days_of(cells, column.format.date_format)
    if column.format.date_format == "":  # as releases before 0.10 did
        return days
    is_read = tf.math.is_finite(days) | (cells == "")
    odd = tf.boolean_mask(cells, ~is_read)[:1]
    said = (
        f"`{column.name}` must be a date such as "
        f"{_example(column.format.date_format)}; where it is missing, an "
        "empty string. Received:"
    )
    check = tf.debugging.Assert(tf.reduce_all(is_read), [said, odd])
    with tf.control_dependencies([check]):
        return tf.identity(days)


def _example(date_format):
    return date_cells.write_days(np.float32([19799]), date_format)[0]


def _is_one_of(cells, values):
    return tf.reduce_any(
        cells[:, tf.newaxis] == tf.constant(values)[tf.newaxis], axis=1
    )
