"""How does a served model read `2024-03-17`?"""

from typing import Any

import numpy as np
import tensorflow as tf

_DATE = r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})([ T].*)?"
_NONE = "1970-01-01"


def days_of(text: Any) -> Any:
    """Returns dates as days since 1970-01-01, NaN for what is no date.

    Args:
        text: string tensor `(batch,)`.
    """
    is_date = tf.strings.regex_full_match(text, _DATE)
    text = tf.where(is_date, text, _NONE)
    year, month, day = (
        tf.strings.to_number(
            tf.strings.regex_replace(text, f"^{_DATE}$", rf"\{part}"), tf.int32
        )
        for part in (1, 2, 3)
    )
    first = _days(year, month, tf.ones_like(day))
    is_last = tf.cast(month == 12, tf.int32)
    following = _days(year + is_last, (1 - is_last) * month + 1, 1)
    days = first + day - 1
    is_there = (month >= 1) & (month <= 12) & (day >= 1) & (days < following)
    found = tf.cast(days, tf.float32)
    return tf.where(is_date & is_there, found, np.float32("nan"))


def dates_of(days: np.ndarray) -> np.ndarray:
    """Returns days since 1970-01-01 as strings, `""` where one is NaN."""
    whole = np.where(np.isfinite(days), days, 0).astype("datetime64[D]")
    return np.where(np.isfinite(days), whole.astype(str), "")


def _days(year, month, day):
    """Counts by years that begin in March, so that leap days come last."""
    year = year - tf.cast(month <= 2, tf.int32)
    month = (month + 9) % 12
    leap = year // 4 - year // 100 + year // 400
    return 365 * year + leap + (153 * month + 2) // 5 + day - 1 - 719468
