"""Writes down what a version holds, and checks it byte for byte."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aet_keras import _regular_file
from aet_keras._files import sha256
from aet_keras._renamed import renamed_members
from aet_keras._wording import quoted
from aet_keras.errors import ExportError
from aet_keras.publishing.data_kind import KINDS, find_kind

FILE = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """Holds what a version says about itself in `manifest.json`.

    Args:
        files: dict from the name of each file, `/` between folders, to a dict
            of its `"bytes"` and its `"sha256"`.
        versions: dict from packages to their versions, of the writer.
        image_shape: tuple of ints, height, width and channels; None where
            the version holds no classifier of images.
        class_count: int, or None as above.
        signatures: dict from the name of each signature to a dict of its
            `"method"`, `"inputs"` and `"outputs"`.
        notes: tuple of str. Why a signature is not there.
        kind: `"image"`, `"text"`, `"table"` or `"rating"`; None where no
            model of these is in the version.

    Example: see `read_manifest`.

    >>> manifest = aet_keras.publishing.manifest.Manifest(
    ...     {"a.txt": {"bytes": 0, "sha256": "e3b0c442"}}
    ... )
    >>> list(manifest.files)
    ['a.txt']
    """

    files: Mapping[str, Mapping[str, Any]]
    versions: Mapping[str, str] | None = None
    image_shape: tuple[int, int, int] | None = None
    class_count: int | None = None
    signatures: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    kind: str | None = None

    __getattr__ = renamed_members({"picture_shape": "image_shape"})


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
    >>> def write(aside):
    ...     (aside / "saved_model.pb").write_text("hello")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.publishing.publish(folder, write)
    ...     manifest = aet_keras.publishing.manifest.read_manifest(version)
    >>> manifest.files["saved_model.pb"]["bytes"]
    5
    """
    read = read_content(Path(version))
    shape = read.get("input")
    return Manifest(
        read.get("files", {}),
        versions=read.get("versions", {}),
        image_shape=shape
        and (shape["height"], shape["width"], shape["channels"]),
        class_count=read.get("class_count"),
        signatures=read.get("signatures", {}),
        notes=tuple(read.get("notes", ())),
        kind=find_kind(read),
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
    >>> def write(aside):
    ...     (aside / "saved_model.pb").write_text("hello")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = aet_keras.publishing.publish(folder, write)
    ...     aet_keras.publishing.check_manifest(version).class_count is None
    True
    """
    version = Path(version)
    manifest = read_manifest(version)
    there = _files_in(version)
    wrong = {
        "differ": [
            name
            for name, entry in manifest.files.items()
            if name in there and not _is_same(there[name], entry)
        ],
        "missing": sorted(manifest.files.keys() - there.keys()),
        "added": sorted(there.keys() - manifest.files.keys()),
    }
    differences = [
        f"{what}: {quoted(each)}" for what, each in wrong.items() if each
    ]
    if not differences:
        return manifest
    raise ExportError(
        f"check_manifest: {version} must hold the files that were published, "
        "because a server would run whatever is there. Received: "
        f"{'; '.join(differences)}. Bring them back from a copy, or publish "
        "again and serve that."
    )


def check_file(version: Path, name: str) -> None:
    """Raises an `ExportError` unless a file is one that was published.

    A version without a manifest, of an early release, has no sums.

    Args:
        version: path of a published version.
        name: str. Of the file in it.
    """
    if _regular_file.why_not(version / FILE) == "not there":
        return
    entry = read_manifest(version).files.get(name)
    if entry is not None and _is_same(version / name, entry):
        return
    problem = "whose sum differs" if entry else f"that `{FILE}` does not list"
    raise ExportError(
        f"{version}: `{name}` must be the file that was published, because "
        f"what it holds would be taken for it. Received: one {problem}. "
        "Bring it back from a copy, or train anew."
    )


def write_manifest(directory: Path, described: dict[str, Any]) -> None:
    """Writes the manifest: its content, and the sum of every other file."""
    files = {
        name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for name, path in _files_in(directory).items()
    }
    text = json.dumps({**described, "files": files}, indent=1)
    (directory / FILE).write_text(text + "\n", encoding="utf-8")


def seal(directory: Path) -> None:
    """Takes the sums again, of files that were added since, too."""
    if not (directory / FILE).exists():
        write_manifest(directory, {"format": FORMAT})
        return
    described = read_content(directory)
    write_manifest(
        directory, {k: v for k, v in described.items() if k != "files"}
    )


def read_content(directory: Path) -> dict[str, Any]:
    """Returns a manifest as it is in its file.

    Raises:
        ExportError: if it cannot be read, or is not of our format.
    """
    try:
        path = directory / FILE
        why = _regular_file.why_not(path)
        if why not in ("", "not there"):  # to open a pipe would wait
            raise OSError(f"`{FILE}`, which is {why}")
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExportError(
            f"{directory}: a published version must hold a `{FILE}` that can "
            f"be read, because it says what was published. Received: {reason}. "
            "Name a version that this release of aet-keras published, or the "
            "folder of its versions."
        ) from error
    if not _is_ours(read):
        raise ExportError(
            f"{directory}: `{FILE}` must be of format {FORMAT}, because no "
            "other is known here. Received: another file of that name. "
            "Publish the version again; call a file of your own by another "
            "name."
        )
    return read


def _files_in(directory: Path) -> dict[str, Path]:
    """Returns every file below a directory but its manifest, by its name."""
    paths = (
        Path(parent, name)
        for parent, _, names in os.walk(directory)
        for name in names
    )
    named = {path.relative_to(directory).as_posix(): path for path in paths}
    return {name: named[name] for name in sorted(named) if name != FILE}


def _is_same(path, entry):
    if _regular_file.why_not(path):  # to open a pipe would wait
        return False
    is_as_long = path.stat().st_size == entry["bytes"]
    return is_as_long and sha256(path) == entry["sha256"]


def _is_ours(read):
    """Whether each entry of a manifest has the type it must have."""
    kinds = {
        "class_count": int,
        "files": dict,
        "input": dict,
        "notes": list,
        "signatures": dict,
        "versions": dict,
    }
    if not isinstance(read, dict) or read.get("format") != FORMAT:
        return False
    for key in kinds.keys() & read.keys():
        if not isinstance(read[key], kinds[key]):
            return False
    has_shape = {"height", "width", "channels"} <= read.get("input", {}).keys()
    has_sums = all(map(_is_sum, read.get("files", {}).values()))
    is_known = read.get("kind", KINDS[0]) in KINDS
    return is_known and has_sums and (has_shape or "input" not in read)


def _is_sum(entry):
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
    )
