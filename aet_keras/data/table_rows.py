"""How does a file become rows that a published table classifier takes?"""

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from aet_keras.data import _column_kinds as kinds_of
from aet_keras.data.csv_file import check_columns, read_csv


def read_table_rows(
    path: str | os.PathLike,
    specification: Any,
    *,
    encoding: str = "auto",
    categories: Mapping[str, Collection[str]] | None = None,
    say: Callable[[str], Any] = lambda sentence: None,
) -> dict[str, np.ndarray]:
    """Reads the columns that a classifier looks at, as it is served them.

    Args:
        path: str or path. As of `read_csv`; other columns are passed over.
        specification: `TableSpecification`, for example of
            `aet_keras.export.read_table_manifest`.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        categories: optional dict of a column's name to what the classifier
            has learned of it (`aet_keras.export.read_categories`).
        say: function of a sentence, called for each column with cells that
            the classifier takes for missing or rare ones, and for what was
            unusual about the file.

    Returns:
        Dict of column to array `(rows,)`: float32 for numbers, missing and
        odd ones NaN; object arrays of str for categories and dates, missing
        ones `""`.

    Raises:
        DataError: if there is no such file, or it lacks a column.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "new.csv"
    >>> _ = path.write_text("age,branch\\n33,\\n,north\\n")
    >>> columns = (
    ...     aet_keras.data.TableColumn("age", "number", "age"),
    ...     aet_keras.data.TableColumn("branch", "category", "branch"),
    ... )
    >>> specification = aet_keras.data.TableSpecification(
    ...     "table", ("no", "yes"), None, "old.csv", columns, "paid", "yes"
    ... )
    >>> aet_keras.data.read_table_rows(path, specification)["branch"].tolist()
    ['', 'north']
    """
    owner = "read_table_rows"
    frame = read_csv(owner, path, encoding=encoding)
    for note in frame.attrs["notes"]:
        say(note)
    rows = {}
    for column in specification.columns:
        check_columns(owner, frame, column=column.title)
        cells = frame[column.title]
        if column.kind == kinds_of.NUMBER:
            rows[column.name] = kinds_of.to_numbers(cells)
        else:
            rows[column.name] = cells.fillna("").to_numpy(object)
        learned = (categories or {}).get(column.name)
        odd, what, taken = _odd(column, cells, learned)
        if odd:
            is_one = len(odd) == 1
            count = "1 cell" if is_one else f"{len(odd)} cells"
            say(
                f"{path}: {count} of `{column.title}` that "
                f"{'is' if is_one else 'are'} {what} "
                f"count{'s' * is_one} as {taken}, such as `{odd[0]}`."
            )
    return rows


def _odd(column, cells, learned):
    """Returns cells that a classifier has no use for, why, and as what."""
    if column.kind == kinds_of.CATEGORY:
        if learned is None:
            return [], "", ""
        is_new = cells.notna() & ~cells.isin(list(learned))
        return cells[is_new].tolist(), "not learned", "rare"
    is_number = column.kind == kinds_of.NUMBER
    read = kinds_of.to_numbers if is_number else kinds_of.to_days
    odd = kinds_of.odd_cells(cells, read(cells))
    return odd, f"no {column.kind}", "missing"
