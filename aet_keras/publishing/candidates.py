"""Keeps adapted models beside the versions, until a person accepts one.

    FOLDER/3               a version, which is served
    FOLDER/candidates/1    a candidate, whole since it has this name

A server looks for integers right below FOLDER: it never serves a candidate.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aet_keras import _regular_file
from aet_keras._files import flush, flush_tree
from aet_keras.errors import ExportError
from aet_keras.publishing import version_folder
from aet_keras.publishing.manifest import check_manifest
from aet_keras.publishing.publication import newest_version, publish
from aet_keras.publishing.version_folder import COPIES

FOLDER = "candidates"
RECORD = "adaptation.json"  # from which version, with which rows, and why
_OWNER = "accept_candidate"


def write_candidate(
    folder: str | os.PathLike, write: Callable[[Path], Any]
) -> Path:
    """Writes a candidate whole or not at all, by the rules of `publish`.

    Args:
        folder: str or path-like. `saved_models/NAME`.
        write: takes an empty directory, and fills it; as of `publish`.

    Returns:
        `pathlib.Path`, `folder/candidates/N`.

    Raises:
        ExportError: as of `publish`.

    Example: see `accept_candidate`.
    """
    return publish(Path(folder) / FOLDER, write, copies=())


def list_candidates(folder: str | os.PathLike) -> tuple[Path, ...]:
    """Lists the candidates of a folder, the newest last; there may be none.

    Args:
        folder: str or path-like. `saved_models/NAME`.

    Example: see `accept_candidate`.
    """
    return tuple(version_folder.versions(Path(folder) / FOLDER).values())


def read_record(version: str | os.PathLike) -> dict[str, Any] | None:
    """Reads how a version or candidate was made of another one.

    Args:
        version: path of it.

    Returns:
        dict, what is in its `adaptation.json`; None where it has none.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.

    Example: see `accept_candidate`.
    """
    path = Path(version) / RECORD
    if _regular_file.why_not(path) == "not there":
        return None
    return _regular_file.read_object("read_record", path, "a record")


def accept_candidate(
    path: str | os.PathLike,
    *,
    is_older_taken: bool = False,
    copies: Sequence[str] = COPIES,
) -> Path:
    """Makes a candidate the next version, by one rename.

    Its files are held against the sums in its manifest first, and it is
    flushed to the disk.

    Args:
        path: str or path-like. `saved_models/NAME`, of which the newest
            candidate is taken, or `saved_models/NAME/candidates/N`.
        is_older_taken: bool. Whether to accept a candidate that was made from
            a version which is not the newest any more. Defaults to `False`.
        copies: as of `publish`.

    Returns:
        `pathlib.Path`, the version.

    Raises:
        ExportError: if there is no candidate, its files are not those that
            were written, it is of an older version, or the folder cannot be
            written.

    Example:

    >>> import pathlib
    >>> import tempfile
    >>> from aet_keras.publishing import candidates
    >>> def write(aside):
    ...     (aside / "saved_model.pb").touch()
    ...     _ = (aside / "adaptation.json").write_text('{"from": 1}')
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.publishing.publish(folder, write)
    ...     candidate = candidates.write_candidate(folder, write)
    ...     accepted = candidates.accept_candidate(folder)
    ...     left = candidates.list_candidates(folder)
    >>> candidate.parent.name, accepted.name, left
    ('candidates', '2', ())
    """
    candidate, folder = _found(Path(path))
    check_manifest(candidate)
    flush_tree(candidate)
    refusal = f"{_OWNER}: {candidate} is still a candidate"
    with (
        version_folder.explained(refusal, folder),
        version_folder.alone(folder),
    ):
        if not is_older_taken:
            _check_newest(candidate, folder)
        version = version_folder.claim(candidate, folder)
    refusal = f"{_OWNER}: {version} is whole, but its files were not all copied"
    with version_folder.explained(refusal, folder):
        flush(folder)
        version_folder.show_newest(folder, copies)
    return version


def earlier_records(
    folder: str | os.PathLike,
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields what was adapted from the newest version, or made it.

    The newest version itself, the candidates made from it, and the version
    after it that was taken back; each with its record.

    Args:
        folder: str or path-like. `saved_models/NAME`.

    Example:

    >>> from aet_keras.publishing import candidates
    >>> list(candidates.earlier_records("nowhere"))
    []
    """
    folder = Path(folder)
    newest = max(version_folder.versions(folder).items(), default=None)
    if newest is None:
        return
    number, version = newest
    withdrawn = version_folder.withdrawn(folder)
    others = [*list_candidates(folder), *withdrawn.values()]
    for path in (version, *others):
        record = read_record(path)
        if record is None:
            continue
        if path == version or record.get("from") == number:
            yield path, record


def _found(path):
    """Returns a candidate, and the folder of the versions."""
    is_one = path.parent.name == FOLDER and version_folder.is_version(path)
    if is_one:
        return path, path.parent.parent
    found = list_candidates(path)
    if found:
        return found[-1], path
    raise ExportError(
        f"{_OWNER}: the path must hold a candidate, because it becomes the "
        f"next version. Received: {path}, with no {FOLDER}/N. Name a folder "
        "in which `aet-keras adapt` left one."
    )


def _check_newest(candidate, folder):
    newest = newest_version(folder)
    record = read_record(candidate)
    made_from = None if record is None else record.get("from")
    if str(made_from) == newest.name:
        return
    raise ExportError(
        f"{_OWNER}: the candidate must have been made from the newest "
        "version, because what that one has learned would be lost. Received: "
        f"{candidate}, made from version {made_from}, and {newest.name} is "
        "the newest. Adapt that one, or insist with `--from-older`."
    )
