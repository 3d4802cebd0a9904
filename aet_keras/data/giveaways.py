"""Finds columns of a table that alone say what is to be predicted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras.data.dataset import Split
from aet_keras.data.specifications import TableColumn

_LEAST_ROWS = 20  # below, that all rows agree says little
_LEAST_REPEATS = 3  # rows a value, in the mean: an id says all of its row
_SAME = 1 - 1e-6  # a correlation; float32 rounds off less


def note_giveaways(
    columns: Iterable[TableColumn],
    splits: Mapping[str, Split],
    target: str,
    target_kind: str,
) -> Iterator[str]:
    """Notes columns that say the target of each row, none excepted.

    Such a column is often made of the target, or written down after it, and
    is not known of new rows.

    Args:
        columns: `TableColumn`s.
        splits: dict of `Split`. All rows count.
        target: str. The name of the target.
        target_kind: `"classes"` or `"number"`; of tags nothing is said.
    """
    says = {"classes": _says_class, "number": _says_number}.get(target_kind)
    labels = np.concatenate([split.labels for split in splits.values()])
    if says is None or len(labels) < _LEAST_ROWS:
        return
    for column in columns:
        cells = np.concatenate([s.inputs[column.name] for s in splits.values()])
        if says(cells, labels):
            title = column.title
            yield (
                f"Column `{title}` alone says `{target}` in all "
                f"{len(labels)} rows. If it is not known before `{target}` "
                f"is, leave it out: `--kind {title}=ignore`."
            )


def _says_class(cells: np.ndarray, labels: np.ndarray) -> bool:
    """Whether all rows of a value have one class, and several values do."""
    pandas: Any = optional("pandas", extra="training")

    codes, distinct = pandas.factorize(cells, use_na_sentinel=False)
    count = len(distinct)
    if count < 2 or count * _LEAST_REPEATS > len(labels):
        return False
    first = np.zeros(count, labels.dtype)
    first[codes] = labels
    return bool(np.array_equal(first[codes], labels))


def _says_number(cells: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a column is the target in another unit."""
    if cells.dtype == object or not np.isfinite(cells).all():
        return False
    values = cells.astype("float64"), labels.astype("float64")
    if not all(each.std() > 0 for each in values):
        return False
    return bool(abs(np.corrcoef(*values)[0, 1]) > _SAME)
