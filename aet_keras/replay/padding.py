"""Finds the padding of recorded rows, and cuts it from batches."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aet_keras._keras.split_graph import Boundary, Key, SplitGraph
from aet_keras._keras.steps import Signature, trial_function
from aet_keras.replay import replay_safety
from aet_keras.replay.sums import is_close

# Where less than this share is padding there is too little to gain.
_LEAST_SHARE = 0.1
# Rows of like length are looked for among those of so many batches, and among
# no more than a part of all rows: each epoch shall have other batches.
WINDOW, _PARTS = 16, 4
_TRIED = 8  # rows that are computed with and without their padding
_LOOKED_AT = 64
UNTRIED = 0  # for the width to which rows may be cut


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


class MaskLengths:
    """Counts with how many ones each row of a recorded column begins.

    Rows that were looked at are not looked at again, because a record is asked
    every few batches while it grows.
    """

    def __init__(self):
        self._found = np.zeros(0, "int64")

    def of(self, column) -> np.ndarray | None:
        """Returns an int array `(rows,)`, or `None` if a row is no mask."""
        while self._found is not None and len(self._found) < column.count:
            begun = len(self._found)
            # A few first: most columns are no masks.
            end = column.count if begun else _LOOKED_AT
            new = _leading_ones(column.all()[begun:end])
            if new is not None:
                new = np.concatenate([self._found, new])
            self._found = new
        return self._found


class PaddingFinder:
    """Finds the padding of one record, and whether it makes a difference.

    Args:
        graph: `SplitGraph` of the model.
    """

    def __init__(self, graph: SplitGraph):
        self._graph = graph
        # To what rows may be cut, by the part below; None where that fails.
        self._narrowest: dict[frozenset[int], int | None] = {}
        self._masks: dict[Key, MaskLengths] = {}

    def find(self, boundary: Boundary, columns: Sequence) -> Padding | None:
        """Returns how rows are padded; what cutting changes is not checked.

        Args:
            boundary: where the graph is split.
            columns: sequence of `GrowingArray`, what crosses there.
        """
        # XLA would compile the step once for each width.
        if self._graph.model.jit_compile:
            return None
        masks = [
            self._masks.setdefault(key, MaskLengths())
            if key in self._graph.raw
            else None
            for key in boundary.keys
        ]
        return find_padding(columns, masks)

    def find_inert(
        self, boundary: Boundary, columns: Sequence, crossing: Callable
    ) -> Padding | None:
        """Returns how rows are padded, if that makes no difference.

        Tried on a few rows, once a boundary: a model that does not mask what it
        pools or attends to would learn something else from shorter rows.

        Args:
            boundary: as `find`.
            columns: as `find`.
            crossing: function of numbers of rows and an optional `Padding`,
                which they are rid of: returns the tensors that cross.
        """
        found = self.find(boundary, columns)
        if found is None:
            return None
        if boundary.lower not in self._narrowest:
            is_inert = self._is_inert(found, boundary, crossing)
            narrowest = int(found.widths.min()) if is_inert else None
            self._narrowest[boundary.lower] = narrowest
        least = self._narrowest[boundary.lower]
        return None if least is None else found.at_least(least)

    def get_state(self, boundary: Boundary) -> int | None:
        """Returns to what rows may be cut, or `UNTRIED`."""
        return self._narrowest.get(boundary.lower, UNTRIED)

    def set_state(self, boundary: Boundary, state: int | None) -> None:
        """Brings back what `get_state` returned."""
        if state != UNTRIED:
            self._narrowest[boundary.lower] = state

    def _is_inert(self, padding, boundary, crossing):
        """Whether the part above gives the same for rows without padding."""
        if replay_safety.mixes_positions(self._graph.upper_layers(boundary)):
            return False
        rows = padding.tried
        whole = crossing(rows, None)
        signature = Signature(whole, open_leaves=padding.padded)
        compute = trial_function(self._graph, boundary, signature)
        try:
            expected = compute(*whole)
            outputs = compute(*crossing(rows, padding))
        # A layer that knows the width fails in a way of its own.
        except Exception:
            return False
        pairs = [
            (one.numpy(), two.numpy())
            for one, two in zip(expected, outputs, strict=True)
        ]
        # NaN that is NaN in both shows nothing of other rows.
        return all(
            np.isfinite(one).all() and is_close(one, two) for one, two in pairs
        )


def find_padding(
    columns: Sequence, masks: Sequence[MaskLengths | None]
) -> Padding | None:
    """Finds a mask among recorded columns: ones, then zeros, in each row.

    Args:
        columns: sequence of `GrowingArray`, what crosses a boundary.
        masks: what follows each; `None` for one that no mask can be, because
            it is neither the user's own nor made without weights.

    Returns:
        A `Padding`, or `None` if there is no mask, or little padding. Whether
        what lies behind the mask makes no difference is for others to check.
    """
    shapes = [column.all().shape for column in columns]
    lengths: dict[Any, Any] = {}
    for column, shape, mask in zip(columns, shapes, masks, strict=True):
        found = None if mask is None else mask.of(column)
        if found is not None:
            # Of two texts in a row, the longer one.
            lengths[shape[1]] = np.maximum(found, lengths.get(shape[1], 1))
    for width, found in lengths.items():
        # No batch is narrower than one of the rows that are tried.
        widths = np.maximum(found, np.sort(found)[:_TRIED].max())
        if widths.mean() <= (1 - _LEAST_SHARE) * width:
            return Padding(widths, _places_of(width, shapes))
    return None


def _leading_ones(rows):
    """Returns how many ones each row begins with, or None if others follow."""
    if rows.ndim != 2 or rows.dtype.kind not in "biu":
        return None
    ones = rows.sum(axis=1, dtype="int64")
    is_mask = (rows == (np.arange(rows.shape[1]) < ones[:, None])).all()
    return ones if is_mask else None


def _places_of(width, shapes):
    return frozenset(
        place
        for place, shape in enumerate(shapes)
        if len(shape) > 1 and shape[1] == width
    )
