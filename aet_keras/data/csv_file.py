"""What stands in a file of comma-separated values?"""

import difflib
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aet_keras import _check as check
from aet_keras.errors import DataError

_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def is_csv(source: str | os.PathLike) -> bool:
    """Says whether a name is that of a file that `read_csv` reads.

    Example:

    >>> aet_keras.data.is_csv("reviews.csv.gz")
    True
    """
    return str(source).lower().endswith(_ENDINGS)


def read_csv(
    owner: Any, path: str | os.PathLike, *, encoding: str = "utf-8"
) -> Any:
    """Reads a table, each cell as a string; what a cell means comes later.

    Args:
        owner: str, or the object that asks. A sentence starts with its name.
        path: str or path of a `.csv` or `.tsv` file, or of one with `.gz`
            behind it. The first line holds the names of the columns.
        encoding: str. How the text is written down. Defaults to `"utf-8"`.

    Returns:
        `pandas.DataFrame` of str; an empty cell is NaN. Names and cells lose
        spaces around them.

    Raises:
        DataError: if the file is not there, is written in another encoding,
            is no table, holds no rows, or names two columns alike.
        ValueError: if there is no such encoding.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "credit.csv"
    >>> _ = path.write_text("age,purpose\\n33,car\\n,\\n")
    >>> aet_keras.data.read_csv("credit", path).isna().sum().tolist()
    [1, 1]
    """
    import pandas

    owner, path = check.owner_name(owner), Path(path)
    if not path.is_file():
        raise DataError(_not_there(owner, path))
    try:
        frame = pandas.read_csv(
            path,
            sep="\t" if ".tsv" in path.name.lower() else ",",
            dtype=str,
            encoding=encoding,
            header=None,  # pandas would rename columns of one name
            keep_default_na=False,
            skipinitialspace=True,
            na_values=[""],
        )
    except UnicodeError as error:
        said = _other_encoding(owner, path, encoding, error)
        raise DataError(said) from error
    except LookupError as error:
        raise ValueError(
            f"{owner}: `encoding` must be one that Python knows. Received: "
            f"encoding={encoding!r}. Try `utf-8`, `latin-1` or `utf-16`."
        ) from error
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{owner}: the file must be readable to its end. Received: {path}, "
            f"{str(error).strip()}. Copy or pack it anew."
        ) from error
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError) as error:
        raise DataError(
            f"{owner}: the file must be a table with one line a row. "
            f"Received: {path}, {str(error).strip()}. Mend that line."
        ) from error
    return _headed(owner, path, frame)


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
    >>> aet_keras.data.check_columns("credit", frame, target="purpos")
    Traceback (most recent call last):
    aet_keras.errors.DataError: credit: no column `purpos` (target)...
    """
    columns = [str(name) for name in frame.columns]
    for what, name in named.items():
        if name is None or name in columns:
            continue
        close = difflib.get_close_matches(str(name), columns, 3, cutoff=0.3)
        near = ", ".join(f"`{each}`" for each in close or columns[:3])
        raise DataError(
            f"{check.owner_name(owner)}: no column `{name}` ({what}). Nearest: "
            f"{near}. {len(columns)} columns in all: {_listed(columns)}."
            f"{_other_separator(columns)}"
        )


def _headed(owner, path, frame):
    names = [
        "" if not isinstance(name, str) else name.strip().lstrip("\ufeff")
        for name in frame.iloc[0]
    ]
    doubled = sorted({n for n in names if n and names.count(n) > 1})
    if doubled or not any(names):
        what = f"`{doubled[0]}` twice" if doubled else "no names"
        raise DataError(
            f"{owner}: the first line must name the columns, each once. "
            f"Received: {path}, with {what}. Rename them."
        )
    if any("\0" in name for name in names):
        said = "the file must hold no zero bytes in the names of its columns"
        raise DataError(
            f"{owner}: {said}. Received: {path}. It may be written in "
            "`utf-16` (`encoding=`, `--encoding`)."
        )
    if len(frame) < 2:
        raise DataError(
            f"{owner}: the file must have rows below its first line. "
            f"Received: {path}, with none."
        )
    # Tables written by R and pandas number their rows in a nameless column.
    keep = [place for place, name in enumerate(names) if name]
    rows = frame.iloc[1:, keep].reset_index(drop=True)
    rows.columns = [names[place] for place in keep]
    return rows.map(lambda c: c.strip() if isinstance(c, str) else c)


def _not_there(owner, path):
    beside: Iterable[str] = (p.name for p in path.parent.glob("*") if is_csv(p))
    close = difflib.get_close_matches(path.name, list(beside), 1)
    nearest = f" Nearest: `{close[0]}`." if close else ""
    what = "which is a folder" if path.is_dir() else "which is not there"
    return (
        f"{owner}: the source must be a table in a file. Received: {path}, "
        f"{what}.{nearest} Check the path; it is relative to {Path.cwd()}."
    )


def _other_encoding(owner, path, encoding, error):
    place = getattr(error, "start", 0)  # a missing mark of UTF-16 has none
    return (
        f"{owner}: the file must be written in the encoding `{encoding}`."
        f" Received: {path}, whose byte {place} is none of it. Say which one it"
        " is (`encoding=`, `--encoding`): `utf-8`, `latin-1`, `cp1252` and"
        " `utf-16` are the usual ones."
    )


def _other_separator(columns):
    """Says so where the names look as if they had not been told apart."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if all(separator in column for column in columns):
            return (
                f" Its cells look separated by {name}: write the file with "
                "commas, or as .tsv with tabs."
            )
    return ""


def _listed(columns, most=12):
    shown = ", ".join(columns[:most])
    return shown if len(columns) <= most else f"{shown}, ..."
