"""Tells how much memory is free."""

import os
import pathlib

_LIMITS = (  # of a container: the newer hierarchy, then the older one
    ("memory.max", "memory.current", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "total_inactive_file",
    ),
)


def free_memory(
    root: str | os.PathLike = "/sys/fs/cgroup",
) -> int:
    """Returns the bytes that this process may still take.

    That is what the machine has available, or less if the process runs in a
    container with a limit of its own.

    Args:
        root: path. Where Linux describes the container.

    Example:

    >>> from aet_keras import _memory
    >>> _memory.free_memory() > 0
    True
    """
    return min([_of_machine(), *_of_container(pathlib.Path(root))])


def _of_machine():
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    except OSError:  # no Linux: what caches could give back is not counted
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    sizes = dict(line.split(":", 1) for line in lines)
    return 1024 * int(sizes["MemAvailable"].split()[0])


def _of_container(root):
    for most, used, reclaimable in _LIMITS:
        try:
            limit = int((root / most).read_text())  # "max" is no number
            now = int((root / used).read_text())
            stat = (root / used).with_name("memory.stat").read_text()
            kept = dict(line.split() for line in stat.splitlines())
            yield max(0, limit - now + int(kept[reclaimable]))
        except (OSError, ValueError, KeyError):
            continue
