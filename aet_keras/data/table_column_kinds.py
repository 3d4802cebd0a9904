"""Decides whether a column holds numbers, dates or categories."""

import collections
import dataclasses
import math
import re
from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from aet_keras._choices import COLUMN_KINDS
from aet_keras._wording import short
from aet_keras.data import date_cells, number_cells, number_columns
from aet_keras.data.specifications import CellFormat
from aet_keras.errors import DataError

NUMBER, CATEGORY, DATE, IGNORE = COLUMN_KINDS

# `customer_id`, `customerID`, `Unnamed: 0` of pandas, `rownames` of R.
_ID = r"(?i:(?:^|.*[_\s-])(?:id|ids|uuid))|.*[a-z](?:ID|Id)"
_ID_NAME = re.compile(_ID)
_ROW_NAME = re.compile(
    rf"{_ID}|(?i:(?:^|.*[_\s-])(?:key|index|row|rownames?)|unnamed: \d+)"
)
_LEAST_SHARE = date_cells.LEAST_SHARE
_LEAST_ROWS = 20  # below, that all cells differ says nothing
_MOST_DIFFERENT = 0.5  # of rows; above, a category is met too seldom
# Words that are not known as markers may be categories: `studio` beside
# `1`, `2` and `3` is one. Beside this many numbers, or decimals, it is none.
_MOST_ODD = 3
_LEAST_NUMBERS = 10
_MOST_MISSING = 0.9
_LEAST_CODES = 3
_MOST_DIGITS = 16  # of whole numbers; a float64 cannot tell all of these


@dataclasses.dataclass(frozen=True)
class Meaning:
    """Holds what a column is, and how its cells are written.

    Args:
        kind: `"number"`, `"category"`, `"date"` or `"ignore"`.
        why: str. Why it is left out, if it is; or why it is a category
            or a number although its cells look like something else.
        format: `CellFormat`.
        rival: optional `CellFormat`. Another way to read its numbers.
        proves: str. The decimal sign, if the cells show which one is meant.
    """

    kind: str
    why: str = ""
    format: CellFormat = CellFormat()
    rival: CellFormat | None = None
    proves: str = ""


def find_meaning(
    name: str,
    cells: Any,
    *,
    base: CellFormat,
    markers: frozenset[str],
    decimal: str | None = None,
    date_formats: tuple[str, ...] = (),
    kind: str | None = None,
) -> Meaning:
    """Returns what a column is.

    Args:
        name: str. The column's.
        cells: `pandas.Series` of str, missing ones empty.
        base: `CellFormat` that says which words mean a missing cell.
        markers: words, in small letters, that mean one in a column of
            numbers or dates.
        decimal: optional str. The decimal sign, if it is known.
        date_formats: tuple of str. Formats of dates that win.
        kind: optional str. What the user says that it is.

    Raises:
        DataError: if the user says it holds dates, and they cannot be read.
    """
    counts = collections.Counter(cells[cells != ""].tolist())
    if kind == IGNORE:
        return Meaning(IGNORE, "you said so")
    if kind == CATEGORY:
        return Meaning(CATEGORY, format=_with_spellings(base, counts))
    rest = {t: n for t, n in counts.items() if t.lower() not in markers}
    if kind == NUMBER:
        return _as_numbers(rest, base, decimal)
    if kind == DATE:
        date = date_cells.find_date_form(rest, date_formats)
        return _as_dates(name, date, base, counts, must=True)
    if not counts:
        return Meaning(IGNORE, "it holds missing cells only")
    if len(counts) == 1 and counts.total() == len(cells):
        return Meaning(
            IGNORE, f"all its cells are `{short(next(iter(counts)))}`"
        )
    dates = _without_words(rest)
    date = _dates_among(dates, date_formats) if date_formats else None
    if date and date.date_format in date_formats and _is_clear(date):
        return _as_dates(name, date, base, counts)
    kept, form = _without_odd_words(rest, base, decimal)
    if _are_numbers(kept, form):
        return _numbers_or_codes(name, kept, counts, len(cells), form)
    date = date or _dates_among(dates, ())
    if date and _is_clear(date):
        return _as_dates(name, date, base, counts)
    is_varied = len(counts) > _MOST_DIFFERENT * counts.total()
    if is_varied and counts.total() >= _LEAST_ROWS:
        return Meaning(IGNORE, _why_different(name, rest, form))
    why = _why_nothing_else(name, rest, form)
    return Meaning(CATEGORY, why, _with_spellings(base, counts))


def plain_measure(
    cells: Any, base: CellFormat, markers: Container[str], decimal: str | None
) -> Meaning | None:
    """Returns the meaning of plain numbers with fractions, if that is proved.

    It is what `find_meaning` returns, without a list of the different cells.

    Args:
        cells: `pandas.Series` of str, missing ones empty.
        base: `CellFormat` that says which words mean a missing cell.
        markers: as of `find_meaning`.
        decimal: optional str. The decimal sign, if it is known.
    """
    if decimal not in (None, "."):
        return None
    found = number_columns.plain_values(cells)
    if found is None:
        return None
    odd, has_point, values = found
    if any(t not in base.missing and t.lower() not in markers for t in odd):
        return None
    is_measure = np.isfinite(values).all() and (values % 1).any()
    if not is_measure or values.min() == values.max():
        return None
    if any(number_cells.read_number(w, base) in values for w in base.missing):
        return None  # such cells are left out, in one spelling
    plain = dataclasses.replace(base, decimal=".", thousands="", unit="")
    return Meaning(NUMBER, format=plain, proves="." if has_point else "")


def is_numeric(counts: Mapping[str, int], base: CellFormat) -> bool:
    """Whether nearly all cells are numbers."""
    form = number_cells.find_number_form(counts, base)
    return bool(counts) and form.share >= _LEAST_SHARE


def _as_numbers(counts, base, decimal):
    return _meant(number_cells.find_number_form(counts, base, decimal))


def _meant(form):
    proves = form.format.decimal if form.proves else ""
    return Meaning(NUMBER, format=form.format, rival=form.rival, proves=proves)


def _dates_among(counts, date_formats):
    return date_cells.find_date_form(
        counts, date_formats, least_share=_LEAST_SHARE
    )


def _without_words(counts):
    """Returns cells without the most frequent words, as beside dates."""
    words = [text for text in counts if not re.search("[0-9]", text)]
    odd = sorted(words, key=lambda text: -counts[text])[:_MOST_ODD]
    share = sum(counts[t] for t in odd) / (sum(counts.values()) or 1)
    if share > _MOST_MISSING:
        return counts
    return {text: n for text, n in counts.items() if text not in odd}


def _is_clear(date):
    return date.share >= _LEAST_SHARE


def _are_numbers(counts, form):
    codes = [text for text in counts if text not in form.values]
    codes = [text for text in codes if _is_code(text)]
    return form.share >= _LEAST_SHARE and len(codes) < _LEAST_CODES


def _is_code(text):
    """Whether a cell is a code such as `V45`; `250` beside it is one, too."""
    has_both = re.search("[0-9]", text) and re.search(r"[^\W\d_]", text)
    return bool(has_both) and not number_cells.looks_numeric(text)


def _without_odd_words(counts, base, decimal):
    """Returns cells without the most frequent words, if these mark gaps.

    With them how the numbers among the cells are written.
    """
    least = _LEAST_SHARE * (1 - _MOST_MISSING)
    form = number_cells.find_number_form(
        counts, base, decimal, least_share=least
    )
    odd = sorted(counts.keys() - form.values.keys(), key=lambda t: -counts[t])
    odd = odd[:_MOST_ODD]
    share = sum(counts[t] for t in odd) / (sum(counts.values()) or 1)
    has_decimals = any(value % 1 for value in form.values.values())
    is_measure = has_decimals or len(form.values) >= _LEAST_NUMBERS
    if not odd or not is_measure or share > _MOST_MISSING:
        return counts, form
    kept = {text: n for text, n in counts.items() if text not in odd}
    return kept, number_cells.find_number_form(
        kept, base, decimal, least_share=_LEAST_SHARE
    )


def _numbers_or_codes(name, kept, counts, row_count, form):
    """Returns numbers, unless whole ones name something or count rows."""
    is_whole = all(re.fullmatch("[0-9]+", text) for text in kept)
    lengths = {len(text) for text in kept}
    is_code = is_whole and len(lengths) == 1 and min(lengths) > 2
    if is_code and any(text.startswith("0") for text in kept):
        differ = len(kept) > _MOST_DIFFERENT * sum(kept.values())
        return Meaning(IGNORE if differ else CATEGORY, _codes(name, kept))
    if len(kept) > 1 and is_whole and min(lengths) >= _MOST_DIGITS:
        return Meaning(IGNORE, _why_long(name, kept))
    if not form.format.unit:
        is_full = len(counts) == row_count == len(form.values)
        meant = _meant_as_id(name, kept, form, is_full=is_full)
        if meant is not None:
            return meant
    day = date_cells.without_signs(kept) if is_whole else ""
    if not day:
        return _meant(form)
    return dataclasses.replace(
        _meant(form),
        why=f"its cells may be days such as `{day}`; `--kind {name}=date "
        f"--date-format {date_cells.WITHOUT_SIGNS}` makes them dates",
    )


def _why_long(name, cells):
    return (
        f"its whole numbers, such as `{short(next(iter(cells)))}`, have so "
        f"many digits that they name something; `--kind {name}=category` "
        f"keeps them as names, `--kind {name}=number` rounds them"
    )


def _codes(name, cells):
    first = next(text for text in cells if text.startswith("0"))
    return (
        f"its cells are codes such as `{short(first)}`, with zeros in front; "
        f"`--kind {name}=number` makes them numbers"
    )


def _as_dates(name, date, base, counts, must=False):
    if date is None:
        raise DataError(
            "read_table: a column of dates must hold dates that can be read. "
            f"Received: `{name}`, with `{short(next(iter(counts), ''))}`. Say "
            "how they are written: `--date-format`, such as `%d.%m.%Y`."
        )
    if date.rival and must:
        raise date_cells.refuse_ambiguous("read_table", name, date)
    if date.rival:
        return Meaning(IGNORE, date_cells.ambiguous(name, date))
    unread = collections.Counter(
        {
            text: count
            for text, count in counts.items()
            if date_cells.read_day(text, date.date_format)
            != date_cells.read_day(text, date.date_format)
        }
    )
    # A word that stands for a gap must not be refused by a server.
    words = [t for t, _ in unread.most_common(20) if not re.search("[0-9]", t)]
    words += [t for t in unread if re.fullmatch("[0./-]+", t)]
    missing = dict.fromkeys([*base.missing, *words])
    return Meaning(
        DATE,
        format=dataclasses.replace(
            base, date_format=date.date_format, missing=tuple(missing)
        ),
    )


BOOLEANS = (  # what is so comes second
    ("false", "true"),
    ("no", "yes"),
    ("n", "y"),
    ("f", "t"),
    ("nein", "ja"),
    ("non", "oui"),
    ("no", "si"),
    ("no", "sí"),
    ("off", "on"),
    ("não", "sim"),
    ("nee", "ja"),
)


def _with_spellings(base, counts):
    """Returns a format in which `TRUE`, `True` and `true` are one word."""
    lower = {text.lower() for text in counts}
    if not any(lower <= {*pair} for pair in BOOLEANS):
        return base
    words = {
        word: max(
            (t for t in counts if t.lower() == word),
            key=lambda text: (counts[text], text),
        )
        for word in sorted(lower)
    }
    return dataclasses.replace(base, spellings=tuple(words.values()))


def _meant_as_id(name, kept, form, *, is_full):
    """Returns what whole numbers are that name the row, or that may."""
    values, cell_count = sorted(form.values.values()), sum(kept.values())
    if cell_count < _LEAST_ROWS or any(value % 1 for value in values):
        return None
    is_run = is_full and values[-1] - values[0] == len(values) - 1
    is_each_once = len(values) == cell_count
    if is_each_once and (is_run or _ROW_NAME.fullmatch(name)):
        why = "its whole numbers name the row: each stands once"
        return Meaning(IGNORE, why)
    if not _ID_NAME.fullmatch(name):
        return None
    return dataclasses.replace(
        _meant(form),
        why="it is called an id, but its cells stand in more than one row; "
        f"`--kind {name}=ignore` leaves it out, `--kind {name}=category` "
        "keeps it as names",
    )


def _why_different(name, counts, form):
    total = sum(counts.values())
    return _why_nothing_else(name, counts, form) or (
        f"{len(counts)} of {total} cells differ, as in an id or a free text"
    )


def _why_nothing_else(name, counts, form):
    """Says why cells that look like numbers or dates are not read as such."""
    return _why_no_numbers(name, counts, form) or date_cells.why_none(counts)


def _why_no_numbers(name, counts, form):
    """Says why cells that look like numbers are not read as numbers."""
    plain = {text: number_cells.without_signs(text) for text in counts}
    read = [t for t in plain if number_cells.looks_numeric(plain[t])]
    odd = [text for text in read if not number_cells.looks_numeric(text)]
    least = max(_LEAST_NUMBERS, _LEAST_SHARE * len(counts))
    if len(read) >= least and 2 * len(odd) > len(read):
        shown = odd[0].encode("ascii", "backslashreplace").decode()
        return (
            f"its cells, such as `{short(shown)}`, are numbers but for signs "
            f"that are not read: write `{plain[odd[0]]}` to have them read as "
            "numbers"
        )
    numeric = [text for text in counts if number_cells.looks_numeric(text)]
    if len(numeric) < _LEAST_NUMBERS:
        return ""
    if len(numeric) >= _LEAST_SHARE * len(counts):
        shapes: dict[str, str] = {}
        for text in numeric:
            shapes.setdefault(re.sub("[0-9]+", "0", text), text)
        two = [f"`{short(text)}`" for text in list(shapes.values())[:2]]
        if len(two) == 1:
            return ""
        return (
            "its numbers are written in several ways, such as "
            f"{' and '.join(two)}: write them alike to have them read as "
            "numbers"
        )
    # What `form` holds is cut off where it is not good enough.
    odd = [
        text
        for text in counts
        if not math.isfinite(number_cells.read_number(text, form.format))
    ]
    if 2 * len(odd) > len(counts) or 2 * len(numeric) < len(counts):
        return ""
    if sum(map(_is_code, odd)) > _LEAST_CODES:
        return ""
    return (
        f"most cells are numbers, but {sum(counts[t] for t in odd)} are not, "
        f"such as `{short(odd[0])}`; `--kind {name}=number` makes these "
        "missing"
    )
