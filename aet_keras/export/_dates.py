"""Reads dates such as `2024-03-17` inside a served graph."""

from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras.data import date_cells


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
    found = tf.argmax(tf.cast(tf.stack(is_month, axis=1), tf.int32), axis=1)
    return 1 + tf.cast(found, tf.int32)


def _count(year, month, day):
    """Counts by years that begin in March, so that leap days come last."""
    year = year - tf.cast(month <= 2, tf.int32)
    month = (month + 9) % 12
    leap = year // 4 - year // 100 + year // 400
    return 365 * year + leap + (153 * month + 2) // 5 + day - 1 - 719468
