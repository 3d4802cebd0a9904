"""Grows an array row by row, in memory or on disk."""

import errno
import mmap
import os
import tempfile

import numpy as np

from aet_keras.errors import CacheFull
from aet_keras.replay.storage_budget import StorageBudget

_FIRST_ROWS = 256
# Pages of a mapped file count as memory of the process once they are touched,
# until it lets go of them; the system keeps them as long as there is room.
_TOUCHED_BYTES = 16 * 1024**2


class GrowingArray:
    """Rows of equal shape, in memory or in a file, read by their numbers.

    Args:
        budget: `StorageBudget` to take from.
        dtype: NumPy dtype the rows are kept in.
        shape: tuple of ints. Shape of one row.
        expected: int >= 0. How many rows will come, if known; else 0.
        only_memory: bool. Whether a full memory is the end.

    Attributes:
        rounded_to: NumPy dtype, the narrowest that rows were ever kept in.

    Raises:
        CacheFull: if there is no room, now or when rows are added.
    """

    def __init__(
        self,
        budget: StorageBudget,
        dtype,
        shape,
        *,
        expected: int = 0,
        only_memory: bool = False,
    ):
        self.count = 0
        self.is_on_disk = False
        self._map: mmap.mmap | None = None
        self._touched = 0
        self._budget = budget
        self._only_memory = only_memory
        self._rows = np.empty((0, *shape), dtype)
        self._grow(expected or _FIRST_ROWS, self._rows.dtype)
        self.rounded_to = self.dtype

    @property
    def dtype(self) -> np.dtype:
        """What the rows are kept in."""
        return self._rows.dtype

    @property
    def byte_count(self) -> int:
        """How many bytes its rows take."""
        return self._rows[: self.count].nbytes

    def append(self, rows: np.ndarray) -> None:
        """Adds some rows at the end."""
        end = self.count + len(rows)
        if end > len(self._rows):
            self._grow(max(end, len(self._rows) * 5 // 4), self.dtype)
        self._rows[self.count : end] = rows
        self.count = end
        self.let_go(rows.nbytes)

    def widen(self, dtype) -> None:
        """Keeps the rows in another dtype from now on."""
        self._grow(len(self._rows), np.dtype(dtype))
        if not self.count:  # else some stay as they were rounded
            self.rounded_to = self.dtype

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Returns a copy of the rows of these numbers."""
        taken = np.asarray(self._rows[rows])
        self.let_go(taken.nbytes)
        return taken

    def free(self) -> None:
        """Gives its bytes back; it is of no use after that."""
        self._budget.give_back(self._rows.nbytes, disk=self.is_on_disk)
        self._rows = self._rows[:0].copy()
        self._map = None

    def all(self) -> np.ndarray:
        """Returns all rows, not copied."""
        return self._rows[: self.count]

    def let_go(self, touched: int) -> None:
        """Frees the memory that a mapped file takes, once it is much.

        Args:
            touched: int. How many more bytes of it were read or written.
        """
        self._touched += touched
        if self._map is None or self._touched < _TOUCHED_BYTES:
            return
        self._touched = 0
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)  # shared: nothing is lost

    def _grow(self, length, dtype):
        """Moves the rows to where there is room for more, or for wider ones."""
        row = int(np.prod(self._rows.shape[1:])) * dtype.itemsize
        held, new = self._rows.nbytes, length * row
        was_on_disk = self.is_on_disk
        if not was_on_disk and self._budget.take_memory(new):
            fresh = np.empty((length, *self._rows.shape[1:]), dtype)
        elif not self._only_memory and self._budget.take_disk(new):
            try:
                fresh = self._mapped(length, dtype)
            except CacheFull:  # the disk has less than was free at first
                self._budget.give_back(new, disk=True)
                raise
            self.is_on_disk = True
        else:
            raise CacheFull(f"no room for {new / 1e6:.2g} MB of features")
        fresh[: self.count] = self._rows[: self.count]
        self._rows = fresh
        self._budget.give_back(held, disk=was_on_disk)

    def _mapped(self, length, dtype):
        # Unlinked where the system can: a killed run leaves nothing behind.
        # The map holds the file on when it is closed.
        shape = (length, *self._rows.shape[1:])
        try:
            with tempfile.TemporaryFile(
                dir=self._budget.folder, prefix="aet-features-"
            ) as file:
                size = max(1, int(np.prod(shape)) * dtype.itemsize)
                _reserve(file, size)
                file.truncate(size)
                mapped = mmap.mmap(file.fileno(), size)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CacheFull(
                f"nothing can be written in {self._budget.folder}: {reason}"
            ) from error
        self._map, self._touched = mapped, 0
        return np.ndarray(shape, dtype, buffer=mapped)


def _reserve(file, size):
    """Reserves blocks: a full disk kills a process that writes to a map."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return  # this file system cannot say
        raise CacheFull(
            f"no room for {size / 1e6:.2g} MB of features on the disk"
        ) from error
