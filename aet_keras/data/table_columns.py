"""Chooses the columns of a table and reads their cells."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._optional import optional
from aet_keras._wording import quoted
from aet_keras.data import date_cells, table_cells
from aet_keras.data import table_column_kinds as kinds_of
from aet_keras.data.names import note_alike, served_names
from aet_keras.data.specifications import (
    MISSING_WORDS,
    CellFormat,
    TableColumn,
    TableSpecification,
)
from aet_keras.data.table_file import read_columns
from aet_keras.data.table_store import Columns
from aet_keras.errors import DataError

_MANY = 0.05  # of cells; so many words may be meant
_MOST_ALIKE, _FEW = 6, 3  # notes of one kind
_NAMED = re.compile(r"`[^`]*`|\d+")


@dataclasses.dataclass(frozen=True)
class Reading:
    """Holds the options of a user for all cells of a table.

    Args:
        missing: tuple of str. Words that mean a missing cell.
        decimal: optional str. The decimal sign of numbers that may be read
            with either.
        date_formats: tuple of str. Formats of its dates.
        hint: str. The decimal sign that the file probably uses, or `""`.
    """

    missing: tuple[str, ...] = MISSING_WORDS
    decimal: str | None = None
    date_formats: tuple[str, ...] = ()
    hint: str = ""


def make_reading(
    owner: str,
    missing: Sequence[str] | None,
    decimal: str | None,
    date_formats: Sequence[str],
) -> Reading:
    """Returns the options of a user for cells, checked.

    Raises:
        TypeError: if a word is no str.
        ValueError: if a sign or a format is not known.
    """
    if decimal is not None:
        check.one_of(owner, decimal=decimal, among=(".", ","))
    if isinstance(date_formats, str):
        date_formats = [date_formats]
    for each in date_formats:
        date_cells.check_date_format(owner, each)
    words = table_cells.missing_words(owner, missing)
    return Reading(words, decimal, tuple(date_formats))


def read_stripped(
    owner: str,
    path: str | PathLike,
    encoding: str,
    reading: Reading,
    *,
    is_like: bool = False,
) -> tuple[Any, Reading, tuple[str, ...]]:
    """Reads a table.

    Args:
        owner: str. Who asks.
        path: str or path. As of `read_csv`.
        encoding: str. As of `read_csv`.
        reading: `Reading`.
        is_like: bool. Whether the options are those of an earlier table, so
            that a word for missing cells need not be met here.

    Returns:
        A `pandas.DataFrame` of stripped cells; the `Reading` with the decimal
        sign that the file probably uses; and notes on the file.
    """
    columns, reading, notes = read_text_columns(
        owner, path, encoding, reading, is_like=is_like
    )
    return stripped_frame(columns, columns), reading, notes


def read_text_columns(
    owner: str,
    path: str | PathLike,
    encoding: str,
    reading: Reading,
    *,
    is_like: bool = False,
) -> tuple[Columns, Reading, tuple[str, ...]]:
    """Reads a table as `read_stripped` does, but makes no frame.

    Args:
        owner, path, encoding, reading, is_like: as of `read_stripped`.

    Returns:
        `Columns`, which make a column when asked for it; the `Reading`; notes.
    """
    columns = read_columns(owner, path, encoding=encoding)
    reading = dataclasses.replace(reading, hint=columns.attrs["decimal"])
    notes = columns.attrs["notes"]
    if not is_like:
        notes = (*notes, *table_cells.note_unmet(columns, reading.missing))
    return columns, reading, notes


def stripped_frame(columns: Columns, titles: Iterable[str]) -> Any:
    """Returns a `pandas.DataFrame` of the stripped cells of some columns."""
    pandas = optional("pandas", extra="training")
    frame = pandas.DataFrame(
        {t: table_cells.stripped(columns[t]) for t in dict.fromkeys(titles)}
    )
    frame.attrs.update(columns.attrs)
    return frame


def find_columns(
    owner: str,
    features: Any,
    kinds: Mapping[str, str],
    reading: Reading = Reading(),
) -> tuple[tuple[TableColumn, ...], list[str]]:
    """Returns the columns to use, and a note on each that is left out."""
    found = find_meanings(features, kinds, reading)
    columns, notes = [], []
    for title, meaning in found.items():
        if meaning.kind == kinds_of.IGNORE:
            notes.append(f"Column `{title}` is left out: {meaning.why}.")
            continue
        columns.append(TableColumn(title, meaning.kind, title, meaning.format))
        if meaning.why:
            what = f"a {meaning.kind}"
            notes.append(f"Column `{title}` is {what}: {meaning.why}.")
        if meaning.kind == kinds_of.NUMBER:
            notes += number_notes(title, features[title], meaning)
        if meaning.kind == kinds_of.DATE:
            notes += _date_notes(title, meaning)
    notes += _notes_of_unused(found, reading)
    if not columns:
        raise DataError(
            f"{owner}: there must be a usable column beside the target. "
            f"Received: {' '.join(notes) or 'none.'} Add one, or say with "
            "`kinds` what one is."
        )
    return _served(columns, notes)


def folded(*notes: str) -> tuple[str, ...]:
    """Returns notes; of more than six that differ by column, three and a count.

    Example:

    >>> from aet_keras.data.table_columns import folded
    >>> for note in folded(*(f"Column `c{i}` is left out." for i in range(9))):
    ...     print(note)
    Column `c0` is left out.
    Column `c1` is left out.
    Column `c2` is left out.
    6 more columns have such a note: `c3`, `c4`, `c5` and 3 more.
    """
    kept: dict[str, list[str]] = {}
    for note in notes:
        is_of_column = note.startswith("Column `")
        kind = _NAMED.sub("_", note) if is_of_column else note
        kept.setdefault(kind, []).append(note)
    return tuple(each for found in kept.values() for each in _few(found))


def _few(notes):
    rest = notes[_FEW:]
    if len(notes) <= _MOST_ALIKE or not notes[0].startswith("Column `"):
        return notes
    titles = quoted((note.split("`")[1] for note in rest), _FEW)
    return [
        *notes[:_FEW],
        f"{len(rest)} more columns have such a note: {titles}.",
    ]


def _notes_of_unused(meanings, reading):
    """Notes options of dates and numbers that no column is read by."""
    used = {each.format.date_format for each in meanings.values()}
    notes = [
        f"`--date-format {each}` is not used: no column is written so."
        for each in reading.date_formats
        if each not in used
    ]
    others = [
        title
        for title, each in meanings.items()
        if reading.decimal and each.proves not in ("", reading.decimal)
    ]
    if others:
        notes.append(
            f"`--decimal {reading.decimal}` is not used for "
            f"{quoted(others, 3)}: the cells show another sign."
        )
    return notes


def find_meanings(
    features: Any, kinds: Mapping[str, str], reading: Reading
) -> dict[str, kinds_of.Meaning]:
    """Finds the meaning of all columns; clear ones decide unclear ones."""

    def find(title, decimal):
        cells, kind = features[title], kinds.get(title)
        if kind is None and not reading.date_formats:
            plain = kinds_of.plain_measure(cells, base, markers, decimal)
            if plain is not None:
                return plain
        return kinds_of.find_meaning(
            title,
            table_cells.words_of(cells, base),
            base=base,
            markers=markers,
            decimal=decimal,
            date_formats=reading.date_formats,
            kind=kind,
        )

    base = CellFormat(missing=reading.missing)
    markers = table_cells.MARKERS | {word.lower() for word in base.missing}
    found = {title: find(title, None) for title in features}
    signs = {each.proves for each in found.values()} - {""}
    # One file has one decimal sign: other columns say which one is meant.
    known = signs.pop() if len(signs) == 1 else reading.hint
    known = reading.decimal or known
    for title, meaning in found.items():
        if meaning.rival is None:
            continue
        if known:
            found[title] = find(title, known)
        elif meaning.format.decimal == "," and not meaning.format.thousands:
            # Without any sign of another use a comma is between thousands.
            found[title] = dataclasses.replace(
                meaning, format=meaning.rival, rival=meaning.format
            )
    return found


def number_notes(
    title: str, cells: Any, meaning: kinds_of.Meaning
) -> list[str]:
    """Notes how the numbers of a column are read, where that is not plain.

    Args:
        title: str. The column's.
        cells: `pandas.Series` of str.
        meaning: `table_column_kinds.Meaning` of a number.
    """
    notes = table_cells.note_format(title, cells, meaning.format)
    if meaning.rival is not None:
        note = table_cells.note_rival(
            title, cells, meaning.format, meaning.rival
        )
        notes = [note] if note else notes
    return notes


def _date_notes(title, meaning):
    if meaning.format.date_format == date_cells.ISO:
        return []
    return [
        f"Column `{title}`: dates are read as `{meaning.format.date_format}`."
    ]


def _served(columns, notes):
    """Gives each column a name that a signature can have."""
    names = served_names(column.title for column in columns)
    named = [
        dataclasses.replace(column, name=name)
        for column, name in zip(columns, names, strict=True)
    ]
    renamed = [c for c in named if c.name != c.title]
    if renamed:
        first, count = renamed[0], len(renamed) - 1
        others = f", and {count} more alike" if count else ""
        notes = [
            *notes,
            f"A server takes letters, digits and `_`: `{first.title}` is "
            f"called `{first.name}` there{others}.",
        ]
    return tuple(named), notes


def columns_like(
    owner: str, features: Any, like: TableSpecification
) -> tuple[tuple[TableColumn, ...], list[str]]:
    """Returns the columns of an earlier table, and notes on what differs."""
    titles = [column.title for column in like.columns]
    lacking = [title for title in titles if title not in features]
    new = [title for title in features if title not in titles]
    if len(lacking) == len(titles):
        raise DataError(
            f"{owner}: the table must have columns that the earlier model "
            f"looks at: {quoted(titles, 6)}. Received: {quoted(new, 6)}."
        )
    notes = [
        f"Column `{title}` of the earlier model is not there: its cells count "
        "as missing."
        for title in lacking
    ]
    if new:
        notes.append(
            f"Not looked at, because the earlier model does not know them or "
            f"left them out: {quoted(new, 6)}."
        )
    for column in like.columns:
        if column.title in features:
            cells = features[column.title]
            title, form = column.title, column.format
            notes += table_cells.note_without_unit(title, cells, form)
    return like.columns, notes


def read_cells(
    features: Any, columns: Sequence[TableColumn]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the arrays by name, and notes on cells that are missing."""
    inputs, notes = {}, []
    for column in columns:
        if column.title not in features:
            inputs[column.name] = _missing(column.kind, len(features))
            continue
        cells = features[column.title]
        if column.kind == kinds_of.CATEGORY:
            cells = table_cells.stripped(cells)
            words = table_cells.words_of(cells, column.format)
            inputs[column.name] = words.to_numpy(object)
            notes += _category_notes(column.title, cells, words)
            continue
        values = table_cells.read_values(cells, column.kind, column.format)
        inputs[column.name] = values
        odd = table_cells.odd_words(cells, values)
        if odd:
            notes.append(_odd_note(column, odd, len(cells)))
        if column.kind == kinds_of.NUMBER:
            decimal = column.format.decimal
            notes += table_cells.note_far(column.title, values, decimal)
            notes += table_cells.note_rough(
                column.title, cells, values, column.format
            )
        if column.kind == kinds_of.DATE:
            notes += table_cells.note_far_date(column.title, cells, values)
    return inputs, notes


def _odd_note(column, odd, row_count):
    if set(odd) <= set(column.format.missing):
        return table_cells.note_missing(column.title, odd)
    they = "they are" if odd.total() > 1 else "it is"
    why = f", because {they} no {column.kind}"
    note = table_cells.note_missing(column.title, odd, why)
    if odd.total() <= _MANY * row_count:
        return note
    return f"{note} `--kind {column.title}=category` keeps such words."


def _category_notes(title, cells, words):
    is_gone = (cells != "") & (words == "")
    gone = collections.Counter(cells[is_gone].tolist())
    notes = [table_cells.note_missing(title, gone)] if gone else []
    is_changed = (cells != words) & ~is_gone
    if is_changed.any():
        first = is_changed.idxmax()
        notes.append(
            f"Column `{title}`: large and small letters do not matter: "
            f"`{cells[first]}` is read as `{words[first]}`."
        )
    notes += note_alike(f"categories of `{title}`", words.unique())
    return notes + table_cells.note_words_to_some(title, words)


def _missing(kind, count):
    if kind == kinds_of.CATEGORY:
        return np.full(count, "", object)
    return np.full(count, np.nan, "float32")
