"""What did a frozen prefix put out for each row, and where is it kept?"""

import hashlib
import os
import pathlib
import tempfile
from collections.abc import Collection, Sequence

import ml_dtypes
import numpy as np

from aet_keras import _check as check
from aet_keras.backbones._column import Column
from aet_keras.backbones._record import Record
from aet_keras.backbones._room import Room, memory_to_take
from aet_keras.backbones.feature_store import FeatureStore
from aet_keras.errors import CacheFull

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

    >>> cache = aet_keras.backbones.FeatureCache("memory", dtype="float32")
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
            check.one_of(self, place=place, among=_PLACES)

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
        room = self._room()
        spare = range(required, features)
        order = sorted(range(len(examples)), key=lambda i: i in spare)
        columns: list[Column | None] = [None] * len(examples)
        for i in order:
            example, is_feature = examples[i], i < features
            is_rounded = (
                is_feature and i not in exact and example.dtype == np.float32
            )
            dtype = _DTYPES[self.dtype] if is_rounded else example.dtype
            shape = example.shape[1:]
            try:
                columns[i] = Column(
                    room,
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
        """Returns a sum of each row over several arrays of as many rows."""
        rows = [np.ascontiguousarray(array) for array in arrays]
        found = []
        for number in range(len(rows[0])):
            digest = hashlib.blake2b(digest_size=16)
            for array in rows:
                digest.update(_bytes_of(array[number]))
            found.append(digest.digest())
        return found

    def _room(self):
        memory = memory_to_take()
        if self.limit_bytes is not None:
            memory = self.limit_bytes
        if self.place == "memory":
            return Room(memory)
        folder = pathlib.Path(tempfile.gettempdir())
        if self.place not in _PLACES and _is_writable(self.place):
            folder = pathlib.Path(self.place)
        return Room(memory if self.place == "auto" else 0, folder)


def _is_writable(folder):
    """Tries: features of other runs may lie where nothing can be written."""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _bytes_of(row):
    if isinstance(row, np.ndarray | np.generic) and not row.dtype.hasobject:
        return row.tobytes()
    return repr(np.asarray(row).tolist()).encode()  # text: no bytes to share
