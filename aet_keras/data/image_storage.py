"""Keeps image rows in memory, on disk, or nowhere if they are many."""

import math
import shutil
import tempfile

import numpy as np

from aet_keras._memory import free_memory
from aet_keras.errors import DataError

# A quarter of the memory of a small machine (8 GB), where the model, its
# optimizer and its activations need the rest: 78,000 images at 96 px.
MEMORY_LIMIT_BYTES = 2 * 1024**3
# Of the free memory: images that take more are decoded when they are needed.
_SHARE = 0.25


def decoded_bytes(count: int, image_size: tuple[int, int]) -> int:
    """Returns how many bytes some decoded images take."""
    return count * math.prod(image_size) * 3


def is_beyond_memory(count: int, image_size: tuple[int, int]) -> bool:
    """Says whether decoded images take more than a quarter of what is free."""
    return decoded_bytes(count, image_size) > _SHARE * free_memory()


def allocate(
    shape: tuple[int, ...], *, limit_bytes: int | None = None
) -> np.ndarray:
    """Returns uint8 rows to write to, in memory or on disk if they are many.

    On disk they are a temporary file without a name, which the system removes
    with the process however that ends.

    Args:
        shape: tuple of int. Count first.
        limit_bytes: int. The most that is held in memory. Defaults to
            `MEMORY_LIMIT_BYTES`.

    Returns:
        A `np.ndarray`, or beyond the limit a `np.memmap`.

    Raises:
        DataError: if the disk has too little space.
    """
    limit_bytes = MEMORY_LIMIT_BYTES if limit_bytes is None else limit_bytes
    size = math.prod(shape)
    if size <= limit_bytes:
        return np.empty(shape, "uint8")
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    # Writing to a mapped page that does not fit on the disk is a bus error,
    # which kills the process: ask before.
    if size >= free:
        raise DataError(
            f"the images take {size / 1e9:.1f} GB, and the temporary folder "
            f"{folder} has {free / 1e9:.1f} GB left. Ask for a smaller image "
            "size, or set `TMPDIR` to a folder on a larger disk."
        )
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, "uint8", mode="w+", shape=shape)


def arrange(rows: np.ndarray, order: np.ndarray) -> None:
    """Sorts rows in place: row `i` becomes what row `order[i]` was.

    One row at a time, following the cycles of the permutation: a copy would
    need the memory, or the disk, twice.

    Args:
        rows: array. Changed.
        order: int array. A permutation of all row numbers.
    """
    is_placed = np.zeros(len(order), bool)
    for start in np.flatnonzero(order != np.arange(len(order))):
        if is_placed[start]:
            continue
        first = rows[start].copy()
        place = start
        while order[place] != start:
            rows[place] = rows[order[place]]
            is_placed[place] = True
            place = order[place]
        rows[place] = first
        is_placed[place] = True
