"""Publishes versions, lists them, takes them back and removes them."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aet_keras import _check, _regular_file
from aet_keras._files import flush, flush_tree
from aet_keras.errors import ExportError
from aet_keras.publishing import version_folder
from aet_keras.publishing.manifest import seal
from aet_keras.publishing.version_folder import COPIES, MODEL_FILE


def publish(
    folder: str | os.PathLike,
    write: Callable[[Path], Any],
    *,
    keep: int | None = None,
    copies: Sequence[str] = COPIES,
) -> Path:
    """Publishes what `write` writes as the next version in a folder.

    `write` fills a directory aside, `folder/.aside-...`, which a server does
    not look at. Then `manifest.json` gets the sum of every file in it, it is
    flushed to the disk and renamed to `folder/1`, or to the integer after the
    highest there ever was. Two publishers at once get two numbers. Last, the
    files named in `copies` are copied from the newest version to the folder
    itself; one that this version lacks is removed there, so that they never
    mix.

    Whatever goes wrong before the rename, Ctrl-C included, leaves the folder
    as it was. After it the version is whole and stays, and the next
    publication brings the copies up to date. What a killed process left aside
    is not touched, because nobody can tell that it is dead: remove
    `.aside-*` by hand while nothing is publishing.

    Args:
        folder: str or path-like. Made if missing. Its versions are the
            directories with a positive integer for a name and a
            `saved_model.pb` in them; what else is there is left alone.
        write: takes a `pathlib.Path`, an empty directory, and fills it.
        keep: optional int >= 1. How many versions stay; older ones are
            removed, as by `prune`. Defaults to all.
        copies: names of files of the version that the folder shows too.

    Returns:
        `pathlib.Path`, the version.

    Raises:
        ExportError: if the folder cannot be written, or `write` wrote no
            `saved_model.pb`. What else `write` raises comes through.

    Example:

    >>> import os
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.publishing.publish(
    ...         folder, lambda aside: (aside / "saved_model.pb").touch()
    ...     )
    ...     version.name, sorted(os.listdir(folder))
    ('1', ['1'])
    """
    if keep is not None:
        _check.positive_int("publish", keep=keep)
    version = _put(Path(folder), write, copies)
    if keep is not None:
        prune(folder, keep=keep)
    return version


class NotNewest(ExportError):
    """Says that a version is not the newest any more."""


def publish_after(version: Path, write: Callable[[Path], Any]) -> Path:
    """Publishes what was made of a version, if that is the newest still.

    Another command may have published, or taken the version back, while this
    one worked. What those did would be lost.

    Args:
        version: path of `folder/N`.
        write: as of `publish`.

    Returns:
        `pathlib.Path`, the next version.

    Raises:
        NotNewest: if it is not; nothing is published.
        ExportError: as of `publish`.

    Example:

    >>> import tempfile
    >>> from aet_keras.publishing.publication import NotNewest, publish_after
    >>> def write(aside):
    ...     (aside / "saved_model.pb").touch()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = aet_keras.publishing.publish(folder, write)
    ...     second = publish_after(first, write)
    ...     try:
    ...         publish_after(first, write)
    ...     except NotNewest as error:
    ...         "2 is the newest" in str(error)
    True
    """

    def check(folder):
        newest = newest_version(folder)
        if newest.name != version.name:
            raise NotNewest(
                f"publish: version {version.name} must be the newest still, "
                "because what another one has learned would be lost. Received: "
                f"{folder}, where {newest.name} is the newest by now. Run the "
                "command again."
            )

    return _put(version.parent, write, COPIES, check)


def _put(folder, write, copies, check=lambda folder: None):
    """Publishes what `write` writes, if `check` does not raise."""
    refusal = f"publish: nothing was published in {folder}"
    with (
        version_folder.explained(refusal, folder),
        version_folder.lend_new(folder) as aside,
    ):
        write(aside)
        if not version_folder.is_version(aside):
            there = ", ".join(sorted(path.name for path in aside.iterdir()))
            raise ExportError(
                f"publish: `write` must write `{MODEL_FILE}`, because servers "
                f"load no version without it. Received: {there or 'nothing'}. "
                f"Nothing was published in {folder}."
            )
        seal(aside)
        flush_tree(aside)
        with version_folder.alone(folder):
            check(folder)
            version = version_folder.claim(aside, folder)
    refusal = f"publish: {version} is whole, but its files were not all copied"
    with version_folder.explained(refusal, folder):
        flush(folder)
        version_folder.show_newest(folder, copies)
    return version


def list_versions(folder: str | os.PathLike) -> tuple[Path, ...]:
    """Lists the versions that a server sees; it serves the last one.

    Args:
        folder: str or path-like. Where versions were published.

    Returns:
        Tuple of `pathlib.Path`, at least one, by ascending number.

    Raises:
        ExportError: if there is none.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.publishing.publish(
    ...         folder, lambda aside: (aside / "saved_model.pb").touch()
    ...     )
    ...     aet_keras.publishing.list_versions(folder) == (version,)
    True
    """
    found = version_folder.versions(Path(folder))
    if found:
        return tuple(found.values())
    raise ExportError(
        f"{os.fspath(folder)} must hold versions `1/`, `2/` and so on, each "
        f"with `{MODEL_FILE}`, because the highest is served. Received: "
        f"{_what_is_there(Path(folder))}. Name the folder that `aet-keras fit` "
        "was given as `--out`."
    )


def newest_version(folder: str | os.PathLike) -> Path:
    """Returns the version that a server takes: the highest number.

    Args:
        folder: str or path-like. `saved_models/NAME`.

    Returns:
        `pathlib.Path` of `folder/N`.

    Raises:
        ExportError: if the folder holds no version.

    Example:

    >>> import pathlib
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number in (9, 10):
    ...         version = pathlib.Path(folder, str(number))
    ...         version.mkdir()
    ...         _ = (version / "saved_model.pb").write_bytes(b"")
    ...     aet_keras.publishing.newest_version(folder).name
    '10'
    """
    return list_versions(folder)[-1]


def find_version(path: str | os.PathLike) -> Path:
    """Returns the version that a path means: itself, or the newest in it.

    Args:
        path: str or path-like. `saved_models/NAME/N`, or `saved_models/NAME`.

    Raises:
        ExportError: if it is neither.
    """
    path = Path(path)
    return path if version_folder.is_version(path) else newest_version(path)


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
    >>> from aet_keras.publishing.publication import check_writable
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_writable(f"{folder}/new/clothes")
    ...     os.listdir(folder)
    []
    """
    folder = Path(folder)
    refusal = f"check_writable: nothing can be written in {folder}"
    with (
        version_folder.explained(refusal, folder),
        version_folder.lend_new(folder) as aside,
    ):
        (aside / "probe").write_bytes(b"written")


def _what_is_there(folder):
    if not folder.is_dir():
        return _regular_file.why_not(folder) or "a file"
    if version_folder.is_version(folder):
        return "a single version, whose folder is one above"
    return f"a folder of {len(list(folder.iterdir()))} other things"


@dataclass(frozen=True)
class RollBack:
    """Holds the result of `roll_back`.

    Args:
        withdrawn: path of the version that was taken back, under the name it
            has now.
        newest: path of the version that is served now.

    Example: see `roll_back`.

    >>> import pathlib
    >>> aet_keras.publishing.publication.RollBack(
    ...     pathlib.Path(".withdrawn-2"), newest=pathlib.Path("1")
    ... ).newest.name
    '1'
    """

    withdrawn: Path
    newest: Path


def roll_back(
    folder: str | os.PathLike, *, copies: Sequence[str] = COPIES
) -> RollBack:
    """Takes the newest version back, by one rename.

    It becomes `folder/.withdrawn-N`, which a server does not look at, and the
    version before it is the newest; the files that the folder shows follow.
    No later version gets its number: a server that still has it loaded would
    take the new one for the old.

    Args:
        folder: str or path-like. Where versions were published.
        copies: names of files of the newest version that the folder shows
            too.

    Returns:
        A `RollBack`.

    Raises:
        ExportError: if fewer than two versions are there, or the folder
            cannot be written.

    Example:

    >>> import tempfile
    >>> def write(aside):
    ...     (aside / "saved_model.pb").touch()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(2):
    ...         version = aet_keras.publishing.publish(folder, write)
    ...     done = aet_keras.publishing.roll_back(folder)
    ...     later = aet_keras.publishing.publish(folder, write)
    >>> done.withdrawn.name, done.newest.name, later.name
    ('.withdrawn-2', '1', '3')
    """
    folder = Path(folder)
    refusal = f"roll_back: nothing was taken back in {folder}"
    with (
        version_folder.explained(refusal, folder),
        version_folder.alone(folder),
    ):
        seen = version_folder.versions(folder)
        if len(seen) < 2:
            raise ExportError(
                "roll_back: two versions must be there, because one stays to "
                f"be served. Received: {len(seen)} in {folder}. Publish a "
                "better one; it is served instead."
            )
        *_, before, last = sorted(seen)
        withdrawn = version_folder.withdraw(seen[last])
    refusal = f"roll_back: {seen[before]} is newest, but not all was copied"
    with version_folder.explained(refusal, folder):
        flush(folder)
        version_folder.show_newest(folder, copies)
    return RollBack(withdrawn, newest=seen[before])


def prune(folder: str | os.PathLike, *, keep: int) -> tuple[int, ...]:
    """Removes all versions but the newest, and those that were taken back.

    Each leaves the sight of servers by a rename before its files go. A server
    that is loading one then takes a newer one: with `keep=1` that can be the
    version before the newest, in the seconds after a publication.

    Args:
        folder: str or path-like. Where versions were published.
        keep: int >= 1. How many stay.

    Returns:
        Tuple of the numbers that went.

    Raises:
        ExportError: if the folder cannot be read or written.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(3):
    ...         version = aet_keras.publishing.publish(
    ...             folder, lambda aside: (aside / "saved_model.pb").touch()
    ...         )
    ...     aet_keras.publishing.prune(folder, keep=2)
    (1,)
    """
    _check.positive_int("prune", keep=keep)
    folder = Path(folder)
    refusal = f"prune: not all old versions were removed from {folder}"
    with version_folder.explained(refusal, folder):
        with version_folder.alone(folder):
            moved = version_folder.set_old_aside(folder, keep=keep)
        for aside in moved.values():
            shutil.rmtree(aside)
    return tuple(moved)
