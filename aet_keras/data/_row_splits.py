"""How do the rows of a file become splits, each row with its number?"""

from collections.abc import Mapping, Sequence

import numpy as np

from aet_keras.data.dataset import Split


def split_columns(
    inputs: Mapping[str, np.ndarray],
    labels: np.ndarray,
    numbers: Sequence[int],
    parts: Mapping[str, np.ndarray],
) -> dict[str, Split]:
    """Returns the splits of a table by name.

    Args:
        inputs: dict of column to array, `(rows, ...)`.
        labels: array `(rows,)`.
        numbers: int array `(rows,)`. Of each row in its file, from 0 on.
        parts: which rows each split has.
    """
    return {
        split: Split(
            inputs={name: cells[rows] for name, cells in inputs.items()},
            labels=labels[rows],
            names=tuple(f"row {number + 1}" for number in numbers[rows]),
        )
        for split, rows in parts.items()
    }
