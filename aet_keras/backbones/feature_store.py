"""Which features did earlier runs leave in a folder, and for which rows?"""

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import ml_dtypes  # noqa: F401  (NumPy knows bfloat16 by its name then)
import numpy as np


class FeatureStore:
    """Keeps rows of features in a folder, for other runs and processes.

    What a row is found by is a name, which has to say all that the features
    were computed with, and the sum of the input row: so nothing stale is ever
    found. Each `keep` adds a part of its own, which appears whole or not at
    all; several processes may share a folder. Nothing is removed: delete the
    folder to be rid of it.

    Args:
        folder: str or path-like. Made when there is something to keep.

    Example:

    >>> import tempfile
    >>> rows = np.array([[0.5, 1.5], [2.0, 3.0]], "float16")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = aet_keras.backbones.FeatureStore(folder)
    ...     kept = store.keep("prefix", [b"a" * 16, b"b" * 16], rows, "float32")
    ...     again = aet_keras.backbones.FeatureStore(folder)
    ...     rows, dtype = again.find("prefix", [b"b" * 16])
    >>> kept, rows.tolist(), dtype
    (2, [[2.0, 3.0]], 'float32')
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        self._parts: dict[str, list[_Part]] = {}

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
        found = [self._locate(name, digest) for digest in digests]
        if not found or None in found:
            return None
        rows = np.stack([part.rows[number] for part, number in found])
        return rows, found[0][0].dtype

    def keep(
        self, name: str, digests: Sequence[bytes], rows: np.ndarray, dtype: str
    ) -> int:
        """Keeps the rows that are not there yet.

        Args:
            name: str. What the features were computed with.
            digests: one sum of 16 bytes an input row.
            rows: array `(len(digests), ...)`.
            dtype: str. What they were computed in.

        Returns:
            How many rows were added.

        Raises:
            OSError: if the folder cannot be written; nothing is left behind.
        """
        places = {digest: place for place, digest in enumerate(digests)}
        new = [d for d in places if self._locate(name, d) is None]
        if not new:
            return 0
        part = self.folder / name / uuid.uuid4().hex
        aside = part.with_name(f".aside-{part.name}")
        try:
            os.makedirs(aside)
            taken = rows[[places[digest] for digest in new]]
            # `.npy` knows no bfloat16: its bytes, and its name beside them.
            raw = taken.view(f"u{taken.dtype.itemsize}")
            np.save(aside / "rows.npy", raw)
            sums = np.frombuffer(b"".join(new), "u1").reshape(len(new), -1)
            np.save(aside / "digests.npy", sums)
            kept = json.dumps({"kept": str(rows.dtype), "computed": dtype})
            (aside / "dtype.json").write_text(kept, encoding="utf-8")
            os.rename(aside, part)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        self._parts[name].append(_Part(part))
        return len(new)

    def _locate(self, name, digest):
        if name not in self._parts:
            self._parts[name] = _read_parts(self.folder / name)
        for part in self._parts[name]:
            if digest in part.numbers:
                return part, part.numbers[digest]
        return None


class _Part:
    """What one `keep` added, read from the disk as it is asked for."""

    def __init__(self, path):
        about = json.loads((path / "dtype.json").read_text(encoding="utf-8"))
        self.dtype = about["computed"]
        raw = np.load(path / "rows.npy", mmap_mode="r")
        self.rows = raw.view(np.dtype(about["kept"]))
        sums = np.load(path / "digests.npy")
        if len(sums) != len(self.rows):
            raise ValueError("as many sums as rows")
        self.numbers = {row.tobytes(): i for i, row in enumerate(sums)}


def _read_parts(folder):
    parts = []
    for path in sorted(folder.glob("[!.]*")):
        try:
            parts.append(_Part(path))
        except (OSError, ValueError, KeyError):  # damaged: computed again
            continue
    return parts
