"""Finds how the lines of a text are divided into cells.

A way to read a text counts only if it gives each row, not a sample of them, as
many cells as the first line has names. A text that can be read in two ways is
refused.
"""

import array
import contextlib
import csv
import dataclasses
import re
import sys
from collections.abc import Callable, Iterable, Iterator

from aet_keras._wording import counted

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (`|`)"}
_NO_SEPARATOR = "\x1f"
_FIRST_LINE = re.compile(r'"?sep=([^"\r\n])"?[ \t]*(\r\n|\r|\n)', re.I)
_COMMENTS = re.compile(r"(#[^\r\n]*(\r\n|\r|\n))+")
_ESCAPED = re.compile(r'(?<!\\)((?:\\\\)*)\\"')
# As `io.StringIO(text, newline="")` divides it, which holds 4 bytes a sign.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_DECIMAL = re.compile(r"[-+]?\d+(\.\d{3})*,\d+")
_POINT = re.compile(r"[-+]?\d+\.\d+")


class Undecided(ValueError):
    """Says why a text is no table, without its path."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """Holds the rows of a text, and notes on how they were read.

    Args:
        rows: list of lists of str, the names of the columns first.
        notes: tuple of str. What was unusual; the path is named before.
        decimal: str. The decimal sign, where separators and cells tell it.
    """

    rows: list[list[str]]
    notes: tuple[str, ...] = ()
    decimal: str = ""


@dataclasses.dataclass(frozen=True)
class _Way:
    """One way to read a text, and either its rows or why it is none."""

    separator: str
    quotes: str = '"'
    rows: list[list[str]] = dataclasses.field(default_factory=list)
    why: str = ""
    notes: tuple[str, ...] = ()

    @property
    def width(self):
        return len(self.rows[0]) if self.rows else 0


def read_cells(text: str, *, usual: str = ",") -> Cells:
    """Returns the rows of a text.

    Args:
        text: str.
        usual: str. The separator that needs no note.

    Raises:
        Undecided: if no way of reading it, or more than one, fits each row.
    """
    declared = _FIRST_LINE.match(text)
    if declared:
        way = _read(text[declared.end() :], declared[1], first_line=2)
        if way.why:
            raise Undecided(way.why)
        note = f"`{declared[0].strip()}` in its first line separates its cells"
        return _finished(way, usual, (note,))
    way, skipped = _find(text)
    verb = "is" if skipped == "1 line" else "are"
    notes = (f"{skipped} of comments at its start {verb} left out",)
    return _finished(way, usual, notes if skipped else ())


def _find(text):
    """Returns the way to read a text, and which lines were passed over."""
    comments = _COMMENTS.match(text)
    if not comments:
        return _find_way(text, 1), ""
    with contextlib.suppress(Undecided):
        way = _find_way(text, 1)
        if way.width > 1 or not text.startswith("# "):
            return way, ""
    count = len(re.findall(r"\r\n|\r|\n", comments[0]))
    lines = counted(count, "line")
    return _find_way(text[comments.end() :], 1 + count), lines


def _find_way(text, first_line):
    header = _first_row(text)
    if not header:
        raise Undecided("which holds nothing")
    there = [each for each in _NAMES if each in header]
    ways = [_read(text, each, first_line) for each in there]
    fitting = [way for way in ways if not way.why and way.width > 1]
    if len(fitting) > 1:
        return _better(fitting)
    if fitting:
        return fitting[0]
    alone = [way for way in ways if not way.why]  # all signs are in quotes
    if alone or not there:
        way = alone[0] if alone else _read(text, _NO_SEPARATOR, first_line)
        if not way.why:
            return dataclasses.replace(way, separator=_NO_SEPARATOR)
        raise Undecided(way.why)
    raise Undecided(max(ways, key=lambda way: way.width).why)


def _first_row(text):
    """Returns the line of the names, or the lines if one is in a name."""
    lines = re.split(r"\r\n|\r|\n", text.lstrip("\r\n ")[:100_000])
    for count in range(1, min(len(lines), 20) + 1):
        row = "\n".join(lines[:count])
        if row.count('"') % 2 == 0:
            return row
    return lines[0]


def _better(ways):
    """Chooses semicolons if each comma in the rows is a decimal sign."""
    by = {way.separator: way for way in ways}
    if set(by) == {",", ";"}:
        cells = (cell for row in by[";"].rows[1:] for cell in row)
        if all(_DECIMAL.fullmatch(c.strip()) for c in cells if "," in c):
            return by[";"]
    names = " and by ".join(_NAMES[way.separator] for way in ways)
    signs = " or ".join(f"`sep={way.separator}`" for way in ways)
    raise Undecided(
        f"whose cells can be separated by {names} alike. Write {signs} as a "
        "line of its own above the names"
    )


def _read(text, separator, first_line):
    """Reads a text with the quotes that fit, ordinary ones if none do."""
    plain = _parse(text, separator, '"', first_line)
    if not plain.why:
        other = _in_single_quotes(plain, text, first_line)
        return other or plain
    if '\\"' in text:
        doubled = _ESCAPED.sub(r'\1""', text)
        way = _parse(doubled, separator, '"', first_line)
        if not way.why:
            note = 'quotes inside its cells are written `\\"`'
            return dataclasses.replace(way, notes=(note,))
    if "'" in text:
        way = _parse(text, separator, "'", first_line)
        if not way.why and any(_is_wrapped(c, "'") for c in _fields(text)):
            return dataclasses.replace(way, notes=(_SINGLE,))
    if "never closed" not in plain.why:
        way = _parse(text, separator, "", first_line)
        cells = (cell for row in way.rows for cell in row)
        if not way.why and not any(_is_wrapped(c, '"') for c in cells):
            note = "its quotes are part of its cells"
            return dataclasses.replace(way, notes=(note,))
    return plain


_SINGLE = "its cells are in single quotes"


def _fields(text):
    """Yields what may be a quoted cell, well enough to see that one is."""
    return re.findall(r"'[^'\r\n]*'", text)


def _in_single_quotes(plain, text, first_line):
    """Returns another reading if a whole column is in single quotes."""
    if "'" not in text or len(plain.rows) < 3:
        return None
    for column in zip(*plain.rows[1:], strict=True):
        cells = [cell for cell in column if cell]
        if len(cells) > 1 and all(_is_wrapped(c, "'") for c in cells):
            way = _parse(text, plain.separator, "'", first_line)
            if not way.why and way.width == plain.width:
                return dataclasses.replace(way, notes=(_SINGLE,))
    return None


def _is_wrapped(cell, quote):
    cell = cell.strip()
    return len(cell) > 1 and cell[0] == quote == cell[-1]


def _parse(text, separator, quotes, first_line):
    """Reads a text in one way; stops at the first row that does not fit."""
    reader = csv.reader(
        (line[0] for line in _LINES.finditer(text)),
        delimiter=separator,
        quotechar=quotes or None,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        skipinitialspace=True,
        strict=True,
    )
    rows: list[list[str]] = []
    numbers, begin, shared = array.array("q"), 0, shared_cells()
    with _long_cells():
        try:
            for row in reader:
                line, begin = first_line + begin, reader.line_num
                if not row or (row == [""] and (not rows or len(rows[0]) > 1)):
                    continue
                rows.append(shared(row))
                numbers.append(line)
        except csv.Error as error:
            place = first_line + begin
            return _Way(separator, quotes, rows, _broken(error, place, quotes))
    return _of_one_width(_Way(separator, quotes, rows), numbers)


_MOST_SHARED = 10_000  # different ones; a column of numbers has more


def shared_cells() -> Callable[[Iterable[str]], list[str]]:
    """Returns a function that keeps equal cells once: 50 bytes each less."""
    known: dict[str, str] = {}

    def shared(cells: Iterable[str]) -> list[str]:
        if len(known) < _MOST_SHARED:
            return [known.setdefault(cell, cell) for cell in cells]
        return [known.get(cell, cell) for cell in cells]

    return shared


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


def _of_one_width(way, numbers):
    """Finds the first row whose number of cells is not that of the names."""
    if not way.rows:
        return dataclasses.replace(way, why="which holds nothing")
    width = way.width
    widths = {len(row) for row in way.rows[1:]}
    if widths <= {width}:
        return way
    if widths == {width + 1} and (longer := _one_more(way)):
        return longer
    if widths == {width - 1} and not way.rows[0][-1].strip():
        rows = [way.rows[0][:-1], *way.rows[1:]]
        return dataclasses.replace(way, rows=rows)
    if way.separator == _NO_SEPARATOR:
        return way
    for row, line in zip(way.rows[1:], numbers[1:], strict=True):
        if len(row) != width:
            return dataclasses.replace(way, why=_uneven(way, row, line))
    return way


def _one_more(way):
    """Drops empty last cells, or names the row numbers that R writes."""
    if not any(row[-1].strip() for row in way.rows[1:]):
        rows = [way.rows[0], *(row[:-1] for row in way.rows[1:])]
        return dataclasses.replace(way, rows=rows)
    numbers = [row[0].strip() for row in way.rows[1:]]
    first = 0 if numbers[0] == "0" else 1
    if numbers != [str(n) for n in range(first, first + len(numbers))]:
        return None
    return dataclasses.replace(way, rows=[["", *way.rows[0]], *way.rows[1:]])


def _uneven(way, row, line):
    sign = _NAMES.get(way.separator, f"`{way.separator}`")
    has = counted(len(row), "cell")
    names = counted(way.width, "column")
    advice = "Add the cells that are missing, or remove the line"
    if len(row) > way.width:
        advice = f"Put cells that hold {sign} into quotes"
        if all(len(each) == way.width + 1 for each in way.rows[1:]):
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
    return Cells(way.rows, (*notes, *way.notes), _decimal_sign(way))


def _decimal_sign(way):
    """Returns `,` where commas cannot part cells and stand before decimals."""
    if way.separator == ",":
        return ""
    cells = [c.strip() for row in way.rows[1:2000] for c in row]
    has_point = any(map(_POINT.fullmatch, cells))
    has_comma = any(map(_DECIMAL.fullmatch, cells))
    return "," if has_comma and not has_point else ""
