"""Keeps what a frozen prefix puts out for each row."""

import hashlib
import os
import pathlib
import tempfile
from collections import defaultdict
from collections.abc import Collection, Sequence

import ml_dtypes
import numpy as np

from aet_keras import _check as check
from aet_keras.errors import CacheFull
from aet_keras.replay.feature_store import FeatureStore
from aet_keras.replay.growing_array import GrowingArray
from aet_keras.replay.storage_budget import StorageBudget, memory_to_take
from aet_keras.replay.sums import bytes_of_rows

_DTYPES = {
    "float16": np.dtype("float16"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype("float32"),
}
_PLACES = ("auto", "memory", "disk")


class FeatureCache:
    """Decides where features are kept, and how exactly.

    Args:
        place: `"memory"`, `"disk"`, `"auto"` (memory as far as the limit
            goes, then disk) or the path of a folder for the files, in which
            features are also kept for other runs. Defaults to `"auto"`.
        limit_bytes: int >= 0. The most that features may take in memory.
            Defaults to half of what is free.
        dtype: `"float16"`, `"bfloat16"` or `"float32"`. What features of
            more bits are rounded to. Defaults to `"float16"`; features that
            it cannot hold (above 65504, or all below 3e-5) stay in float32.

    Raises:
        ValueError: if an argument is none of these.

    Example:

    >>> cache = aet_keras.replay.FeatureCache("memory", dtype="float32")
    >>> features = np.ones((2, 3), "float32")
    >>> record = cache.new_record([features], expected=2)
    >>> record.append([b"a", b"b"], [features])
    >>> record.count, record.take([1])[0].shape
    (2, (1, 3))
    """

    def __init__(
        self,
        place: str | os.PathLike = "auto",
        *,
        limit_bytes: int | None = None,
        dtype: str = "float16",
    ):
        self.place = place
        self.limit_bytes = limit_bytes
        self.dtype = check.one_of(self, dtype=dtype, among=tuple(_DTYPES))
        if limit_bytes is not None:
            check.whole(self, limit_bytes=limit_bytes)
        if not isinstance(place, os.PathLike) and os.sep not in str(place):
            if place not in _PLACES:
                raise ValueError(
                    "FeatureCache: `place` must be 'auto', 'memory', 'disk' "
                    "or the path of a folder, which has a separator, because "
                    f"a word may be mistyped. Received: place={place!r}. Name "
                    f"a folder here as {f'.{os.sep}{place}'!r}."
                )

    @property
    def store(self) -> FeatureStore | None:
        """Where features are kept for other runs, if the place is a path."""
        if self.place in _PLACES:
            return None
        return FeatureStore(self.place, rounding=self.dtype)

    def new_record(
        self,
        examples: Sequence[np.ndarray],
        *,
        feature_count: int | None = None,
        required: int | None = None,
        exact: Collection[int] = (),
        expected: int = 0,
    ) -> "Record":
        """Starts a record of arrays whose first rows look like these.

        Args:
            examples: arrays `(batch, ...)`: features, then what goes with
                them (targets, weights), which is kept exactly.
            feature_count: int >= 0. How many of them are features. Defaults
                to all.
            required: int >= 1. How many of the features there is no use
                without; the others are kept if there is room, under
                `"auto"` in memory. Defaults to all.
            exact: positions of features that are not rounded: raw inputs
                may hold numbers of words or of users.
            expected: int >= 0. How many rows will come; 0 if not known.

        Returns:
            `Record`.

        Raises:
            CacheFull: if there is no room for what is required.
        """
        features = len(examples) if feature_count is None else feature_count
        required = features if required is None else required
        budget = self._budget()
        spare = range(required, features)
        order = sorted(range(len(examples)), key=lambda i: i in spare)
        columns: list[GrowingArray | None] = [None] * len(examples)
        for i in order:
            example, is_feature = examples[i], i < features
            is_rounded = (
                is_feature and i not in exact and example.dtype == np.float32
            )
            dtype = _DTYPES[self.dtype] if is_rounded else example.dtype
            shape = example.shape[1:]
            try:
                columns[i] = GrowingArray(
                    budget,
                    dtype,
                    shape,
                    expected=expected,
                    only_memory=self.place == "auto" and i in spare,
                )
            except CacheFull:
                if i not in spare:
                    raise
        return Record(columns, spare=spare)

    def digests(self, arrays: Sequence[np.ndarray]) -> list[bytes]:
        """Returns a sum of each row over several arrays of as many rows.

        Rows of other shapes or dtypes have other sums, though their bytes be
        equal, as of black images of 96 x 64 and of 64 x 96 pixels.
        """
        rows = [np.asarray(array) for array in arrays]
        about = "; ".join(f"{row.dtype} {row.shape[1:]}" for row in rows)
        begun = hashlib.blake2b(about.encode(), digest_size=16)
        found = []
        for parts in zip(*map(bytes_of_rows, rows), strict=True):
            digest = begun.copy()
            for part in parts:
                digest.update(part)
            found.append(digest.digest())
        return found

    def _budget(self):
        memory = memory_to_take()
        if self.limit_bytes is not None:
            memory = self.limit_bytes
        if self.place == "memory":
            return StorageBudget(memory)
        folder = pathlib.Path(tempfile.gettempdir())
        if self.place not in _PLACES and _is_writable(self.place):
            folder = pathlib.Path(self.place)
        return StorageBudget(memory if self.place == "auto" else 0, folder)


def _is_writable(folder):
    """Tries: features of other runs may lie where nothing can be written."""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


# Below the first, half a unit in the last place is a thousandth and more.
_SMALLEST, _LARGEST = 2.0**-15, 65504.0


class Record:
    """Holds what one pass over the data gave, row by row.

    Args:
        columns: sequence of columns, `None` for those there was no room for.
        spare: positions of columns that are dropped where there is no room
            for more of their rows.

    Example:

    >>> cache = aet_keras.replay.FeatureCache("memory")
    >>> features = np.array([[0.5], [2.0], [4.0]], "float32")
    >>> record = cache.new_record([features])
    >>> record.append([b"a", b"b", b"a"], [features])
    >>> record.find([b"b", b"a", b"a", b"a"])
    [1, 0, 2, None]
    """

    def __init__(
        self,
        columns: Sequence[GrowingArray | None],
        *,
        spare: Collection[int] = (),
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
        numbers = np.asarray(rows)
        return [self._column(each).take(numbers) for each in positions]

    def _column(self, position: int) -> GrowingArray:
        column = self.columns[position]
        if column is None:
            raise KeyError(f"column {position} was dropped")
        return column

    def has(self, position: int) -> bool:
        """Says whether there was room for a column, and it was not dropped."""
        return self.columns[position] is not None

    def drop(self, position: int) -> None:
        """Frees the room of a column that is not needed any more."""
        column, self.columns[position] = self.columns[position], None
        if column is not None:
            column.free()

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
