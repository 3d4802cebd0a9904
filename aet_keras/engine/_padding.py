"""Which part of the recorded rows is padding, and how do batches lose it?"""

import dataclasses
from collections.abc import Sequence

import numpy as np

# Where less than this share is padding there is too little to gain.
_LEAST_SHARE = 0.1
# Rows of like length are looked for among those of so many batches, and among
# no more than a part of all rows: each epoch shall have other batches.
WINDOW, _PARTS = 16, 4
_TRIED = 8  # rows that are computed with and without their padding
_LOOKED_AT = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Padding:
    """Knows how much of each recorded row is no padding.

    Args:
        widths: int array `(rows,)`. To how many positions a row may be cut.
        padded: frozenset of int. The columns that have those positions.
    """

    widths: np.ndarray
    padded: frozenset[int]

    @property
    def tried(self) -> np.ndarray:
        """The numbers of the rows to be tried: the narrowest ones."""
        return np.argsort(self.widths, kind="stable")[:_TRIED]

    def at_least(self, width: int) -> "Padding":
        """Returns the same, with no row cut narrower than that."""
        widths = np.maximum(self.widths, width)
        return dataclasses.replace(self, widths=widths)

    def trim(self, rows: Sequence[int], arrays: Sequence[np.ndarray]) -> list:
        """Cuts the columns of some rows after the widest of these rows."""
        most = int(self.widths[rows].max())
        return [
            array[:, :most] if column in self.padded else array
            for column, array in enumerate(arrays)
        ]

    def batch(
        self,
        rows: np.ndarray,
        sizes: Sequence[int],
        random: np.random.Generator,
        *,
        is_window: bool = False,
    ) -> list[np.ndarray]:
        """Puts rows of like width into one batch, and batches in any order.

        Args:
            rows: int array, already shuffled. Stretches of it are sorted.
            sizes: list of int >= 1. Of the batches; rows beyond are left out.
            random: shuffles the batches, and says which is the smaller one.
            is_window: bool. Whether all rows are one stretch.
        """
        rows = rows[: sum(sizes)]
        largest = max(sizes, default=1)
        most = len(rows) if is_window else len(rows) // _PARTS
        stretch = max(largest, min(WINDOW * largest, most))
        starts = range(stretch, len(rows), stretch)
        alike = [
            part[np.argsort(self.widths[part], kind="stable")]
            for part in np.split(rows, starts)
        ]
        ends = np.cumsum(random.permutation(sizes), dtype=int)
        parts = np.split(np.concatenate(alike), ends)[: len(ends)]
        order = random.permutation(len(parts))
        return [parts[place] for place in order if len(parts[place])]


def find_padding(
    columns: Sequence, is_raw: Sequence[bool], count: int
) -> Padding | None:
    """Finds a mask among recorded columns: ones, then zeros, in each row.

    Args:
        columns: sequence of `backbones` columns, what crosses a cut.
        is_raw: whether each is the user's own, or made without weights.
        count: int >= 1. How many rows they have.

    Returns:
        A `Padding`, or `None` if there is no mask, or little padding. Whether
        what lies behind the mask makes no difference is for others to check.
    """
    looked_at = np.arange(min(_LOOKED_AT, count))
    examples = [column.take(looked_at) for column in columns]
    lengths = {}
    for column, example, raw in zip(columns, examples, is_raw, strict=True):
        if raw and _is_mask(example):
            mask = np.asarray(column.all())
            if _is_mask(mask):
                width, found = mask.shape[1], mask.sum(axis=1, dtype="int64")
                # Of two texts in a row, the longer one.
                lengths[width] = np.maximum(found, lengths.get(width, 1))
    for width, found in lengths.items():
        padding = _of_lengths(found, width, examples)
        if padding is not None:
            return padding
    return None


def _is_mask(rows):
    """Says whether each row is ones, then zeros."""
    if rows.ndim != 2 or rows.dtype.kind not in "biu":
        return False
    ends = rows.sum(axis=1, dtype="int64")[:, None]
    return bool((rows == (np.arange(rows.shape[1]) < ends)).all())


def _of_lengths(lengths, width, examples):
    # No batch is narrower than one of the rows that are tried.
    widths = np.maximum(lengths, np.sort(lengths)[:_TRIED].max())
    if widths.mean() > (1 - _LEAST_SHARE) * width:
        return None
    padded = frozenset(
        place
        for place, each in enumerate(examples)
        if each.ndim > 1 and each.shape[1] == width
    )
    return Padding(widths, padded)
