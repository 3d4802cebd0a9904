"""Which rows of a table are for learning, and which for the report?"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aet_keras.data.splits import (
    SPLITS,
    Frequent,
    complete_splits,
    frequent_classes,
)
from aet_keras.errors import DataError

_VALIDATION = ("validation", "valid", "val")


def frequent_rows(
    owner: str,
    frame: Any,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    split_column: str | None,
) -> Frequent:
    """Leaves out classes with too few rows, as `frequent_classes` does."""
    given = _brought(owner, frame, split_column)
    return frequent_classes(labels, given, class_names, rows="rows")


def split_rows(
    owner: str,
    frame: Any,
    labels: np.ndarray,
    *,
    class_names: tuple[str, ...],
    split_column: str | None,
    ratios: Mapping[str, float],
    seed: int,
    source: str,
) -> dict[str, np.ndarray]:
    """Returns the rows of each split."""
    given = _brought(owner, frame, split_column)
    _check_counts(owner, labels[given["train"]], class_names, given)
    parts = complete_splits(
        labels,
        given,
        class_names=class_names,
        ratios=ratios,
        seed=seed,
        source=source,
        rows="rows",
    )
    return {name: parts[name] for name in SPLITS}


def _brought(owner, frame, split_column):
    if split_column is None:
        return {"train": np.arange(len(frame))}
    return _given(owner, frame[split_column], split_column)


def _given(owner, cells, split_column):
    said = cells.fillna("").str.lower()
    said = said.where(~said.isin(_VALIDATION), "validation").to_numpy()
    odd = sorted(set(said) - set(SPLITS))
    if odd or "train" not in said:
        what = f"`{odd[0]}`" if odd else "no `train`"
        raise DataError(
            f"{owner}: the column of splits must say train, validation or "
            f"test. Received: split_column={split_column!r}, with {what}. "
            "Mend its cells, or leave the option out."
        )
    rows = {name: np.flatnonzero(said == name) for name in SPLITS}
    return {name: found for name, found in rows.items() if len(found)}


def _check_counts(owner, labels, class_names, given):
    least = 1 + len(SPLITS) - len(given)
    counts = np.bincount(labels, minlength=len(class_names))
    rarest = int(counts.argmin())
    if counts[rarest] < least:
        raise DataError(
            f"{owner}: each class must have at least {least} rows to learn "
            "from and to split, because each split needs one. Received: "
            f"`{class_names[rarest]}` with {counts[rarest]} of {len(labels)}. "
            "Add rows of it, or leave the class out."
        )
