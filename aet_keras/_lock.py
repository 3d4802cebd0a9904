"""Locks a folder for one writer at a time: a run that saves, a server."""

import contextlib
import os
from collections.abc import Callable, Iterator


class InUse(Exception):
    """Says that another run has a folder."""


class Lock:
    """Sees to it that one run at a time has a folder.

    The system frees it when the process ends, however it ends. One process
    has it once, too: `is_running` says whether the run that has it goes on.

    Args:
        folder: path of a folder that is there.
        is_running: function that says whether the run of this lock goes on.
        who: str. What else in this process may have the folder.

    Raises:
        InUse: if another run has the folder.
        OSError: if the folder cannot be locked at all.
    """

    _held: dict[str, "Lock"] = {}

    def __init__(
        self,
        folder: str | os.PathLike,
        is_running: Callable,
        *,
        who: str = "another `fit`",
    ):
        self._path = os.path.join(os.path.realpath(folder), ".lock")
        self._is_running = is_running
        self._descriptor: int | None = None
        earlier = Lock._held.get(self._path)
        if earlier is not None and earlier._is_running():
            raise InUse(f"{who} of this process saves in it")
        if earlier is not None:  # its `fit` was interrupted
            earlier.release()
        self._descriptor = _locked(self._path)
        Lock._held[self._path] = self

    def release(self) -> None:
        """Lets others have the folder."""
        if self._descriptor is None:
            return
        Lock._held.pop(self._path, None)
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        os.close(self._descriptor)
        self._descriptor = None


@contextlib.contextmanager
def alone(
    folder: str | os.PathLike,
    refusal: Callable[[InUse], Exception],
    *,
    who: str = "another `fit`",
) -> Iterator[None]:
    """Holds the lock of a folder, where the system has locks.

    Args:
        folder: path of a folder that is there.
        refusal: function of an `InUse` that returns what is raised for it.
        who: as of `Lock`.
    """
    try:
        lock = Lock(folder, lambda: True, who=who)
    except InUse as error:
        raise refusal(error) from error
    except OSError:  # some network file systems have none
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _locked(path):
    """Returns a descriptor of a file that this process alone has locked."""
    try:
        import fcntl
    except ImportError as error:  # Windows
        raise OSError("this system has no such locks") from error
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            # Not `flock`: children of a killed process would go on with it.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_the_same(path, descriptor):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                return descriptor
            os.close(descriptor)  # who had it has removed it meanwhile
        except (BlockingIOError, PermissionError) as error:
            owner = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise InUse(f"process {owner or 'unknown'} saves in it") from error
        except BaseException:
            os.close(descriptor)
            raise


def _is_the_same(path, descriptor):
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
