"""How does a file become rows that a published table classifier takes?"""

import os
from typing import Any

import numpy as np

from aet_keras.data import _column_kinds as kinds_of
from aet_keras.data.csv_file import check_columns, read_csv


def read_table_rows(
    path: str | os.PathLike, specification: Any, *, encoding: str = "utf-8"
) -> dict[str, np.ndarray]:
    """Reads the columns that a classifier looks at, as it is served them.

    Args:
        path: str or path. As of `read_csv`; other columns are passed over.
        specification: `TableSpecification`, for example of
            `aet_keras.export.read_table_manifest`.
        encoding: str. How the text is written down. Defaults to `"utf-8"`.

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
    rows = {}
    for column in specification.columns:
        check_columns(owner, frame, column=column.title)
        cells = frame[column.title]
        if column.kind == kinds_of.NUMBER:
            rows[column.name] = kinds_of.to_numbers(cells)
        else:
            rows[column.name] = cells.fillna("").to_numpy(object)
    return rows
