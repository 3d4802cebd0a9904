"""What is written down about a version, and with which sums?"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from aet_keras import _regular_file
from aet_keras.errors import ExportError

FILE = "manifest.json"
FORMAT = 1


def write(directory: Path, described: dict[str, Any]) -> None:
    """Writes the manifest: what is said, and the sum of every other file."""
    files = {
        name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for name, path in files_in(directory).items()
    }
    text = json.dumps({**described, "files": files}, indent=1)
    (directory / FILE).write_text(text + "\n", encoding="utf-8")


def seal(directory: Path) -> None:
    """Takes the sums again, of files that were added since, too."""
    if not (directory / FILE).exists():
        write(directory, {"format": FORMAT})
        return
    described = read(directory)
    write(directory, {k: v for k, v in described.items() if k != "files"})


def read(directory: Path) -> dict[str, Any]:
    """Returns a manifest as it stands in its file."""
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


def files_in(directory: Path) -> dict[str, Path]:
    """Returns every file below a directory but its manifest, by its name."""
    paths = (
        Path(parent, name)
        for parent, _, names in os.walk(directory)
        for name in names
    )
    named = {path.relative_to(directory).as_posix(): path for path in paths}
    return {name: named[name] for name in sorted(named) if name != FILE}


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_ours(read):
    """Whether all that is read off a manifest is of the kind it is read as."""
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
    return has_sums and (has_shape or "input" not in read)


def _is_sum(said):
    return (
        isinstance(said, dict)
        and isinstance(said.get("bytes"), int)
        and isinstance(said.get("sha256"), str)
    )
