"""Which versions stand in a published folder?"""

import os
from pathlib import Path
from typing import Any

from aet_keras import _regular_file
from aet_keras.errors import ExportError

MODEL_FILE = "saved_model.pb"


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
    ...     aet_keras.serving.newest_version(folder).name
    '10'
    """
    found = list_versions(Path(folder))
    if found:
        return found[max(found)]
    raise ExportError(
        f"newest_version: {os.fspath(folder)} must hold versions `1/`, `2/` "
        f"and so on, each with `{MODEL_FILE}`, because the highest is served. "
        f"Received: {_what_is_there(Path(folder))}. Name the folder that "
        "`aet-keras fit` was given as `--out`."
    )


def list_versions(folder: Path) -> dict[int, Path]:
    """Returns the SavedModels of a folder by their number."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return {}
    named = {
        int(path.name): path
        for path in entries
        if path.name.isascii() and path.name.isdigit()
    }
    # A number with zeros in front is not what a publisher writes.
    return {
        number: path
        for number, path in named.items()
        if number > 0 and path.name == str(number) and has_model(path)
    }


def has_model(path: Path) -> bool:
    """Says whether a directory looks like a SavedModel."""
    return (path / MODEL_FILE).is_file()


def fingerprint(path: Path) -> Any:
    """Returns what changes when a version's files do; None if it is gone.

    A version may go and another come under its number, and a copy that is
    not made aside arrives file by file.
    """
    try:
        stats = [(each, each.stat()) for each in sorted(path.rglob("*"))]
    except OSError:
        return None
    return tuple(
        (str(each), stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for each, stat in stats
    )


def _what_is_there(folder):
    if not folder.is_dir():
        return _regular_file.why_not(folder) or "a file"
    if has_model(folder):
        return "a single version, whose folder is one above"
    return f"a folder of {len(list(folder.iterdir()))} other things"
