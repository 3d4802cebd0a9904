"""Reads the words, numbers and dates of a column of strings."""

import collections
import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras import _wording as wording
from aet_keras._optional import optional
from aet_keras._wording import counted, short
from aet_keras.data import date_cells, number_cells, number_columns
from aet_keras.data.specifications import MISSING_WORDS, CellFormat

# They are words to some, such as a country, or the answer to "which allergy?":
# only in a column of numbers or dates, where no word can be meant, they are
# missing. In small letters.
_WORDS_TO_SOME = frozenset(
    """na n.a. n.a none nil nan null n/a - -- --- – — _ ? ?? ??? . .. ... * **
    unknown missing undefined unspecified empty blank tba tbd k.a. unbekannt
    fehlt inconnu desconocido (null) (none) (blank) (empty) (missing)
    (unknown)""".split()
) | {
    "keine angabe",
    "k. a.",
    "no data",
    "not applicable",
    "not available",
    "not known",
    "not specified",
    "0000-00-00",
    "00/00/0000",
    "00.00.0000",
}
MARKERS = _WORDS_TO_SOME | {word.lower() for word in MISSING_WORDS}
_SHOWN = 5
_CODE = re.compile("[0-9]+[eE][0-9]+")  # a number, or what only resembles one


def missing_words(owner: str, missing: Iterable[str] | None) -> tuple[str, ...]:
    """Returns the words that always mean a missing cell.

    Args:
        owner: str. Who asks.
        missing: optional sequence of str, what the user says they are.

    Raises:
        TypeError: if one is no str.
    """
    if missing is None:
        return MISSING_WORDS
    if isinstance(missing, str):
        missing = [missing]
    for word in missing:
        check.instance(owner, of=str, missing=word)
    stripped = (word.strip() for word in missing)
    return tuple(dict.fromkeys(word for word in stripped if word))


def note_unmet(frame: Any, words: tuple[str, ...]) -> list[str]:
    """Notes words that a user says mean a missing cell, and no cell holds.

    Args:
        frame: `pandas.DataFrame` of stripped cells.
        words: as of `missing_words`; those that are usual are passed over.
    """
    if words == MISSING_WORDS:
        return []
    unmet = list(words)
    for met_in in (_met_in, _met_as_number_in):  # `-99` is met as `-99.0`
        for title in frame.columns:
            if unmet:
                met = met_in(frame[title].unique(), unmet)
                unmet = [word for word in unmet if word not in met]
    if not unmet:
        return []
    return [f"`--missing`: no cell is {wording.quoted(unmet, 3)}."]


def _met_in(cells, words):
    return set(words).intersection(cells)


def _met_as_number_in(cells, words):
    pandas = optional("pandas", extra="training")
    words_and_cells = pandas.Series([*words, *cells], dtype=object)
    values = pandas.to_numeric(words_and_cells, errors="coerce")
    numbers = set(values[len(words) :].dropna())
    pairs = zip(words, values, strict=False)
    return {word for word, value in pairs if value in numbers}


def stripped(cells: Any) -> Any:
    """Returns cells as str without spaces around them, missing ones empty.

    Equal cells are one object.
    """
    pandas = optional("pandas", extra="training")
    codes, distinct = pandas.factorize(cells)
    # A missing cell has code -1, which takes the last.
    texts = np.array([*(text.strip() for text in distinct), ""], object)
    return pandas.Series(texts[codes], cells.index, object, cells.name)


def words_of(cells: Any, form: CellFormat) -> Any:
    """Returns stripped cells as words, missing ones empty."""
    pandas = optional("pandas", extra="training")

    codes, distinct = pandas.factorize(cells)
    words = np.array([_word(text, form) for text in distinct], object)
    return pandas.Series(
        words[codes] if len(words) else [], cells.index, object
    )


def note_missing(title: str, words: Mapping[str, int], why: str = "") -> str:
    """Notes which words counted as missing, and how often."""
    count = sum(words.values())
    cells = counted(count, "cell counts", "cells count")
    return f"Column `{title}`: {cells} as missing{why}: {listed(words)}."


def listed(words: Mapping[str, int]) -> str:
    """Returns words with their counts, the most frequent first."""
    ranked = collections.Counter(words).most_common()
    return wording.listed((f"`{short(w)}` ({n})" for w, n in ranked), _SHOWN)


def note_words_to_some(
    title: str, cells: Any, what: str = "a category"
) -> list[str]:
    """Notes words that may mean a missing cell but are kept as words.

    Args:
        title: str. The column's.
        cells: `pandas.Series` of str, missing ones empty.
        what: str. What they are kept as.
    """
    counts = collections.Counter(cells[cells != ""].tolist())
    kept = {w: n for w, n in counts.items() if w.lower() in MARKERS}
    if not kept:
        return []
    options = " ".join(f"--missing {_quoted(w)}" for w in list(kept)[:_SHOWN])
    each = ("is", "it") if len(kept) == 1 else ("are each", "them")
    return [
        f"Column `{title}`: {listed(kept)} {each[0]} kept as {what} of its "
        f"own; `{options}` makes {each[1]} missing."
    ]


def _opened(cells):
    if hasattr(cells, "str"):
        return cells[cells.str.startswith("(")]
    return [text for text in cells if text.startswith("(")]


def note_format(title: str, cells: Any, form: CellFormat) -> list[str]:
    """Notes how numbers with units or thousands signs are read."""
    plain = dataclasses.replace(form, decimal=".", thousands="", unit="")
    notes = []
    # Of a plain format only what is in parentheses is not plain.
    for text in _opened(cells) if form == plain else cells:
        value = number_cells.read_number(text, form)
        is_plain = number_cells.read_number(text, plain) == value
        if value == value and (not is_plain or text.startswith("(")):
            notes = [
                f"Column `{title}`: its numbers are read as `{short(text)}` "
                f"is, which is {value:.10g}."
            ]
            break
    known = (text for text in cells if text and text not in form.missing)
    first = next(known, "")
    if all(map(_CODE.fullmatch, itertools.chain([first], known))):
        value = number_cells.read_number(first, form)
        notes.append(
            f"Column `{title}`: its cells, such as `{first}`, are read as "
            f"numbers, {value:.10g}; `--kind {title}=category` keeps them as "
            "codes."
        )
    return notes + note_without_unit(title, cells, form)


def note_without_unit(title: str, cells: Any, form: CellFormat) -> list[str]:
    """Notes numbers without the unit that their column is known to have."""
    bare = dataclasses.replace(form, unit="")
    alone = [
        text
        for text in (cells if form.unit else ())
        if text not in form.missing
        and math.isfinite(number_cells.read_number(text, bare))
    ]
    if not alone:
        return []
    count = counted(len(alone), "cell is", "cells are")
    return [
        f"Column `{title}`: {count} without `{form.unit}`, such as "
        f"`{alone[0]}`, and read as if it stood there."
    ]


def note_far(title: str, values: np.ndarray, decimal: str = ".") -> list[str]:
    """Notes numbers that may stand for a missing cell, such as -999.

    Args:
        title: str. The column.
        values: floats `(rows,)`, NaN where a cell is missing.
        decimal: `"."` or `","`, in which the column writes its numbers:
            `--missing` is read likewise. Defaults to `"."`.
    """
    found = number_cells.far_values(values)
    # As the file has it.
    words = {
        f"{float(str(np.float32(value))):.10g}".replace(".", decimal): count
        for value, count in found
    }
    return _far_note(title, words, "numbers")


def note_rough(
    title: str, cells: Any, values: np.ndarray, form: CellFormat
) -> list[str]:
    """Notes numbers that float32 rounds by much of their spread.

    Args:
        title: str. The column.
        cells: `pandas.Series` of str.
        values: float32 array `(rows,)`, what `read_values` made of them.
        form: `CellFormat`. Of the column.
    """
    is_rough = number_cells.is_rough(values)
    if not (is_rough or number_columns.are_rounded_to_one(cells, values, form)):
        return []
    return [
        f"Column `{title}`: its numbers are large beside their "
        "spread: models count in float32, which rounds them. Subtract "
        "a constant first, or write times as dates."
    ]


def note_far_date(title: str, cells: Any, days: np.ndarray) -> list[str]:
    """Notes dates that may stand for a missing cell, such as 9999-12-31.

    Args:
        title: str. The column.
        cells: `pandas.Series` of str.
        days: floats `(rows,)`, NaN where a cell is missing.
    """
    words = {
        cells[days == value].iloc[0]: count
        for value, count in number_cells.far_values(days)
    }
    return _far_note(title, words, "dates")


def _far_note(title, words, others):
    if not words:
        return []
    cells = " and ".join(
        f"{counted(count, 'cell is', 'cells are')} {word}"
        for word, count in words.items()
    )
    options = " ".join(f"--missing {word}" for word in words)
    return [
        f"Column `{title}`: {cells}, far from all other {others}. If that "
        f"means a missing cell, say `{options}`."
    ]


def note_rival(title: str, cells: Any, form: CellFormat, rival: Any) -> str:
    """Notes another way to read numbers, and the option that selects it."""
    for text in cells:
        value, other = (
            number_cells.read_number(text, f) for f in (form, rival)
        )
        if value == value and value != other:
            return (
                f"Column `{title}`: `{text}` is read as {value:.10g}; if it "
                f"is {other:.10g}, say `--decimal {rival.decimal}`."
            )
    return ""


def odd_words(cells: Any, values: np.ndarray) -> collections.Counter:
    """Counts the cells that are not empty but have no value."""
    is_odd = ~np.isfinite(values) & (cells != "").to_numpy()
    return collections.Counter(cells[is_odd].tolist())


def read_values(cells: Any, kind: str, form: CellFormat) -> np.ndarray:
    """Returns stripped cells as numbers or days, missing ones NaN."""
    if kind == "number":
        return number_columns.to_numbers(cells, form)
    is_missing = cells.isin(list(form.missing))
    return date_cells.to_days(cells.where(~is_missing, ""), form.date_format)


def _word(text, form):
    if text in form.missing:
        return ""
    if form.spellings:
        for word in form.spellings:
            if word.lower() == text.lower():
                return word
    return text


def _quoted(word):
    return word if word.isalnum() else f"'{word}'"
