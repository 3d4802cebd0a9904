"""Keeps features of earlier runs in a folder, by the sums of their rows."""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

import ml_dtypes  # noqa: F401  (NumPy knows bfloat16 by its name then)
import numpy as np

from aet_keras._files import flush, lend_aside, write_flushed

_ABOUT, _INDEX, _ROWS = "part.json", "index.bin", "rows.bin"
_NAME = re.compile("[0-9a-f]{32}")  # of a part; all else in a folder is foreign
_SUM_SIZE = 16
_VERSION = 1


class FeatureStore:
    """Keeps rows of features in a folder, for other runs and processes.

    What a row is found by is a name, which has to say all that the features
    were computed with, what they were rounded to, and the sum of the input
    row: so nothing stale is ever found. Each row has a sum of its own, which
    is checked when the row is read: what is damaged counts as not there, and
    `take_sentences` says it. Each `keep` adds a part of its own, which appears
    whole or not at all; several processes may share a folder. Nothing is
    removed: delete the folder to be rid of it.

    Args:
        folder: str or path-like. Made when there is something to keep.
        rounding: optional str. The dtype that features are rounded to; rows
            that were rounded to another one are not found.

    Example:

    >>> import tempfile
    >>> rows = np.array([[0.5, 1.5], [2.0, 3.0]], "float16")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = aet_keras.replay.feature_store.FeatureStore(folder)
    ...     kept = store.keep("prefix", [b"a" * 16, b"b" * 16], rows, "float32")
    ...     again = aet_keras.replay.feature_store.FeatureStore(folder)
    ...     rows, dtype = again.find("prefix", [b"b" * 16])
    >>> kept, rows.tolist(), dtype
    (2, [[2.0, 3.0]], 'float32')
    """

    def __init__(
        self, folder: str | os.PathLike, *, rounding: str | None = None
    ):
        self.folder = Path(folder)
        self.rounding = rounding
        self._parts: dict[str, list[_Part]] = {}
        self._faults: dict[str, str] = {}  # what is wrong with a part
        self._said_count = 0

    def find(
        self, name: str, digests: Sequence[bytes]
    ) -> tuple[np.ndarray, str] | None:
        """Returns the rows of some sums, if all of them are there.

        Args:
            name: str. What the features were computed with.
            digests: one sum of 16 bytes an input row.

        Returns:
            Array `(len(digests), ...)` in the dtype that they were kept in,
            and the name of the dtype that they were computed in; or `None`.
        """
        found = self.find_rows(name, digests)
        rows = [row for row in found if row is not None]
        if not found or len(rows) < len(found):
            return None
        dtype = next(
            part.dtype
            for part in self._parts[name]
            if digests[0] in part.numbers
        )
        return np.stack(rows), dtype

    def find_rows(
        self, name: str, digests: Sequence[bytes]
    ) -> list[np.ndarray | None]:
        """Returns the row of each sum, `None` where it is not there.

        Args:
            name: str. What the features were computed with.
            digests: one sum of 16 bytes an input row.
        """
        parts = self._parts_of(name)
        try:
            return [self._read(parts, digest) for digest in digests]
        finally:
            for part in parts:
                part.close()

    def keep(
        self, name: str, digests: Sequence[bytes], rows: np.ndarray, dtype: str
    ) -> int:
        """Keeps the rows that are not there yet; of equal ones the first.

        Args:
            name: str. What the features were computed with.
            digests: one sum of 16 bytes an input row.
            rows: array `(len(digests), ...)` of numbers.
            dtype: str. What they were computed in.

        Returns:
            How many rows were added.

        Raises:
            OSError: if the folder cannot be written; nothing is left behind.
        """
        parts = self._parts_of(name)
        places: dict[bytes, int] = {}
        for place, digest in enumerate(digests):
            places.setdefault(digest, place)
        new = [d for d in places if not any(d in p.numbers for p in parts)]
        if not new or rows.dtype.hasobject:  # text has no bytes to keep
            return 0
        about = {
            "version": _VERSION,
            "name": name,
            "rounding": self.rounding,
            "kept": str(rows.dtype),
            "computed": dtype,
            "shape": rows.shape[1:],
            "count": len(new),
        }
        path = self.folder / name / uuid.uuid4().hex
        _write_part(path, about, new, rows[[places[digest] for digest in new]])
        self._open(path, name)
        return len(new)

    def take_sentences(self) -> list[str]:
        """Says what could not be used since it was asked last."""
        new = list(self._faults.values())[self._said_count :]
        self._said_count = len(self._faults)
        if not new:
            return []
        parts = "1 part" if len(new) == 1 else f"{len(new)} parts"
        return [
            f"cannot use {parts} of {self.folder}, and computes again what is "
            f"damaged there: {new[0]} (delete it, and this is not said again)"
        ]

    def _parts_of(self, name):
        if name not in self._parts:
            self._parts[name] = []
            for path in self._listed(self.folder / name):
                self._open(path, name)
        return self._parts[name]

    def _listed(self, folder):
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:  # nothing was kept yet
            return []
        except OSError as error:
            self._note(folder, error.strerror or str(error))
            return []
        return [folder / each for each in names if _NAME.fullmatch(each)]

    def _open(self, path, name):
        try:
            part = _Part(path, name)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._note(path, _reason(error))
            return
        if part.rounding == self.rounding:
            self._parts[name].append(part)

    def _read(self, parts, digest):
        for part in parts:
            if digest not in part.numbers:
                continue
            try:
                return part.read(digest)
            except (OSError, ValueError) as error:
                del part.numbers[digest]  # so that it is kept again
                self._note(part.path, _reason(error))
        return None

    def _note(self, path, reason):
        where = path.relative_to(self.folder)
        self._faults.setdefault(str(where), f"{where}: {reason}")


class _Part:
    """What one `keep` added, read from the disk as it is asked for.

    Raises:
        ValueError: if it is not what was written.
    """

    def __init__(self, path, name):
        if not (path / _ABOUT).exists() and (path / "dtype.json").exists():
            raise ValueError("an earlier release kept it, without sums")
        line, *rest = (path / _ABOUT).read_bytes().split(b"\n")
        if rest != [_sum(line).hex().encode(), b""]:
            raise ValueError(f"{_ABOUT} is not what was written")
        about = json.loads(line)
        if about["version"] != _VERSION:
            raise ValueError("a later release kept it")
        if about["name"] != name:
            raise ValueError("it was kept for other layers")
        index = (path / _INDEX).read_bytes()
        if _sum(index).hex() != about["index"]:
            raise ValueError(f"{_INDEX} is not what was written")
        self.path = path
        self.dtype = about["computed"]
        self.rounding = about["rounding"]
        self._kept = np.dtype(about["kept"])
        self._shape = tuple(about["shape"])
        self._size = self._kept.itemsize * int(np.prod(self._shape, dtype=int))
        if (path / _ROWS).stat().st_size != about["count"] * self._size:
            raise ValueError(f"{_ROWS} is not as long as it was written")
        pairs = np.frombuffer(index, "u1").reshape(about["count"], -1)
        known = pairs[:, :-_SUM_SIZE]
        self.numbers = {row.tobytes(): i for i, row in enumerate(known)}
        self._sums = pairs[:, -_SUM_SIZE:]
        self._file = None

    def read(self, digest):
        """Returns the row of a sum; raises a ValueError if it is damaged.

        Not a memory map: a file that is cut meanwhile would kill the process.
        """
        number = self.numbers[digest]
        if self._file is None:
            self._file = open(self.path / _ROWS, "rb")  # noqa: SIM115
        self._file.seek(number * self._size)
        raw = self._file.read(self._size)
        if _sum(raw, digest) != self._sums[number].tobytes():
            raise ValueError(f"{_ROWS} is not what was written")
        return np.frombuffer(raw, self._kept).reshape(self._shape)

    def close(self):
        if self._file is not None:
            self._file.close()
            self._file = None


def _write_part(path, about, digests, rows):
    """Writes a part aside, sees that it is on the disk, and renames it."""
    raw = np.ascontiguousarray(rows).reshape(-1).view("u1")
    size = raw.size // len(rows)
    index = b"".join(
        digest + _sum(raw[place * size : (place + 1) * size], digest)
        for place, digest in enumerate(digests)
    )
    line = json.dumps({**about, "index": _sum(index).hex()}).encode()
    about_it = b"%s\n%s\n" % (line, _sum(line).hex().encode())
    files = {_ROWS: raw, _INDEX: index, _ABOUT: about_it}
    with lend_aside(path.parent) as aside:
        for name, content in files.items():
            write_flushed(aside / name, lambda f, c=content: f.write(c))
        flush(aside)
        os.rename(aside, path)
    for folder in (path.parent, path.parent.parent):
        flush(folder)


def _sum(content, digest=b""):
    """Returns the sum of some bytes, which holds for one input row only."""
    return hashlib.blake2b(content, key=digest, digest_size=_SUM_SIZE).digest()


def _reason(error):
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) or type(error).__name__
