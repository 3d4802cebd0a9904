"""Changes a folder of versions so that nobody sees half of a change.

    FOLDER/3             a version, whole since it has this name
    FOLDER/.withdrawn-4  a version that was taken back
    FOLDER/.aside-...    what is being written or removed
    FOLDER/model.keras   a copy out of the newest version

A version is a directory with a whole number for a name, without zeros in
front, that has `saved_model.pb`. That file proves it: servers load no other.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from aet_keras._files import lend_aside, name_aside, replace
from aet_keras.errors import ExportError

MODEL_FILE = "saved_model.pb"  # proves a version
COPIES = (
    "card.html",
    "card.md",
    "model.keras",
    "recipe.json",
    "report.json",
    "report.png",
    "top_losses.png",
)
_PREFIX = ".withdrawn-"


@contextlib.contextmanager
def explained(refusal: str, folder: Path) -> Iterator[None]:
    """Turns an error of the system into an `ExportError`."""
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
def lend_new(folder: Path) -> Iterator[Path]:
    """Lends a directory in a folder, which is made and stays only if used."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with lend_aside(folder) as aside:
            yield aside
    finally:
        for path in missing:
            with contextlib.suppress(OSError):  # another process uses it by now
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


def is_version(path: Path) -> bool:
    """Says whether a directory holds a SavedModel."""
    return (path / MODEL_FILE).is_file()


def versions(folder: Path) -> dict[int, Path]:
    """Returns the versions that a server sees, by their numbers."""
    try:
        named = _numbered(folder, "")
    except OSError:
        return {}
    return {n: path for n, path in sorted(named.items()) if is_version(path)}


def claim(aside: Path, folder: Path) -> Path:
    """Renames a directory to the next number that was never used.

    POSIX renames a directory onto another only where that one is empty. No
    version is, so that of two publishers one is refused and tries the next.
    """
    number = max([0, *_numbered(folder, ""), *withdrawn(folder)]) + 1
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
    target = version.with_name(f"{_PREFIX}{version.name}")
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
            aside = name_aside(folder)
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


def withdrawn(folder: Path) -> dict[int, Path]:
    """Returns the versions that were taken back, by their numbers."""
    return _numbered(folder, _PREFIX)


def _numbered(folder, prefix):
    pattern = re.compile(re.escape(prefix) + "([1-9][0-9]*)")
    named = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return {
        int(found[1]): path for found, path in named if found and path.is_dir()
    }


def _show(source, target):
    if not source.is_file():
        target.unlink(missing_ok=True)
        return
    with source.open("rb") as content:
        replace(target, lambda file: shutil.copyfileobj(content, file))
