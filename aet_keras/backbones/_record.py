"""What did one pass over the data give, row by row?"""

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from aet_keras.backbones._column import Column
from aet_keras.errors import CacheFull

# Below the first, half a unit in the last place is a thousandth and more.
_SMALLEST, _LARGEST = 2.0**-15, 65504.0


class Record:
    """Holds what one pass over the data gave, row by row.

    Args:
        columns: sequence of columns, `None` for those there was no room for.
        spare: positions of columns that are dropped where there is no room
            for more of their rows.

    Example:

    >>> cache = aet_keras.backbones.FeatureCache("memory")
    >>> features = np.array([[0.5], [2.0], [4.0]], "float32")
    >>> record = cache.new_record([features])
    >>> record.append([b"a", b"b", b"a"], [features])
    >>> record.find([b"b", b"a", b"a", b"a"])
    [1, 0, 2, None]
    """

    def __init__(
        self, columns: Sequence[Column | None], *, spare: Collection[int] = ()
    ):
        self.columns = list(columns)
        self._spare = frozenset(spare)
        self._digests: list[bytes] = []
        self._numbers: dict[bytes, list[int]] = defaultdict(list)

    @property
    def count(self) -> int:
        """How many rows it holds."""
        return len(self._digests)

    @property
    def byte_count(self) -> int:
        """How many bytes its rows take, in memory and on disk."""
        kept = [c for c in self.columns if c is not None]
        return sum(column.byte_count for column in kept)

    @property
    def is_on_disk(self) -> bool:
        """Whether some of its columns are in files."""
        return any(c is not None and c.is_on_disk for c in self.columns)

    def append(
        self, digests: Sequence[bytes], arrays: Sequence[np.ndarray | None]
    ) -> None:
        """Adds the rows of one batch, in order; None for a dropped column.

        Raises:
            CacheFull: if there is no room for them.
        """
        for digest in digests:
            self._numbers[digest].append(len(self._digests))
            self._digests.append(digest)
        for position, rows in enumerate(arrays):
            column = self.columns[position]
            if column is None:
                continue
            try:
                column.append(_fitting(column, rows))
            except CacheFull:
                if position in self._spare:
                    self.drop(position)
                    continue
                for each in self._spare:
                    self.drop(each)
                column.append(_fitting(column, rows))

    def known(self, digests: Sequence[bytes]) -> np.ndarray:
        """Returns each row's number, -1 where it was never seen.

        Other than with `find`, equal rows have the same number.
        """
        found = map(self._numbers.get, digests)
        numbers = [-1 if each is None else each[0] for each in found]
        return np.array(numbers, "int64")

    def cut_to(self, count: int) -> None:
        """Drops the rows after the first ones, half appended ones too."""
        for digest in self._digests[count:]:
            self._numbers[digest].pop()
            if not self._numbers[digest]:
                del self._numbers[digest]
        del self._digests[count:]
        for column in self.columns:
            if column is not None:
                column.count = min(column.count, count)

    def take(
        self, rows: Sequence[int], positions: Sequence[int] | None = None
    ) -> list[np.ndarray]:
        """Returns the rows of these numbers, an array a column."""
        if positions is None:
            positions = range(len(self.columns))
        rows = np.asarray(rows)
        return [self.columns[position].take(rows) for position in positions]

    def has(self, position: int) -> bool:
        """Says whether there was room for a column, and it was not dropped."""
        return self.columns[position] is not None

    def drop(self, position: int) -> None:
        """Frees the room of a column that is not needed any more."""
        if self.columns[position] is not None:
            self.columns[position].free()
        self.columns[position] = None

    def find(self, digests: Sequence[bytes]) -> list[int | None]:
        """Returns each row's number, `None` where it was never seen.

        Of equal rows each one is found once; rows in the order of the record
        come back in that order.
        """
        used: dict[bytes, int] = defaultdict(int)
        found: list[int | None] = []
        for digest in digests:
            numbers = self._numbers.get(digest, [])
            place = used[digest]
            used[digest] += 1
            found.append(numbers[place] if place < len(numbers) else None)
        return found


def _fitting(column, rows):
    """Returns rows as the column keeps them; widens it if it cannot.

    float16 has no numbers above 65504, and too few of them near zero.
    """
    if column.dtype != np.float16 or rows.dtype == np.float16:
        return rows
    largest = np.abs(rows).max(initial=0.0)
    if not (largest == 0 or _SMALLEST <= largest <= _LARGEST):
        column.widen(np.dtype("float32"))
    return rows
