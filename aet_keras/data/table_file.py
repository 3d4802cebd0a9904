"""Reads a file of rows and columns, each cell as a string."""

import difflib
import os
from pathlib import Path
from typing import Any

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras._optional import optional
from aet_keras._wording import counted, listed, nearest, repeated, short
from aet_keras.data import table_file_types
from aet_keras.data.names import note_alike
from aet_keras.data.table_dialect import Undecided, read_cells
from aet_keras.data.table_store import Columns
from aet_keras.data.text_blocks import open_text
from aet_keras.data.text_encoding import AUTO, decode, read_file
from aet_keras.errors import DataError

_TABLES = (".csv", ".tsv")
_JSON = (".json", ".jsonl", ".ndjson")
_OTHERS = (
    *(".xlsx", ".xls", ".xlsm", ".ods", ".feather", ".arrow", ".orc", ".avro"),
    *(".dta", ".sav", ".sas7bdat", ".rds", ".pkl", ".sqlite", ".db"),
)
_ARCHIVES = (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz")
_PACKED = tuple(f"{each}.gz" for each in (*_TABLES, *_JSON))
_ENDINGS = (*_TABLES, *_JSON, *_PACKED, ".parquet")


def is_csv(source: str | os.PathLike) -> bool:
    """Says whether `read_csv` reads files of this name.

    Example:

    >>> aet_keras.data.table_file.is_csv("reviews.csv.gz")
    True
    """
    return str(source).lower().endswith(_ENDINGS)


def read_csv(
    owner: Any, path: str | os.PathLike, *, encoding: str = AUTO
) -> Any:
    """Reads a table, each cell as a string; what a cell means comes later.

    The first line of a text holds the names of the columns. Cells are
    separated by commas, semicolons, tabs or `|`: by the one that gives each
    row as many cells as there are columns, or by the one that a line such as
    `sep=;` above the names states. Cells may be in double or single quotes.
    Blank lines, and comments (`#`) above the names, are skipped.

    Args:
        owner: str, or the object that asks. A sentence starts with its name.
        path: str or path of a `.csv` or `.tsv` file, of a `.json`, `.jsonl`
            or `.ndjson` file of one object a row, of one of them with `.gz`
            behind it, or of a `.parquet` file.
        encoding: str. How the text is written down. Defaults to `"auto"`:
            what a mark at its start says, UTF-8, or UTF-16 or cp1252 where
            the bytes show it.

    Returns:
        `pandas.DataFrame` of str; an empty cell is NaN. Names and cells lose
        spaces around them. Its `attrs["notes"]` is a tuple of sentences on
        how the file was read, if that is unusual; `attrs["decimal"]` is
        `","` where the cells show that it is the decimal sign, else `""`;
        `attrs["hint"]` is what to do if the cells were not separated, or `""`.

    Raises:
        DataError: if the file is not there, is written in another encoding,
            is no table, can be read in two ways, holds no rows, or names two
            columns alike.
        ValueError: if there is no such encoding.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "credit.csv"
    >>> _ = path.write_text("age;rent\\n33;1,5\\n;\\n")
    >>> frame = aet_keras.data.read_csv("credit", path)
    >>> frame.isna().sum().tolist(), frame.attrs["decimal"]
    ([1, 1], ',')
    """
    return read_columns(owner, path, encoding=encoding).frame()


def read_columns(
    owner: Any, path: str | os.PathLike, *, encoding: str = AUTO
) -> Columns:
    """Reads a table as `read_csv` does, and makes a column when asked for it.

    Args:
        owner: str, or the object that asks.
        path: str or path. As of `read_csv`.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.

    Returns:
        `Columns`, an empty cell is `""`; their `attrs` are those of `read_csv`.

    Raises:
        DataError, ValueError: as `read_csv` does.
    """
    owner, path = check.owner_name(owner), Path(path)
    if _regular_file.why_not(path):
        raise DataError(_not_there(owner, path))
    name = path.name.lower()
    check_ending(owner, path, (*_OTHERS, *_ARCHIVES))
    optional("pandas", extra="training")  # before a large file is read
    if name.endswith(".parquet"):
        return _titled(owner, path, *table_file_types.read_parquet(owner, path))
    if name.removesuffix(".gz").endswith(_JSON):
        text, notes = decode(owner, path, read_file(owner, path), encoding)
        names, columns = table_file_types.read_json(owner, path, text)
        return _titled(owner, path, names, columns, notes)
    blocks, notes = open_text(owner, path, encoding)
    usual = "\t" if name.removesuffix(".gz").endswith(".tsv") else ","
    try:
        cells = read_cells(blocks, usual=usual, owner=owner)
    except Undecided as error:
        raise DataError(
            f"{owner}: the file must be a table with one line a row. "
            f"Received: {path}, {error}."
        ) from error
    notes += [f"{path}: {note}." for note in cells.notes]
    found = _titled(
        owner, path, cells.names, cells.columns, notes, cells.decimal
    )
    found.attrs["hint"] = _other_separator(cells)
    return found


def check_ending(
    owner: Any, path: str | os.PathLike, others: tuple[str, ...] = _OTHERS
) -> None:
    """Raises a `DataError` for a table that is written in another way.

    Args:
        owner: str, or the object that asks.
        path: str or path.
        others: tuple of str. Endings that are refused.
    """
    if str(path).lower().endswith(others):
        raise DataError(
            f"{check.owner_name(owner)}: a table must be a "
            f"{', '.join(_ENDINGS[:5])} or .parquet file, the first ones also "
            f"with .gz behind. Received: {path}. Save it as one of them, or "
            "unpack it."
        )


def check_columns(owner: Any, frame: Any, **named: str | None) -> None:
    """Raises a `DataError` unless each named column is in the table.

    Args:
        owner: str, or the object that asks.
        frame: `pandas.DataFrame`.
        **named: what a column is for, and its name; `None` asks nothing.

    Raises:
        DataError: with the nearest names.

    Example:

    >>> import pandas
    >>> frame = pandas.DataFrame({"age": ["33"], "purpose": ["car"]})
    >>> from aet_keras.data.table_file import check_columns
    >>> check_columns("credit", frame, target="purpos")
    Traceback (most recent call last):
    aet_keras.errors.DataError: credit: no column `purpos` (target)...
    """
    columns = [str(name) for name in frame.columns]
    for what, name in named.items():
        if name is None or name in columns:
            continue
        close = difflib.get_close_matches(str(name), columns, 3, cutoff=0.3)
        near = ", ".join(
            f"`{short(each, 60)}`" for each in close or columns[:3]
        )
        count = counted(len(columns), "column")
        names = listed((short(each, 60) for each in columns), 12)
        raise DataError(
            f"{check.owner_name(owner)}: no column `{short(name, 60)}` "
            f"({what}). Nearest: {near}. {count} in all: {names}."
            f"{frame.attrs.get('hint', '')}"
        )


def _titled(owner, path, names, columns, notes=(), decimal=""):
    names = [str(name).strip() for name in names]
    doubled = repeated(name for name in names if name)
    if doubled or not any(names):
        what = f"`{short(doubled[0], 60)}` twice" if doubled else "no names"
        raise DataError(
            f"{owner}: the first line must name the columns, each once. "
            f"Received: {path}, with {what}. Rename them."
        )
    if not columns or not len(columns[0]):
        raise DataError(
            f"{owner}: the file must have rows below its first line. "
            f"Received: {path}, with none."
        )
    titled, notes = {}, [*notes]
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        if name:
            titled[name] = column
        else:
            notes += _nameless(path, place, column)
    alike = note_alike(f"columns of {path}", titled)
    return Columns(titled, {"notes": (*notes, *alike), "decimal": decimal})


def _nameless(path, place, column):
    """Notes a column without a name, unless it is empty or counts the rows.

    Tables written by R and pandas number their rows in one.
    """
    odd = next(filter(None, column.cells()), "")
    if odd and not any(map(column.counts_from, (0, 1))):
        yield (
            f"{path}: column {place + 1} has no name and is left out, with "
            f"cells such as `{short(odd, 60)}`."
        )


def _not_there(owner, path):
    beside = (each.name for each in path.parent.glob("*") if is_csv(each))
    return (
        f"{owner}: the source must be a table in a file. Received: {path}, "
        f"which is {_regular_file.why_not(path)}.{nearest(path.name, beside)} "
        f"Check the path; it is relative to {Path.cwd()}."
    )


def _other_separator(cells):
    """Returns advice if the cells look as if they were not separated."""
    if len(cells.names) > 1:
        return ""
    prefix = " The file is read as one column."
    first = cells.names[0].strip()
    if first[:1] in "{[":
        return f"{prefix} If it is JSON, call it `.json` or `.jsonl`."
    if first[:1] == "<":
        return f"{prefix} If it is a web page, save its table as CSV."

    def lines():
        return (cell for column in cells.columns for cell in column.cells())

    words = len(first.split())
    if words != 1 and all(len(line.split()) == words for line in lines()):
        return (
            f"{prefix} Spaces seem to separate its cells: put commas there, "
            "or, if it is one space each, `sep= ` as a line above the names."
        )
    rest = [sign for sign in ",;\t|" if any(sign in line for line in lines())]
    if rest and not any(sign in first for sign in rest):
        return (
            f"{prefix} Its first line must name the columns: remove lines that "
            "stand above it."
        )
    return (
        f"{prefix} If another sign separates its cells, say so in a line above "
        "the names, such as `sep=^`."
    )
