"""Keeps a uniform sample of a day's rows in a folder of limited size.

Each row has a random key, and the rows with the smallest keys are kept, as
many as the folder has space for. So each row that was asked that day has the
same chance, whatever came before or after it, and however large it is: as in
"Algorithm R" of [Vitter, 1985](https://doi.org/10.1145/3147.3165), but the
order that a restarted server needs is in the names of the files. When space is
needed, the largest key goes, before the new row is written.
"""

import contextlib
import heapq
import json
import os
from pathlib import Path

from aet_keras.data.recorded_rows import SUFFIX

STATE = "day.json"
ALL = 2**64  # keys are below it

_LARGEST_SHARE = 20  # a row may take that part of a day's bytes
_BLOCK = 4096  # bytes that a file system gives a file at least
_ASIDE = ".aside-"
_MANY = 20


def largest_row(most_bytes: int) -> int:
    """Returns the most bytes that a row may have.

    Else one large row with a small key would take the place of all.
    """
    return max(most_bytes // _LARGEST_SHARE // _BLOCK * _BLOCK, _BLOCK)


class Reservoir:
    """Keeps the rows of one day.

    Args:
        folder: where to keep them; made if missing.
        most_bytes: int >= 1. On the disk, in whole blocks.
        most_rows: int >= 1.

    Raises:
        OSError: if the folder cannot be made or read.
    """

    def __init__(self, folder: Path, *, most_bytes: int, most_rows: int):
        self.folder = folder
        self.most_bytes, self.most_rows = most_bytes, most_rows
        self.asked, self.missed = 0, 0
        self.threshold = ALL  # rows with smaller keys are kept
        self.bytes = 0
        self._rows: list[tuple[int, int]] = []  # (-key, bytes), a heap
        self._is_full = False
        self._saved: dict[str, int | bool] = {}
        folder.mkdir(exist_ok=True)
        self._read_rows()
        self._read_state()
        if self._is_full and self._rows:
            self.threshold = 1 - self._rows[0][0]
        while self._rows and not self._has_room(0):  # the limit is lower now
            self._drop_largest()

    @property
    def row_count(self) -> int:
        """How many rows are kept."""
        return len(self._rows)

    def add(self, key: int, content: bytes) -> bool:
        """Keeps a row if its key is small enough; returns whether.

        Raises:
            OSError: if it cannot be written; then it is not kept.
        """
        size = _on_disk(len(content))
        if key >= self.threshold or size > largest_row(self.most_bytes):
            return False
        if not self._has_room(size) and self._is_largest(key):
            self._lower(key)
            return False
        with _written(self.folder, content, "row") as aside:
            if self._make_room(key, size):
                os.replace(aside, self._path(key))
            else:
                os.unlink(aside)
                return False
        self._keep(key, size)
        return True

    def save(self) -> None:
        """Writes how many rows were asked, if it has changed."""
        state = {
            "asked": self.asked,
            "missed": self.missed,
            "is_full": self._is_full,
        }
        if state != self._saved:
            content = json.dumps(state).encode()
            with _written(self.folder, content, "state") as aside:
                os.replace(aside, os.path.join(self.folder, STATE))
            self._saved = state

    def _read_state(self):
        """Reads what was written.

        Without it, nobody knows whether rows were dropped. Then it is taken
        that they were. If that is wrong, of the rows to come about one in as
        many as are kept now is lost; the other error would favour them.
        """
        self._is_full = len(self._rows) >= _MANY
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            state = json.loads((self.folder / STATE).read_bytes())
            self.asked = int(state["asked"])
            self.missed = int(state["missed"])
            self._is_full = bool(state["is_full"])

    def _read_rows(self):
        for entry in os.scandir(self.folder):
            if entry.name.startswith(_ASIDE):  # a killed server left it
                _remove(entry.path)
            with contextlib.suppress(ValueError, OSError):
                key = _key(entry.name)
                self._keep(key, _on_disk(entry.stat().st_size))

    def _path(self, key):
        return os.path.join(self.folder, f"{key:016x}{SUFFIX}")

    def _keep(self, key, size):
        heapq.heappush(self._rows, (-key, size))
        self.bytes += size

    def _has_room(self, size):
        # What is written aside, the state and the folder take space, too.
        most = self.most_bytes - largest_row(self.most_bytes) - 2 * _BLOCK
        rows = len(self._rows) + bool(size)
        return rows <= self.most_rows and self.bytes + size <= most

    def _make_room(self, key, size):
        """Drops the largest keys until a row fits; False if it is one."""
        while not self._has_room(size):
            if self._is_largest(key):
                self._lower(key)
                return False
            self._drop_largest()
        return True

    def _is_largest(self, key):
        return not self._rows or -self._rows[0][0] < key

    def _drop_largest(self):
        negative, size = self._rows[0]
        self._lower(-negative)
        _remove(self._path(-negative))
        heapq.heappop(self._rows)
        self.bytes -= size

    def _lower(self, threshold):
        """Keeps no larger keys from now on.

        That is written once: a restarted server finds the largest key that is
        kept in the names of the files.
        """
        if not self._is_full:
            self._is_full = True
            try:
                self.save()
            except OSError:
                self._is_full = False
                raise
        self.threshold = threshold


def _key(name):
    stem, dot, suffix = name.partition(".")
    if dot + suffix != SUFFIX:
        raise ValueError(name)
    return int(stem, 16)


def _on_disk(size):
    """Returns how many bytes a file takes."""
    return -(-size // _BLOCK) * _BLOCK


@contextlib.contextmanager
def _written(folder, content, what):
    """Lends a file that is written aside, to be renamed.

    It is not seen to be on the disk: that takes longer than all the rest. If
    the power fails, its sum tells that it is not whole.
    """
    # One thread writes in a folder, and one file of each kind at a time.
    aside = os.path.join(folder, f"{_ASIDE}{what}")
    try:
        with open(aside, "wb", buffering=0) as file:
            _write_all(file, content)
        yield aside
    except BaseException:
        _remove(aside)
        raise


def _write_all(file, content):
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
