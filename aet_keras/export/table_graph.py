"""Reads the cells of a table inside a served graph."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras.data import date_cells, number_cells
from aet_keras.data.specifications import TableColumn, TableSpecification
from aet_keras.export import saved_model as written

_UNSEEN = "a category that nobody has seen"
# What `str.strip` takes away, in the signs of RE2.
_SPACE = (
    r"[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}"
    r"\x{202f}\x{205f}\x{3000}]+"
)


def specs_of(columns: Sequence[TableColumn]) -> dict[str, tf.TensorSpec]:
    """Returns what a server takes of each column, `(batch,)`."""
    return {
        column.name: tf.TensorSpec(
            (None,),
            tf.float32 if column.kind == "number" else tf.string,
            name=column.name,
        )
        for column in columns
    }


def features_of(specs: Mapping[str, tf.TensorSpec]) -> dict[str, Any]:
    """Returns the features of an example; one that is left out is missing."""
    return {
        name: tf.io.FixedLenFeature(
            [], spec.dtype, "" if spec.dtype == tf.string else float("nan")
        )
        for name, spec in specs.items()
    }


def read(cells: Any, column: TableColumn) -> Any:
    """Returns the cells of a column as the model takes them.

    Args:
        cells: tensor `(batch,)`, float32 for a number, else string.
        column: `aet_keras.data.specifications.TableColumn`.
    """
    form = column.format
    if column.kind == "number":
        # `inf` and `1e400` in a file are no number, and missing: so here.
        is_odd = ~tf.math.is_finite(cells)
        gone = number_cells.missing_numbers(form)
        if len(gone):
            is_odd |= _is_one_of(cells, gone)
        return tf.where(is_odd, np.float32("nan"), cells)
    cells = stripped(cells)
    if form.missing:
        cells = tf.where(_is_one_of(cells, list(form.missing)), "", cells)
    if column.kind == "date":
        return _read_days(cells, column)
    lower = tf.strings.lower(cells, encoding="utf-8")
    for word in form.spellings:
        cells = tf.where(lower == word.lower(), word, cells)
    return cells


def stripped(texts: Any) -> Any:
    """Returns texts without the spaces around them that `str.strip` takes."""
    return tf.strings.regex_replace(texts, f"^{_SPACE}|{_SPACE}$", "")


def _read_days(cells, column):
    days = days_of(cells, column.format.date_format)
    if column.format.date_format == "":  # as releases before 0.10 did
        return days
    is_read = tf.math.is_finite(days) | (cells == "")
    odd = tf.boolean_mask(cells, ~is_read)[:1]
    sentence = (
        f"`{column.name}` must be a date such as "
        f"{_example(column.format.date_format)}; where it is missing, an "
        "empty string. Received:"
    )
    check = tf.debugging.Assert(tf.reduce_all(is_read), [sentence, odd])
    with tf.control_dependencies([check]):
        return tf.identity(days)


def _example(date_format):
    return date_cells.write_days(np.float32([19799]), date_format)[0]


def _is_one_of(cells, values):
    return tf.reduce_any(
        cells[:, tf.newaxis] == tf.constant(values)[tf.newaxis], axis=1
    )


def days_of(text: Any, date_format: str = "") -> Any:
    """Returns dates as days since 1970-01-01, NaN for what is no date.

    The same pattern as in training decides what is one.

    Args:
        text: string tensor `(batch,)`.
        date_format: str. As of `aet_keras.data.specifications.CellFormat`.
    """
    pattern, order = date_cells.date_pattern(date_format)
    is_date = tf.strings.regex_full_match(text, pattern)
    parts = {
        name: tf.where(
            is_date,
            tf.strings.regex_replace(text, f"^{pattern}$", rf"\{place}"),
            "1",
        )
        for place, name in enumerate(order, start=1)
    }
    year = _year(parts)
    month = _month(parts)
    day = tf.strings.to_number(parts["day"], tf.int32)
    first = _count(year, month, tf.ones_like(day))
    is_last = tf.cast(month == 12, tf.int32)
    following = _count(year + is_last, (1 - is_last) * month + 1, 1)
    days = first + day - 1
    is_there = (month >= 1) & (month <= 12) & (day >= 1) & (days < following)
    found = tf.cast(days, tf.float32)
    return tf.where(is_date & is_there & (year > 0), found, np.float32("nan"))


def _year(parts):
    if "year" in parts:
        return tf.strings.to_number(parts["year"], tf.int32)
    short = tf.strings.to_number(parts["short_year"], tf.int32)
    return short + tf.where(short < date_cells.CENTURY, 2000, 1900)


def _month(parts):
    if "month" in parts:
        return tf.strings.to_number(parts["month"], tf.int32)
    name = tf.strings.lower(parts["month_name"])
    is_month = [tf.strings.regex_full_match(name, m) for m in date_cells.MONTHS]
    number = tf.argmax(tf.cast(tf.stack(is_month, axis=1), tf.int32), axis=1)
    return 1 + tf.cast(number, tf.int32)


def _count(year, month, day):
    """Counts by years that begin in March, so that leap days come last."""
    year = year - tf.cast(month <= 2, tf.int32)
    month = (month + 9) % 12
    leap = year // 4 - year // 100 + year // 400
    return 365 * year + leap + (153 * month + 2) // 5 + day - 1 - 719468


def raw(
    rows: Mapping[str, np.ndarray], specification: TableSpecification
) -> dict[str, np.ndarray]:
    """Returns rows as a server takes them: dates as strings."""
    formats = {
        c.name: c.format.date_format
        for c in specification.columns
        if c.kind == "date"
    }
    return {
        name: date_cells.write_days(cells, formats[name])
        if name in formats
        else cells
        for name, cells in rows.items()
    }


def with_odd_rows(
    rows: Mapping[str, np.ndarray], specification: TableSpecification
) -> dict[str, np.ndarray]:
    """Returns rows, one of missing cells, and one of unseen categories."""
    odd = {}
    for column in specification.columns:
        cells = rows[column.name]
        if column.kind == "category":
            odd[column.name] = np.array([*cells, "", _UNSEEN], object)
        else:
            odd[column.name] = np.append(cells, np.full(2, np.nan, "float32"))
    return odd


def tensor(cells: np.ndarray) -> Any:
    """Returns cells as a tensor; TensorFlow takes no str of NumPy's own."""
    is_text = np.asarray(cells).dtype.kind in "OU"
    return tf.constant([*map(_text, cells)] if is_text else cells)


def _text(cell):
    """Returns a cell as it is if it is the bytes of a file."""
    return cell if isinstance(cell, bytes) else str(cell)


def requests(
    raw: Mapping[str, np.ndarray], examples: str = written.CLASSIFY
) -> Iterator[Any]:
    """Yields what a server tries before it serves a version.

    Args:
        raw: dict of column to array, as a server takes them.
        examples: str. The signature that takes serialised examples.
    """
    row_count = len(next(iter(raw.values())))
    for count in (1, row_count):
        inputs = {name: tensor(cells[:count]) for name, cells in raw.items()}
        yield written.predict_log(written.DEFAULT, inputs)
    rows = zip(*map(_as_features, raw.values()), strict=True)
    yield written.classify_log(
        examples, [dict(zip(raw, row, strict=True)) for row in rows]
    )


def _as_features(cells):
    if np.asarray(cells).dtype.kind == "f":
        return [float(cell) for cell in cells]
    texts = map(_text, cells)
    return [t if isinstance(t, bytes) else t.encode() for t in texts]
