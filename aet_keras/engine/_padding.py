"""Which part of the recorded rows is padding, and how do batches lose it?"""

import dataclasses
from collections.abc import Sequence

import numpy as np

# Where less than this share is padding there is too little to gain.
_LEAST_SHARE = 0.1
# Rows of like length are looked for among those of so many batches.
_WINDOW = 16


@dataclasses.dataclass(frozen=True, eq=False)
class Padding:
    """Knows how much of each recorded row is no padding.

    Args:
        lengths: int array `(rows,)`. Positions that count, from the first on.
        padded: frozenset of int. The columns that have those positions.
    """

    lengths: np.ndarray
    padded: frozenset[int]

    def shortest(self, count: int) -> np.ndarray:
        """Returns the numbers of the rows with the most padding."""
        return np.argsort(self.lengths, kind="stable")[:count]

    def trim(self, rows: Sequence[int], arrays: Sequence[np.ndarray]) -> list:
        """Cuts the columns of some rows after the longest of these rows."""
        most = int(self.lengths[rows].max())
        return [
            array[:, :most] if column in self.padded else array
            for column, array in enumerate(arrays)
        ]

    def batch(
        self,
        rows: np.ndarray,
        sizes: Sequence[int],
        random: np.random.Generator,
    ) -> list[np.ndarray]:
        """Puts rows of like length into one batch, and batches in any order.

        Args:
            rows: int array, already shuffled. Stretches of it are sorted, so
                that each epoch has other batches.
            sizes: list of int >= 1. Of the batches.
            random: shuffles the batches.
        """
        stretch = _WINDOW * max(sizes, default=1)
        starts = range(stretch, len(rows), stretch)
        alike = [
            part[np.argsort(self.lengths[part], kind="stable")]
            for part in np.split(rows, starts)
        ]
        parts = np.split(np.concatenate(alike), np.cumsum(sizes))[: len(sizes)]
        order = random.permutation(len(parts))
        return [parts[place] for place in order if len(parts[place])]


def find_padding(columns: Sequence, is_raw: Sequence[bool]) -> Padding | None:
    """Finds a mask among recorded columns: ones, then zeros, in each row.

    Args:
        columns: sequence of `backbones` columns, what crosses a cut.
        is_raw: whether each is the user's own, or made without weights.

    Returns:
        A `Padding`, or `None` if there is no mask, or little padding. Whether
        what lies behind the mask makes no difference is for others to check.
    """
    examples = [column.take(np.array([0])) for column in columns]
    for column, example, raw in zip(columns, examples, is_raw, strict=True):
        if not raw or example.ndim != 2 or example.dtype.kind not in "biu":
            continue
        mask = np.asarray(column.all())
        lengths = mask.sum(axis=1, dtype="int64")
        width = mask.shape[1]
        is_mask = (mask == (np.arange(width) < lengths[:, None])).all()
        if not is_mask or lengths.mean() > (1 - _LEAST_SHARE) * width:
            continue
        padded = frozenset(
            place
            for place, each in enumerate(examples)
            if each.ndim > 1 and each.shape[1] == width
        )
        return Padding(np.maximum(lengths, 1), padded)
    return None
