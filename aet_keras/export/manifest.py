"""Is a version what was published, byte for byte?"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aet_keras import _regular_file
from aet_keras.errors import ExportError
from aet_keras.export import _manifests

_SHOWN = 3


@dataclass(frozen=True)
class Manifest:
    """Holds what a version says about itself in `manifest.json`.

    Args:
        files: dict from the name of each file, `/` between folders, to a dict
            of its `"bytes"` and its `"sha256"`.
        versions: dict from packages to their versions, of the writer.
        picture_shape: tuple of ints, height, width and channels; None where
            the version holds no classifier of pictures.
        class_count: int, or None as above.
        signatures: dict from the name of each signature to a dict of its
            `"method"`, `"inputs"` and `"outputs"`.
        notes: tuple of str. Why a signature is not there.

    Example: see `read_manifest`.

    >>> manifest = aet_keras.export.Manifest(
    ...     {"a.txt": {"bytes": 0, "sha256": "e3b0c442"}}
    ... )
    >>> list(manifest.files)
    ['a.txt']
    """

    files: Mapping[str, Mapping[str, Any]]
    versions: Mapping[str, str] | None = None
    picture_shape: tuple[int, int, int] | None = None
    class_count: int | None = None
    signatures: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def read_manifest(version: str | os.PathLike) -> Manifest:
    """Reads what a version says about itself; its files are not looked at.

    Args:
        version: path of a published version, `FOLDER/3`.

    Returns:
        A `Manifest`.

    Raises:
        ExportError: if it has none that can be read.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.export.publish(
    ...         folder, lambda aside: (aside / "a.txt").write_text("hello")
    ...     )
    ...     manifest = aet_keras.export.read_manifest(version)
    >>> manifest.files["a.txt"]["bytes"]
    5
    """
    read = _manifests.read(Path(version))
    shape = read.get("input")
    return Manifest(
        read.get("files", {}),
        versions=read.get("versions", {}),
        picture_shape=shape
        and (shape["height"], shape["width"], shape["channels"]),
        class_count=read.get("class_count"),
        signatures=read.get("signatures", {}),
        notes=tuple(read.get("notes", ())),
    )


def check_manifest(version: str | os.PathLike) -> Manifest:
    """Makes sure that a version holds the files that were published.

    Cost: one pass over its bytes.

    Args:
        version: path of a published version, `FOLDER/3`.

    Returns:
        A `Manifest`.

    Raises:
        ExportError: naming the first files that differ, are missing or were
            added; or if it has no manifest that can be read.

    Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.export.publish(
    ...         folder, lambda aside: (aside / "a.txt").write_text("hello")
    ...     )
    ...     aet_keras.export.check_manifest(version).class_count is None
    True
    """
    version = Path(version)
    manifest = read_manifest(version)
    there = _manifests.files_in(version)
    wrong = {
        "differ": [
            name
            for name, said in manifest.files.items()
            if name in there and not _is_same(there[name], said)
        ],
        "missing": sorted(manifest.files.keys() - there.keys()),
        "added": sorted(there.keys() - manifest.files.keys()),
    }
    found = [_listed(what, names) for what, names in wrong.items() if names]
    if not found:
        return manifest
    raise ExportError(
        f"check_manifest: {version} must hold the files that were published, "
        "because a server would run whatever is there. Received: "
        f"{'; '.join(found)}. Bring them back from a copy, or publish again "
        "and serve that."
    )


def _is_same(path, said):
    if _regular_file.why_not(path):  # to open a pipe would wait
        return False
    is_as_long = path.stat().st_size == said["bytes"]
    return is_as_long and _manifests.sha256(path) == said["sha256"]


def _listed(what, names):
    shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{what}: {shown}{f' and {more} more' if more > 0 else ''}"
