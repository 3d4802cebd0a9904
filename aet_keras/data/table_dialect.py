"""Finds how the lines of a text are divided into cells.

A way to read a text counts only if it gives each row, not a sample of them, as
many cells as the first line has names. A text that can be read in two ways is
refused.
"""

import contextlib
import csv
import dataclasses
import itertools
import re
import sys
from collections.abc import Iterator

from aet_keras._wording import counted
from aet_keras.data.table_rows import Rows, is_wrapped
from aet_keras.data.table_store import CellStore, Column, MemoryBudget
from aet_keras.data.text_blocks import TextBlocks

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (`|`)"}
_NO_SEPARATOR = "\x1f"
_FIRST_LINE = re.compile(r'"?sep=([^"\r\n])"?[ \t]*(\r\n|\r|\n)', re.I)
_COMMENTS = re.compile(r"(#[^\r\n]*(\r\n|\r|\n))+")
_ESCAPED = re.compile(r'(?<!\\)((?:\\\\)*)\\"')
_DECIMAL = re.compile(r"[-+]?\d+(\.\d{3})*,\d+")
_POINT = re.compile(r"[-+]?\d+\.\d+")


class Undecided(ValueError):
    """Says why a text is no table, without its path."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """Holds the columns of a text, and notes on how they were read.

    Args:
        names: list of str, of the columns.
        columns: list of `Column`; empty if there are no rows.
        notes: tuple of str. What was unusual; the path is named before.
        decimal: str. The decimal sign, where separators and cells tell it.
    """

    names: list[str]
    columns: list[Column]
    notes: tuple[str, ...] = ()
    decimal: str = ""


@dataclasses.dataclass(frozen=True)
class _Way:
    """One way to read a text, and either its columns or why it is none."""

    separator: str
    quotes: str = '"'
    names: list[str] = dataclasses.field(default_factory=list)
    columns: list[Column] = dataclasses.field(default_factory=list)
    why: str = ""
    notes: tuple[str, ...] = ()
    is_in_single_quotes: bool = False  # a whole column of it

    @property
    def width(self):
        return len(self.names)

    def cells(self):
        """Yields all cells, column by column."""
        return itertools.chain.from_iterable(c.cells() for c in self.columns)


def read_cells(
    text: TextBlocks, *, usual: str = ",", owner: str = "read_csv"
) -> Cells:
    """Returns the columns of a text.

    Args:
        text: `TextBlocks`.
        usual: str. The separator that needs no note.
        owner: str. Who asks, for a sentence on the disk.

    Raises:
        Undecided: if no way of reading it, or more than one, fits each row.
        DataError: if the cells fit neither in memory nor on the disk.
    """
    reader = _Reader(owner, MemoryBudget())
    declared = text.match(_FIRST_LINE)
    if declared:
        rest = text.behind(declared.end())
        way = reader.read(rest, declared[1], first_line=2)
        if way.why:
            raise Undecided(way.why)
        note = f"`{declared[0].strip()}` in its first line separates its cells"
        return _finished(way, usual, (note,))
    way, skipped = _find(reader, text)
    verb = "is" if skipped == "1 line" else "are"
    notes = (f"{skipped} of comments at its start {verb} left out",)
    return _finished(way, usual, notes if skipped else ())


def _find(reader, text):
    """Returns the way to read a text, and which lines were passed over."""
    comments = text.match(_COMMENTS)
    if not comments:
        return _find_way(reader, text, 1), ""
    with contextlib.suppress(Undecided):
        way = _find_way(reader, text, 1)
        if way.width > 1 or not text.head(2) == "# ":
            return way, ""
    count = len(re.findall(r"\r\n|\r|\n", comments[0]))
    lines = counted(count, "line")
    rest = text.behind(comments.end())
    return _find_way(reader, rest, 1 + count), lines


def _find_way(reader, text, first_line):
    header = _first_row(text)
    if not header:
        raise Undecided("which holds nothing")
    there = [each for each in _NAMES if each in header]
    ways = [reader.read(text, each, first_line) for each in there]
    fitting = [way for way in ways if not way.why and way.width > 1]
    if len(fitting) > 1:
        return _better(fitting)
    if fitting:
        return fitting[0]
    alone = [way for way in ways if not way.why]  # all signs are in quotes
    if alone or not there:
        way = (
            alone[0] if alone else reader.read(text, _NO_SEPARATOR, first_line)
        )
        if not way.why:
            return dataclasses.replace(way, separator=_NO_SEPARATOR)
        raise Undecided(way.why)
    raise Undecided(max(ways, key=lambda way: way.width).why)


def _first_row(text):
    """Returns the line of the names, or the lines if one is in a name."""
    lines = re.split(r"\r\n|\r|\n", text.head(100_000, strip="\r\n "))
    for count in range(1, min(len(lines), 20) + 1):
        row = "\n".join(lines[:count])
        if row.count('"') % 2 == 0:
            return row
    return lines[0]


def _better(ways):
    """Chooses semicolons if each comma in the rows is a decimal sign."""
    by = {way.separator: way for way in ways}
    if set(by) == {",", ";"}:
        cells = by[";"].cells()
        if all(_DECIMAL.fullmatch(cell) for cell in cells if "," in cell):
            return by[";"]
    names = " and by ".join(_NAMES[way.separator] for way in ways)
    signs = " or ".join(f"`sep={way.separator}`" for way in ways)
    raise Undecided(
        f"whose cells can be separated by {names} alike. Write {signs} as a "
        "line of its own above the names"
    )


class _Reader:
    """Reads a text in one way or another.

    Args:
        owner: str. Who asks.
        budget: `MemoryBudget` of the cells of all ways.
    """

    def __init__(self, owner: str, budget: MemoryBudget):
        self._owner, self._budget = owner, budget

    def read(self, text: TextBlocks, separator: str, first_line: int) -> _Way:
        """Reads a text with the quotes that fit, ordinary ones if none do."""
        plain = self._parse(text.lines(), separator, '"', first_line)
        if not plain.why:
            other = self._in_single_quotes(plain, text, first_line)
            return other or plain
        if text.holds('\\"'):
            doubled = (_ESCAPED.sub(r'\1""', line) for line in text.lines())
            way = self._parse(doubled, separator, '"', first_line)
            if not way.why:
                note = 'quotes inside its cells are written `\\"`'
                return dataclasses.replace(way, notes=(note,))
        if text.holds("'"):
            way = self._parse(text.lines(), separator, "'", first_line)
            if not way.why and any(map(_IN_SINGLE.search, text.lines())):
                return dataclasses.replace(way, notes=(_SINGLE,))
        if "never closed" not in plain.why:
            way = self._parse(text.lines(), separator, "", first_line)
            cells = itertools.chain(way.names, way.cells())
            if not way.why and not any(is_wrapped(c, '"') for c in cells):
                note = "its quotes are part of its cells"
                return dataclasses.replace(way, notes=(note,))
        return plain

    def _in_single_quotes(self, plain, text, first_line):
        """Returns another reading if a whole column is in single quotes."""
        if not plain.is_in_single_quotes:
            return None
        way = self._parse(text.lines(), plain.separator, "'", first_line)
        if not way.why and way.width == plain.width:
            return dataclasses.replace(way, notes=(_SINGLE,))
        return None

    def _parse(self, lines, separator, quotes, first_line):
        """Reads a text in one way; stops where a quote does not fit."""
        reader = csv.reader(
            lines,
            delimiter=separator,
            quotechar=quotes or None,
            quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
            skipinitialspace=True,
            strict=True,
        )
        rows = Rows(CellStore(self._owner, self._budget))
        begin = 0
        with _long_cells():
            try:
                for row in reader:
                    line, begin = first_line + begin, reader.line_num
                    if not row or (row == [""] and rows.skips_blank):
                        continue
                    rows.add(row, line)
            except csv.Error as error:
                rows.drop()
                why = _broken(error, first_line + begin, quotes)
                return _Way(separator, quotes, rows.names or [], why=why)
        return _of_one_width(_Way(separator, quotes, rows.names or []), rows)


_SINGLE = "its cells are in single quotes"
# What may be a quoted cell, well enough to see that one is.
_IN_SINGLE = re.compile(r"'[^'\r\n]*'")


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Lets a cell be as long as it is; the limit belongs to the process."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _broken(error, line, quotes):
    if "unexpected end" in str(error):
        return (
            f"whose line {line} opens a quote ({quotes}) that is never closed. "
            "Close it"
        )
    return (
        f"whose row in line {line} has something behind a closing quote "
        f"({quotes}). Double the quotes that are part of a cell"
    )


def _of_one_width(way, rows):
    """Returns a way with its columns if each row has as many as the names."""
    if rows.names is None:
        return dataclasses.replace(way, why="which holds nothing")
    width, columns = way.width, []
    if len(rows.widths) <= 1:
        columns = rows.columns()
        way = dataclasses.replace(
            way, columns=columns, is_in_single_quotes=rows.is_in_single_quotes
        )
    if rows.widths <= {width}:
        return way
    if rows.widths == {width + 1} and (longer := _one_more(way)):
        return longer
    if rows.widths == {width - 1} and not way.names[-1].strip():
        return dataclasses.replace(way, names=way.names[:-1])
    rows.drop()
    return _Way(way.separator, way.quotes, way.names, why=_uneven(way, rows))


def _one_more(way):
    """Drops empty last cells, or names the row numbers that R writes."""
    if way.columns[-1].is_empty():
        return dataclasses.replace(way, columns=way.columns[:-1])
    numbers = way.columns[0]
    begin = 0 if next(numbers.cells()) == "0" else 1
    if not numbers.counts_from(begin):
        return None
    return dataclasses.replace(way, names=["", *way.names])


def _uneven(way, rows):
    count, line = rows.uneven
    sign = _NAMES.get(way.separator, f"`{way.separator}`")
    has = counted(count, "cell")
    names = counted(way.width, "column")
    advice = "Add the cells that are missing, or remove the line"
    if count > way.width:
        advice = f"Put cells that hold {sign} into quotes"
        if rows.widths == {way.width + 1}:
            advice += (
                ", or, if the cells at the left name the rows, give these a "
                "name in the first line"
            )
    return (
        f"whose line {line} has {has} separated by {sign}, where its first "
        f"line names {names}. {advice}"
    )


def _finished(way, usual, notes):
    """Returns the cells, with notes on what is not the usual way."""
    is_said = bool(notes) and "sep=" in notes[0].lower()
    if way.separator not in (usual, _NO_SEPARATOR) and not is_said:
        sign = _NAMES.get(way.separator, way.separator)
        notes = (*notes, f"its cells are separated by {sign}")
    notes = (*notes, *way.notes)
    return Cells(way.names, way.columns, notes, _decimal_sign(way))


def _decimal_sign(way):
    """Returns `,` where commas cannot part cells and stand before decimals."""
    if way.separator == ",":
        return ""
    cells = [cell for column in way.columns for cell in column.cells(1999)]
    has_point = any(map(_POINT.fullmatch, cells))
    has_comma = any(map(_DECIMAL.fullmatch, cells))
    return "," if has_comma and not has_point else ""
