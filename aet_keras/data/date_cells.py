"""Reads dates in cells, however they are written."""

import dataclasses
import datetime
import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras.data.number_cells import readable
from aet_keras.data.specifications import TableColumn
from aet_keras.errors import DataError

MONTHS = tuple(
    "jan(?:uary)? feb(?:ruary)? mar(?:ch)? apr(?:il)? may june? july? "
    "aug(?:ust)? sept?(?:ember)? oct(?:ober)? nov(?:ember)? "
    "dec(?:ember)?".split()
)
LEAST_SHARE = 0.95  # of cells that must fit; a few odd ones are missing
ISO = "%Y-%m-%d"
WITHOUT_SIGNS = "%Y%m%d"
CENTURY = 69  # as of `strptime`: 68 is 2068, 69 is 1969
_EARLIER = r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[ T].*)?"
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_MONTH = f"((?i:{'|'.join(MONTHS)}))\\.?"
_PARTS = {
    "Y": ("year", "([0-9]{4})"),
    "y": ("short_year", "([0-9]{2})"),
    "m": ("month", "([0-9]{1,2})"),
    "b": ("month_name", _MONTH),
    "B": ("month_name", _MONTH),
    "d": ("day", "([0-9]{1,2})"),
}
_AS_PART = {"short_year": "year", "month_name": "month"}
_NEEDED = ["day", "month", "year"]
# What is passed over, and what is written for it.
_OTHERS = {
    "H": ("[0-9]{1,2}", "00"),
    "I": ("[0-9]{1,2}", "12"),
    "M": ("[0-9]{1,2}", "00"),
    "S": ("[0-9]{1,2}", "00"),
    "f": ("[0-9]{1,9}", "0"),
    "p": (r"(?i:[ap]\.?m\.?)", "AM"),
    "z": ("(?:Z|[-+][0-9]{2}:?[0-9]{2})", "+0000"),
    "Z": ("[A-Za-z]{1,5}", "UTC"),
    "a": ("[A-Za-z]{2,9}", "Mon"),
    "A": ("[A-Za-z]{2,9}", "Monday"),
    "%": ("%", "%"),
}
_TIME = (
    r"(?:(?:,? +|T)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?: ?(?i:[ap]m))?(?: ?(?:Z|UTC|GMT|[-+][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_SHAPE = re.compile(r"([0-9]{1,4})([./-]) ?[0-9]{1,2}\2 ?([0-9]{1,4})\b.*")
_IN_WORDS = re.compile(r"[0-9]{1,2}\W{1,2}[^\W\d_]{3,}\W{1,2}[0-9]{4}")
_WITH_NAMES = (
    "%b %d, %Y",
    "%b %d %Y",
    "%d %b %Y",
    "%d. %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %y",
    "%d/%b/%Y",
    "%a, %d %b %Y",
    "%a, %b %d, %Y",
)


@dataclasses.dataclass(frozen=True)
class DateForm:
    """Holds how the dates of a column are written.

    Args:
        date_format: str. As of `strptime`.
        share: float. The share of cells that are dates in this format.
        rival: str. A format that reads as many cells, but as other days; or
            `""`.
        example: str. A cell that the two read as different days.
    """

    date_format: str
    share: float
    rival: str = ""
    example: str = ""


@functools.lru_cache(maxsize=256)
def date_pattern(date_format: str) -> tuple[str, tuple[str, ...]]:
    """Returns a regular expression of dates, and what its groups are.

    It works in Python and in RE2, which a SavedModel uses.

    Args:
        date_format: str. As of `CellFormat`.

    Raises:
        ValueError: if it does not say year, month and day once each.
    """
    if not date_format:
        return _EARLIER, ("year", "month", "day")
    if date_format == ISO:  # whatever sign is between: no other order is used
        pattern = "[-/.]".join(_PARTS[each][1] for each in "Ymd")
        return pattern + _TIME, ("year", "month", "day")
    pattern, order, has_time = "", [], False
    for literal, letter in re.findall(r"([^%]+)|%(.?)", date_format):
        if literal:
            pattern += re.escape(literal)
        elif letter in _PARTS:
            order.append(_PARTS[letter][0])
            pattern += _PARTS[letter][1]
        elif letter in _OTHERS:
            has_time = has_time or letter in "HI"
            pattern += _OTHERS[letter][0]
        else:
            raise ValueError(_bad_format(date_format))
    if sorted(_AS_PART.get(each, each) for each in order) != _NEEDED:
        raise ValueError(_bad_format(date_format))
    return pattern + ("" if has_time else _TIME), tuple(order)


def read_day(text: str, date_format: str) -> float:
    """Returns days since 1970-01-01, NaN for what is no date.

    The time of day and its zone are ignored.
    """
    pattern, order = date_pattern(date_format)
    found = _compiled(pattern).fullmatch(text)
    if not found:
        return np.nan
    parts = dict(zip(order, found.groups(), strict=True))
    year = int(parts.get("year") or _full_year(parts["short_year"]))
    month = parts.get("month") or _month_number(parts["month_name"])
    try:
        date = datetime.date(year, int(month), int(parts["day"]))
    except ValueError:
        return np.nan
    return float(date.toordinal() - _EPOCH)


def to_days(cells: Any, date_format: str = "") -> np.ndarray:
    """Returns cells as days since 1970-01-01, NaN for what is no date."""
    pandas = optional("pandas", extra="training")

    codes, distinct = pandas.factorize(cells)
    values = [read_day(text, date_format) for text in distinct]
    return np.array([*values, np.nan], "float32")[codes]


def dates_to_days(
    cells: Mapping[str, np.ndarray], columns: Sequence[TableColumn]
) -> dict[str, np.ndarray]:
    """Returns the cells of a table as its model takes them.

    A server takes dates as texts, the model in it as days.

    Args:
        cells: dict from the name of each column to its cells.
        columns: sequence of `TableColumn`.
    """
    days = {
        column.name: to_days(cells[column.name], column.format.date_format)
        for column in columns
        if column.kind == "date"
    }
    return {**cells, **days}


def write_days(days: np.ndarray, date_format: str = "") -> np.ndarray:
    """Returns days since 1970-01-01 as strings, `""` where one is NaN."""
    return np.array(
        [
            _written(int(day), date_format or ISO) if np.isfinite(day) else ""
            for day in days
        ],
        object,
    )


def find_date_form(
    counts: Mapping[str, int],
    given: tuple[str, ...] = (),
    *,
    least_share: float = 0.0,
) -> DateForm | None:
    """Returns the format in which most cells are dates, None if none is.

    Args:
        counts: how often each cell is met.
        given: formats that win where they read most cells.
        least_share: float. A format that fewer cells have need not be tried
            to the end.
    """
    total = sum(counts.values()) or 1
    found = {
        each: readable(
            counts, functools.partial(read_day, date_format=each), least_share
        )
        for each in _candidates(counts, given)
    }
    shares = {
        each: sum(counts[text] for text in days) / total
        for each, days in found.items()
    }
    for each in given:
        if shares[each] >= LEAST_SHARE:
            return DateForm(each, shares[each])
    ranked = sorted(found, key=lambda each: -shares[each])
    if not ranked or not shares[ranked[0]]:
        return None
    best, days = ranked[0], found[ranked[0]]
    for rival in ranked[1:]:
        # A few cells that another format alone can read are odd cells.
        if shares[rival] < LEAST_SHARE:
            break
        odd = [t for t, day in found[rival].items() if days.get(t) != day]
        is_proved = len(days.keys() - found[rival].keys()) > 0 and (
            found[rival].keys() <= days.keys()
        )
        if odd and not is_proved:
            return DateForm(best, shares[best], rival, odd[0])
    return DateForm(best, shares[best])


def without_signs(counts: Mapping[str, int]) -> str:
    """Returns an example if whole numbers are days such as 20240131, or "".

    Such numbers are no measure: from one month to the next they jump.
    """
    days = [text for text in counts if _is_day_without_signs(text)]
    is_met = len(days) >= LEAST_SHARE * len(counts) and len(days) > 1
    return days[0] if is_met else ""


def _is_day_without_signs(text):
    is_recent = text[:2] in ("19", "20") and len(text) == 8
    return is_recent and np.isfinite(read_day(text, WITHOUT_SIGNS))


def why_none(counts: Mapping[str, int]) -> str:
    """Says why cells that are dates to a person are not read; "" if none are.

    Args:
        counts: how often each cell is met.
    """
    left, ways = dict(counts), []
    for each in _candidates(counts, ()):
        days = readable(left, functools.partial(read_day, date_format=each), 0)
        ways += list(days)[:1]
        left = {text: n for text, n in left.items() if text not in days}
    spare = (1 - LEAST_SHARE) * sum(counts.values())
    if len(ways) > 1 and sum(left.values()) <= spare:
        return (
            f"its dates are written in several ways, such as `{ways[0]}` and "
            f"`{ways[1]}`: write them alike to have them read as dates"
        )
    named = [text for text in counts if _IN_WORDS.fullmatch(text)]
    if named and len(named) >= LEAST_SHARE * len(counts):
        return (
            f"its dates, such as `{named[0]}`, have months in words that are "
            f"not English: write them as `{_written(19799, ISO)}` to have "
            "them read as dates"
        )
    return ""


def check_date_format(owner: str, date_format: str) -> None:
    """Raises a `ValueError` unless a format says year, month and day."""
    try:
        date_pattern(date_format or "%")
    except ValueError as error:
        raise ValueError(f"{owner}: {error}") from error


def ambiguous(title: str, form: DateForm) -> str:
    """Says which two dates a cell may mean, and which option decides."""
    days = [
        read_day(form.example, each) for each in (form.date_format, form.rival)
    ]
    meant = " or ".join(
        _written(int(day), ISO) for day in days if np.isfinite(day)
    )
    return (
        f"`{form.example}` in `{title}` may be written as `{form.date_format}`"
        f" or as `{form.rival}` ({meant}), and no cell shows which one all "
        f"others are. Say it: `--date-format {form.date_format}` "
        f'(`date_formats=["{form.date_format}"]`)'
    )


def refuse_ambiguous(owner: str, title: str, form: DateForm) -> DataError:
    """Returns the error for a date that must be read but is ambiguous."""
    return DataError(
        f"{owner}: the order of day and month must be known. Received: "
        f"{ambiguous(title, form)}."
    )


@functools.lru_cache(maxsize=256)
def _compiled(pattern):
    return re.compile(pattern)


def _candidates(counts, given):
    wanted = [*given, ISO]
    shapes = {
        (len(found[1]), found[2], len(found[3]))
        for text in itertools.islice(counts, 1000)
        if (found := _SHAPE.fullmatch(text))
    }
    for first, sign, last in sorted(shapes):
        if first == 4:
            continue
        year = "%Y" if last == 4 else "%y"
        wanted += [f"%d{sign}%m{sign}{year}", f"%m{sign}%d{sign}{year}"]
        if first <= 2 and last <= 2:
            wanted.append(f"%y{sign}%m{sign}%d")
    has_letters = any(
        re.search("[A-Za-z]{3}", text) for text in itertools.islice(counts, 50)
    )
    return dict.fromkeys([*wanted, *(_WITH_NAMES if has_letters else ())])


def _full_year(text):
    return int(text) + (2000 if int(text) < CENTURY else 1900)


def _month_number(text):
    starts = [each[:3] for each in MONTHS]
    return 1 + starts.index(text[:3].lower())


def _written(day, date_format):
    date = datetime.date.fromordinal(day + _EPOCH)
    values = {
        "Y": f"{date.year:04}",
        "y": f"{date.year % 100:02}",
        "m": f"{date.month:02}",
        "b": MONTHS[date.month - 1][:3].capitalize(),
        "B": MONTHS[date.month - 1][:3].capitalize(),
        "d": f"{date.day:02}",
        **{letter: text for letter, (_, text) in _OTHERS.items()},
    }
    return re.sub("%(.)", lambda found: values[found[1]], date_format)


def _bad_format(date_format):
    known = ", ".join(f"%{each}" for each in (*_PARTS, *_OTHERS))
    return (
        "a date format must hold year, month and day once each, as "
        f"`%d.%m.%Y` does. Received: date_format={date_format!r}. It may hold "
        f"{known}."
    )
