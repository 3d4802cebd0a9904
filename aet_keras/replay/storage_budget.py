"""Limits how much is kept in memory and on disk."""

import pathlib
import shutil

from aet_keras._memory import free_memory

# Of what is free, what is taken where the user sets no limit.
_SHARE = 0.5


class StorageBudget:
    """Hands out memory first, then disk.

    Args:
        memory: int >= 0. Bytes of memory.
        folder: optional path. Where files are made; none are if not given.
    """

    def __init__(self, memory: int, folder: pathlib.Path | None = None):
        self._memory = memory
        self.folder = folder
        self._disk = 0
        if folder is not None:
            self._disk = int(_SHARE * shutil.disk_usage(folder).free)

    def take_memory(self, size: int) -> bool:
        """Takes some bytes of memory, if they are there."""
        if size > self._memory:
            return False
        self._memory -= size
        return True

    def take_disk(self, size: int) -> bool:
        """Takes some bytes of the disk, if they are there."""
        if self.folder is None or size > self._disk:
            return False
        self._disk -= size
        return True

    def give_back(self, size: int, *, disk: bool) -> None:
        """Notes that some bytes are free again."""
        if disk:
            self._disk += size
        else:
            self._memory += size


def memory_to_take() -> int:
    """Returns half of the memory that is free, in bytes."""
    return int(_SHARE * free_memory())
