"""How does a file become rows that a published table classifier takes?"""

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from aet_keras.data import _cells, _numbers
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
        and odd ones `""`. Cells mean what they meant when it learned.

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
        cells = _cells.stripped(frame[column.title])
        learned = (categories or {}).get(column.name)
        rows[column.name], odd, what, taken = _read(column, cells, learned)
        if odd:
            is_one = len(odd) == 1
            count = "1 cell" if is_one else f"{len(odd)} cells"
            say(
                f"{path}: {count} of `{column.title}` that "
                f"{'is' if is_one else 'are'} {what} "
                f"count{'s' * is_one} as {taken}, such as `{odd[0]}`."
            )
    return rows


def _read(column, cells, learned):
    """Returns cells as a server takes them, and which it has no use for."""
    form = column.format
    if column.kind == kinds_of.CATEGORY:
        words = _cells.words_of(cells, form)
        is_new = (words != "") & ~words.isin(list(learned or ()))
        odd = cells[is_new].tolist() if learned is not None else []
        return words.to_numpy(object), odd, "not learned", "rare"
    values = _cells.read_values(cells, column.kind, form)
    said = cells.where(~cells.isin(list(form.missing)), "")
    odd = [*_cells.odd_words(said, values).elements()]
    if column.kind == kinds_of.NUMBER:
        gone = _numbers.missing_numbers(form)
        plain = dataclasses.replace(form, missing=())
        odd = [t for t in odd if _numbers.read_number(t, plain) not in gone]
        return values, odd, "no number", "missing"
    known = said.where(np.isfinite(values), "")
    return known.to_numpy(object), odd, "no date", "missing"
