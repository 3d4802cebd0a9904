"""Reads the number in a cell, however it is written."""

import dataclasses
import functools
import itertools
import math
import re
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np

from aet_keras.data.specifications import CellFormat

_SPACES = " \u00a0\u2009\u202f"
_MINUS = "-\u2212"
_QUOTES = " ='\"`\u2018\u2019\u201c\u201d"
_HEXADECIMAL = re.compile("0[xX][0-9a-fA-F]{1,16}")  # longer ones are bytes
_SIGN = r"[+\-\u2212]"
_CURRENCIES = (
    "USD EUR GBP CHF JPY CNY INR AUD CAD NZD SEK NOK DKK PLN CZK HUF RUB TRY "
    "BRL MXN ZAR KRW SGD HKD ILS"
).split()
# `A12` is a code and no number, so that only money stands before one.
_BEFORE = rf"(?:[A-Z]{{0,3}}[$€£¥₹₽₩₺₫₴₪฿]|Rs\.?|{'|'.join(_CURRENCIES)})"
_LETTERS = r"[^\W\d_]"
_BEHIND = (
    rf"(?:[%‰$€£¥₹₽₩₺₫₴₪฿]|°{_LETTERS}?|"
    rf"{_LETTERS}{{1,12}}[²³]?(?:[/·]{_LETTERS}{{1,6}}[²³]?)?)"
)
_DIGITS = (
    rf"(?:[0-9][0-9.,'’{_SPACES}]*[0-9][.,]?|[0-9][.,]?|[.,][0-9]+)"
    r"(?:[eE][-+]?[0-9]+)?"
)
_ANY = re.compile(
    rf"\(?{_SIGN}?[{_SPACES}]*(?P<before>{_BEFORE})?[{_SPACES}]*{_SIGN}?"
    rf"{_DIGITS}[{_SPACES}]*(?P<behind>{_BEHIND})?\)?"
)
PLAIN = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]{1,2}){2,}")  # or a network address
_THOUSANDS = {".": ("", ",", " ", "'"), ",": ("", ".", " ", "'")}
_LEAST_SHARE_WITH_UNIT = 0.5
_LEAST_DIFFERENT = 3  # `2WD` and `4WD` are no measures


@dataclasses.dataclass(frozen=True)
class NumberForm:
    """Holds how the numbers of a column are written.

    Args:
        format: `CellFormat`.
        share: float. The share of cells that are numbers in this format.
        rival: optional `CellFormat` that reads as many cells, but as other
            numbers.
        proves: bool. Whether the cells show which decimal sign is meant.
        values: dict of cell to number, of those that are one.
    """

    format: CellFormat
    share: float
    rival: CellFormat | None = None
    proves: bool = False
    values: Mapping[str, float] = dataclasses.field(default_factory=dict)


def read_number(text: str, form: CellFormat) -> float:
    """Returns the number that a cell is, NaN if it is none."""
    if PLAIN.fullmatch(text) and not (form.decimal == "," and "." in text):
        return float(text)
    found = _pattern(form.decimal, form.thousands, form.unit).fullmatch(text)
    if not found:
        return np.nan
    opened, closed = bool(found["open"]), bool(found["close"])
    signs = (found["sign"] or "") + (found["inner"] or "")
    if opened != closed or len(signs) + opened > 1:
        return np.nan
    body = found["body"]
    if form.thousands:
        body = re.sub(_sign_of(form.thousands), "", body)
    value = float(body.replace(form.decimal, "."))
    is_negative = opened or signs in tuple(_MINUS)
    return -value if is_negative else value


def missing_numbers(form: CellFormat) -> np.ndarray:
    """Returns the numbers that mean a missing cell, float32."""
    plain = dataclasses.replace(form, unit="")
    values = np.array([read_number(w, plain) for w in form.missing])
    return values[np.isfinite(values)].astype("float32")


def find_number_form(
    counts: Mapping[str, int],
    base: CellFormat,
    decimal: str | None = None,
    *,
    least_share: float = 0.0,
) -> NumberForm:
    """Returns the format in which most cells are numbers.

    Args:
        counts: how often each cell is met.
        base: `CellFormat` that the others are taken from.
        decimal: optional str. The decimal sign, if it is known.
        least_share: float. A form that fewer cells have need not be tried to
            the end.
    """
    if decimal in (None, "."):
        plain = dataclasses.replace(base, decimal=".", thousands="", unit="")
        values = _values(counts, plain, 1.0)
        if counts and len(values) == len(counts) and _is_proved(counts):
            proves = any("." in text for text in counts)
            return NumberForm(plain, 1.0, proves=proves, values=values)
    base = dataclasses.replace(base, unit=_unit(counts))
    total = sum(counts.values()) or 1
    signs = {each for each in ". ,'" if _is_met(each, counts)}
    tried = []
    for point in [decimal] if decimal else _THOUSANDS:
        forms = [
            dataclasses.replace(base, decimal=point, thousands=each)
            for each in _THOUSANDS[point]
            if not each or each in signs
        ]
        # A form with thousands reads all that the first one reads: it is
        # better only where it reads more.
        found = [_values(counts, form, least_share) for form in forms]
        best = max(found, key=lambda each: _share(counts, each))
        tried.append((forms[found.index(best)], best))
    tried.sort(key=lambda each: -_share(counts, each[1]))
    form, values = tried[0]
    rivals = [
        other
        for other, other_values in tried[1:]
        if other_values.keys() == values.keys() and other_values != values
    ]
    has_sign = any("." in text or "," in text for text in values)
    return NumberForm(
        form,
        _share(counts, values) / total,
        rivals[0] if rivals else None,
        proves=has_sign and not rivals and decimal is None,
        values=values,
    )


def _is_proved(counts):
    """Whether each point can only be a decimal sign, not a thousands sign."""
    other = _pattern(",", ".", "")
    has_point = any("." in text for text in counts)
    return not has_point or not all(map(other.fullmatch, counts))


def _is_met(sign, counts):
    alike = {" ": _SPACES, "'": "'’"}.get(sign, sign)
    return any(each in text for text in counts for each in alike)


def without_signs(text: str) -> str:
    """Returns the plain number in a cell that is not read as one.

    Left out are invisible characters, quotes and the `="12"` of a
    spreadsheet; digits of other scripts, `1_000` and `0x1f` become plain.

    Example:

    >>> from aet_keras.data.number_cells import without_signs
    >>> [without_signs(cell) for cell in ("'76", "1_000", "0x1f", "red")]
    ['76', '1000', '31', 'red']
    """
    seen = (x for x in unicodedata.normalize("NFKC", text) if _is_seen(x))
    digits = "".join(str(unicodedata.decimal(x, x)) for x in seen)
    plain = re.sub("(?<=[0-9])_(?=[0-9])", "", digits.strip(_QUOTES))
    is_hexadecimal = _HEXADECIMAL.fullmatch(plain)
    return str(int(plain, 16)) if is_hexadecimal else plain


def _is_seen(sign):
    return unicodedata.category(sign) != "Cf"


def looks_numeric(text: str) -> bool:
    """Whether a cell looks like a number in one of the forms known here."""
    return bool(_ANY.fullmatch(text)) and not _VERSION.fullmatch(text)


def readable(
    counts: Mapping[str, int], read: Callable[[str], float], least_share: float
) -> dict[str, float]:
    """Returns the value of each cell that has one.

    Args:
        counts: how often each cell is met.
        read: function of a cell; returns NaN if the cell has no value.
        least_share: float. Cut off as soon as fewer cells than this have one.
    """
    values = {}
    spare = (1 - least_share) * sum(counts.values())
    for text, count in counts.items():
        value = read(text)
        if math.isfinite(value):
            values[text] = value
            continue
        spare -= count
        if spare < 0:
            break
    return values


def _values(counts, form, least_share):
    return readable(counts, lambda text: read_number(text, form), least_share)


def _share(counts, values):
    return sum(counts[text] for text in values)


def _unit(counts):
    """Returns the unit that most of the numbers have, or `""`."""
    with_unit: dict[str, int] = {}
    total = 0
    for text, count in counts.items():
        found = _ANY.fullmatch(text)
        if not found:
            continue
        total += count
        unit = found["before"] or found["behind"]
        if unit and not (found["before"] and found["behind"]):
            with_unit[unit] = with_unit.get(unit, 0) + count
    if not with_unit or len(counts) < _LEAST_DIFFERENT:
        return ""
    unit = max(with_unit, key=lambda each: with_unit[each])
    return unit if with_unit[unit] > _LEAST_SHARE_WITH_UNIT * total else ""


@functools.lru_cache(maxsize=256)
def _pattern(decimal, thousands, unit):
    point, in_groups = re.escape(decimal), ""
    if thousands:  # beside an exponent there are none: `7,600E+01` is 76
        sign = _sign_of(thousands)
        in_groups = (
            rf"(?:[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{3}})+|"
            rf"[1-9][0-9]?(?:{sign}[0-9]{{2}})+{sign}[0-9]{{3}})"
            rf"(?:{point}[0-9]*)?|"
        )
    space = f"[{_SPACES}]*"
    before = rf"(?:{re.escape(unit)}{space})?" if unit else ""
    behind = rf"(?:{space}{re.escape(unit)})?" if unit else ""
    return re.compile(
        rf"(?P<open>\()?(?P<sign>{_SIGN})?{space}{before}(?P<inner>{_SIGN})?"
        rf"(?P<body>{in_groups}(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)"
        rf"(?:[eE][-+]?[0-9]+)?){behind}(?P<close>\))?"
    )


def _sign_of(thousands):
    """Returns the pattern of what stands between thousands."""
    same = {" ": f"[{_SPACES}]", "'": "['’]"}
    return same.get(thousands, re.escape(thousands))


_ROUGH = 1e-3  # of the spread; what float32 rounds off shows


def is_rough(values: np.ndarray) -> bool:
    """Says whether float32 rounds numbers by much of their spread.

    Args:
        values: float32 array; what is not finite is left out.

    Example:

    >>> from aet_keras.data.number_cells import is_rough
    >>> is_rough(np.array([1.7e12, 1.7e12 + 1e6], "float32"))
    True
    """
    known = values[np.isfinite(values)].astype("float64")
    if not len(known) or not np.ptp(known):
        return False
    step = np.spacing(np.float32(np.abs(known).max()))
    return bool(step > _ROUGH * known.std())


# How often the range of all others a number is away from these, and how many
# such numbers an end has, as 997, 998 and 999: the fewer different others there
# are, the less they show what is far.
_FAR = ((10, 2.0, 3), (3, 10.0, 1))
_ONCE = 50.0  # times as far, if it is met once


def far_values(values: np.ndarray) -> list[tuple[float, int]]:
    """Finds numbers that may stand for a gap, such as -999 beside ages.

    They are the lowest or the highest, at most three at an end, nearer to each
    other than to all others, and twice as far from these as these are apart;
    one at an end and ten times where there are fewer than ten different ones,
    such as ratings; and 50 times as far if one of them is met once.

    Args:
        values: float array; what is not finite is left out.

    Returns:
        list of tuples: a number, and how often it is met; the lowest first.

    Example:

    >>> from aet_keras.data.number_cells import far_values
    >>> far_values(np.array([*range(20, 60), -999, -999]))
    [(-999.0, 2)]
    """
    known = values[np.isfinite(values)].astype("float64")
    distinct, counts = np.unique(known, return_counts=True)
    low, high = _far_ends(distinct, counts)
    ends = [*range(low), *range(len(distinct) - high, len(distinct))]
    return [(float(distinct[i]), int(counts[i])) for i in ends]


def _far_ends(distinct, counts):
    """Returns how many of the lowest and of the highest are far."""
    at_most = range(max(most for _, _, most in _FAR) + 1)
    pairs = itertools.product(at_most, at_most)
    for low, high in sorted(pairs, key=sum, reverse=True):
        others = distinct[low : len(distinct) - high]
        if _are_far(distinct, counts, others, low, high):
            return low, high
    return 0, 0


def _are_far(distinct, counts, others, low, high):
    found = (each[1:] for each in _FAR if len(others) >= each[0])
    times, most = next(found, (0.0, 0))
    if not 0 < max(low, high) <= most:
        return False
    far = times * np.ptp(others)
    ends = []
    if low:
        ends.append((others[0] - distinct[low - 1], slice(low)))
    if high:
        ends.append((distinct[-high] - others[-1], slice(-high, None)))
    return all(
        gap > far * (_ONCE if counts[end].min() == 1 else 1.0)
        and np.ptp(distinct[end]) <= gap  # else they are a tail
        for gap, end in ends
    )
