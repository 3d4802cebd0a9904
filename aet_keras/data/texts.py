"""Which reader does a source of texts need?"""

import difflib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from aet_keras import _regular_file
from aet_keras.data.csv_file import is_csv
from aet_keras.data.dataset import Dataset
from aet_keras.data.text_folder import read_text_folder
from aet_keras.data.text_table import read_text_table
from aet_keras.data.text_tfds import read_text_tfds
from aet_keras.errors import DataError


def read_texts(
    source: str | PathLike,
    *,
    text_column: str = "text",
    label_column: str = "label",
    encoding: str = "auto",
    missing: Sequence[str] | None = None,
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset:
    """Reads texts and their classes from whatever the source is.

    `"tfds:NAME"` is `read_text_tfds`, a name of which `is_csv` is true
    `read_text_table`, a folder `read_text_folder`.

    Args:
        source: str or path.
        text_column: str. Of a table. Defaults to `"text"`.
        label_column: str. Of a table. Defaults to `"label"`.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        missing: optional sequence of str. Of a table, as of
            `read_text_table`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Defaults to `0.15`.
        test_ratio: float in (0, 1). Defaults to `0.15`.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if the source is none of these, or cannot be learned from.
        ValueError: if a ratio is out of its range.

    Example:

    >>> try:
    ...     aet_keras.data.read_texts("reviews.doc")
    ... except aet_keras.errors.DataError as error:
    ...     "a table in a file" in str(error)
    True
    """
    options = {
        "seed": seed,
        "validation_ratio": validation_ratio,
        "test_ratio": test_ratio,
    }
    if isinstance(source, str) and source.startswith("tfds:"):
        return read_text_tfds(source.removeprefix("tfds:"), **options)
    options["encoding"] = encoding
    path = Path(source)
    if _regular_file.is_folder(path):
        return read_text_folder(path, **options)
    if is_csv(path):
        columns = {"text_column": text_column, "label_column": label_column}
        return read_text_table(path, **columns, missing=missing, **options)
    raise DataError(_unknown(path))


def _unknown(path):
    beside = path.parent.glob("*")
    names = [each.name for each in beside if each.is_dir() or is_csv(each)]
    close = difflib.get_close_matches(path.name, names, 1)
    nearest = f" Nearest: `{close[0]}`." if close else ""
    what = _regular_file.why_not(path) or "a file of another kind"
    return (
        "read_texts: the source must be `tfds:NAME`, a table in a file (.csv, "
        ".tsv, .json, .jsonl, .parquet), or a folder of texts. Received: "
        f"{path}, which is {what}.{nearest} Check the path; it is relative to "
        f"{Path.cwd()}."
    )
