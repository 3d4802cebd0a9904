"""How does a new version appear whole, and never over an old one?"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aet_keras import _check, _regular_file
from aet_keras.errors import ExportError
from aet_keras.export import _folder, _manifests, removal


def publish(
    folder: str | os.PathLike,
    write: Callable[[Path], Any],
    *,
    keep: int | None = None,
    copies: Sequence[str] = _folder.COPIES,
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
            directories with a positive integer for a name; other names are
            left alone.
        write: takes a `pathlib.Path`, an empty directory, and fills it.
        keep: optional int >= 1. How many versions stay; older ones are
            removed, as by `prune`. Defaults to all.
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
    if keep is not None:
        _check.positive_int("publish", keep=keep)
    folder = Path(folder)
    refusal = f"publish: nothing was published in {folder}"
    with (
        _folder.explained(refusal, folder),
        _folder.lend_aside(folder) as aside,
    ):
        write(aside)
        if not any(aside.iterdir()):
            raise ExportError(
                f"publish: nothing was written to be published in {folder}. "
                "`write` must fill the directory it is given."
            )
        _manifests.seal(aside)
        _folder.flush_tree(aside)
        with _folder.alone(folder):
            version = _folder.claim(aside, folder)
    refusal = f"publish: {version} is whole, but its files were not all copied"
    with _folder.explained(refusal, folder):
        _folder.flush(folder)
        _folder.show_newest(folder, copies)
    if keep is not None:
        removal.prune(folder, keep=keep)
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
    ...     version = aet_keras.export.publish(
    ...         folder, lambda aside: (aside / "report.json").write_text("{}")
    ...     )
    ...     aet_keras.export.list_versions(folder) == (version,)
    True
    """
    folder = Path(folder)
    found = _folder.versions(folder) if folder.is_dir() else {}
    if found:
        return tuple(found[number] for number in sorted(found))
    said = "none" if folder.is_dir() else _regular_file.why_not(folder)
    raise ExportError(
        f"{folder}: a folder of versions must hold at least one, a directory "
        f"with a whole number for a name. Received: {said or 'a file'}. Name "
        "the folder "
        "that `aet-keras fit` was given as `--out`."
    )


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
    with (
        _folder.explained(refusal, folder),
        _folder.lend_aside(folder) as aside,
    ):
        (aside / "probe").write_bytes(b"written")
