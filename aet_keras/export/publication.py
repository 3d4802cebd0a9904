"""How does a new version appear whole, and never over an old one?"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aet_keras.errors import ExportError

_COPIES = ("model.keras", "recipe.json", "report.json", "report.png")


def publish(
    folder: str | os.PathLike,
    write: Callable[[Path], Any],
    *,
    copies: Sequence[str] = _COPIES,
) -> Path:
    """Publishes what `write` writes as the next version in a folder.

    `write` fills a directory aside, `folder/.aside-...`, which a server does
    not look at. Then it is flushed to the disk and renamed to `folder/1`, or
    to the integer after the highest there is. Two publishers at once get two
    numbers. Last, the files named in `copies` are copied from the newest
    version to the folder itself; one that this version lacks is removed
    there, so that they never mix.

    Whatever goes wrong before the rename, Ctrl-C included, leaves the folder
    as it was. After it the version is whole and stays, and the next
    publication brings the copies up to date. What a killed process left aside
    is not touched, because nobody can tell that it is dead: remove
    `.aside-*` by hand while nothing is publishing.

    Args:
        folder: str or path-like. Made if missing. Its versions are the
            directories with a positive integer for a name; other names are
            left alone.
        write: takes a `pathlib.Path`, an empty directory, and fills it.
        copies: names of files of the version that the folder shows too.

    Returns:
        `pathlib.Path`, the version.

    Raises:
        ExportError: if the folder cannot be written, or `write` wrote
            nothing. What else `write` raises comes through.

    Example:
    >>> import os
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.export.publish(
    ...         folder, lambda aside: (aside / "report.json").write_text("{}")
    ...     )
    ...     version.name, sorted(os.listdir(folder))
    ('1', ['1', 'report.json'])
    """
    folder = Path(folder)
    refusal = f"publish: nothing was published in {folder}"
    with _explained(refusal, folder), _aside(folder) as aside:
        write(aside)
        if not any(aside.iterdir()):
            raise ExportError(
                f"publish: nothing was written to be published in {folder}. "
                "`write` must fill the directory it is given."
            )
        _flush_tree(aside)
        version = _claim(aside, folder)
    refusal = f"publish: {version} is whole, but its files were not all copied"
    with _explained(refusal, folder):
        _flush(folder)
        _show_newest(folder, copies)
    return version


def check_writable(folder: str | os.PathLike) -> None:
    """Makes sure, before a long run, that a version can be published.

    It tries: permission bits say little to an administrator or about a disk
    mounted for reading. It leaves nothing behind.

    Args:
        folder: str or path-like. It need not exist yet.

    Raises:
        ExportError: if nothing can be written there, with the reason.

    Example:
    >>> import os
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     aet_keras.export.check_writable(f"{folder}/new/clothes")
    ...     os.listdir(folder)
    []
    """
    folder = Path(folder)
    refusal = f"check_writable: nothing can be written in {folder}"
    with _explained(refusal, folder), _aside(folder) as aside:
        (aside / "probe").write_bytes(b"written")


@contextlib.contextmanager
def _explained(refusal: str, folder: Path) -> Iterator[None]:
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
def _aside(folder: Path) -> Iterator[Path]:
    """Lends a directory, and removes all it made that is of no use."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    aside = folder / f".aside-{uuid.uuid4().hex}"
    try:
        # Not `mkdtemp`: a server under another account could not read 0700.
        os.makedirs(aside)
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        for path in missing:
            with contextlib.suppress(OSError):  # somebody uses it by now
                path.rmdir()


def _versions(folder: Path) -> dict[int, Path]:
    named = {
        int(path.name): path
        for path in folder.iterdir()
        if path.name.isascii() and path.name.isdigit() and path.is_dir()
    }
    return {number: path for number, path in named.items() if number > 0}


def _claim(aside: Path, folder: Path) -> Path:
    """Renames to the next free number.

    POSIX renames a directory onto another only where that one is empty. No
    version is, so that of two publishers one is refused and tries the next.
    """
    number = max(_versions(folder), default=0) + 1
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


def _show_newest(folder: Path, copies: Sequence[str]) -> None:
    """Copies the newest version's files, again if one came meanwhile.

    Who writes last looks last: an older version's file cannot stay.
    """
    shown = None
    while shown != max(versions := _versions(folder)):
        shown = max(versions)
        for name in copies:
            _show(versions[shown] / name, folder / name)


def _show(source: Path, target: Path) -> None:
    if not source.is_file():
        target.unlink(missing_ok=True)
        return
    aside = target.with_name(f".aside-{uuid.uuid4().hex}")
    try:
        shutil.copyfile(source, aside)
        _flush(aside)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def _flush_tree(directory: Path) -> None:
    for path, _, names in os.walk(directory):
        for name in names:
            _flush(Path(path, name))
        _flush(Path(path))


def _flush(path: Path) -> None:
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
