"""How is a folder of versions changed, so that nobody sees half of it?

    FOLDER/3             a version, whole since it has this name
    FOLDER/.withdrawn-4  a version that was taken back
    FOLDER/.aside-...    what is being written or removed
    FOLDER/model.keras   a copy out of the newest version

Servers take names that are whole numbers for versions, and no others.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from aet_keras.errors import ExportError

COPIES = (
    "model.keras",
    "recipe.json",
    "report.json",
    "report.png",
    "top_losses.png",
)
_WITHDRAWN = ".withdrawn-"


@contextlib.contextmanager
def explained(refusal: str, folder: Path) -> Iterator[None]:
    """Turns what the system refuses into an `ExportError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if os.path.lexists(folder) and not os.path.isdir(folder):
            reason = "It is no folder"
        raise ExportError(
            f"{refusal}. {reason}. Choose another folder, or make room."
        ) from error


@contextlib.contextmanager
def lend_aside(folder: Path) -> Iterator[Path]:
    """Lends a directory, and removes all it made that is of no use."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    aside = _name_aside(folder)
    try:
        # Not `mkdtemp`: a server under another account could not read 0700.
        os.makedirs(aside)
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        for path in missing:
            with contextlib.suppress(OSError):  # somebody uses it by now
                path.rmdir()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lets one process, and one thread in it, give and take numbers.

    The lock is on the folder itself: it leaves no file, and goes with the
    process that holds it. Where a system has no such locks two publishers
    still cannot get one number, by `claim`; what they could do there is use
    one again that was withdrawn in that moment.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def versions(folder: Path) -> dict[int, Path]:
    """Returns the versions that a server sees, by their numbers."""
    return _numbered(folder, "")


def withdrawn(folder: Path) -> dict[int, Path]:
    """Returns the versions that were taken back, by their numbers."""
    return _numbered(folder, _WITHDRAWN)


def claim(aside: Path, folder: Path) -> Path:
    """Renames a directory to the next number that was never used.

    POSIX renames a directory onto another only where that one is empty. No
    version is, so that of two publishers one is refused and tries the next.
    """
    number = max([0, *versions(folder), *withdrawn(folder)]) + 1
    while True:
        version = folder / str(number)
        try:
            if not os.path.lexists(version):  # a file, or an empty directory
                os.rename(aside, version)
                return version
        except OSError:
            if not os.path.lexists(version):
                raise
        number += 1


def withdraw(version: Path) -> Path:
    """Takes a version out of sight and keeps its number taken."""
    target = version.with_name(f"{_WITHDRAWN}{version.name}")
    os.rename(version, target)
    return target


def set_old_aside(folder: Path, *, keep: int) -> dict[int, Path]:
    """Takes all but the newest versions out of sight, to be removed.

    What was withdrawn goes too, but not the highest number of all: it is
    what says that the number was used.
    """
    seen = versions(folder)
    doomed = {number: seen[number] for number in sorted(seen)[:-keep]}
    newest = max(seen, default=0)
    for number, path in withdrawn(folder).items():
        if number < newest:
            doomed[number] = path
    moved = {}
    for number in sorted(doomed):
        with contextlib.suppress(FileNotFoundError):  # where no lock holds
            aside = _name_aside(folder)
            os.rename(doomed[number], aside)
            moved[number] = aside
    return moved


def show_newest(folder: Path, copies: Sequence[str]) -> None:
    """Copies the newest version's files, again if another came meanwhile.

    Who writes last looks last: an older version's file cannot stay.
    """
    shown = None
    while shown != max(seen := versions(folder), default=None):
        shown = max(seen)
        # The version may be withdrawn or removed while it is copied.
        with contextlib.suppress(FileNotFoundError):
            for name in copies:
                _show(seen[shown] / name, folder / name)


def flush_tree(directory: Path) -> None:
    """Sees that all of a directory is on the disk."""
    for path, _, names in os.walk(directory):
        for name in names:
            flush(Path(path, name))
        flush(Path(path))


def flush(path: Path) -> None:
    """Sees that a file, or the names in a directory, are on the disk."""
    if os.name != "posix":  # elsewhere only a writer can flush
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # some file systems cannot flush a directory
            raise
    finally:
        os.close(descriptor)


def _name_aside(folder):
    return folder / f".aside-{uuid.uuid4().hex}"


def _numbered(folder, prefix):
    named = {
        int(digits): path
        for path in folder.iterdir()
        if path.name.startswith(prefix)
        and (digits := path.name.removeprefix(prefix)).isascii()
        and digits.isdigit()
        and path.is_dir()
    }
    return {number: path for number, path in named.items() if number > 0}


def _show(source, target):
    if not source.is_file():
        target.unlink(missing_ok=True)
        return
    aside = _name_aside(target.parent)
    try:
        shutil.copyfile(source, aside)
        flush(aside)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
