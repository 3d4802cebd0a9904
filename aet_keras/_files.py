"""Writes files whole or not at all, and values as JSON."""

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from aet_keras._wording import legible

# Lists of plain numbers; a JSON string never holds a raw line break.
_NUMBERS = re.compile(r'\[\n\s*([^\[\]{}"]*?)\n\s*\]')


def write_whole(path: str | os.PathLike, content: bytes) -> Path:
    """Writes a file aside and renames it, so that no reader sees a part.

    It is on the disk before it has its name: after a power cut the file is
    the old one or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, lambda file: file.write(content))
    return path


def replace(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Has `write` fill a file aside, which then takes the place of `path`."""
    aside = name_aside(path.parent)
    try:
        write_flushed(aside, write)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def lend_aside(folder: Path) -> Iterator[Path]:
    """Lends a new directory in a folder, which is removed at the end.

    Who wants to keep it renames it. Not `mkdtemp`: a server under another
    account could not read a directory of mode 0700.
    """
    aside = name_aside(folder)
    try:
        os.makedirs(aside)
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def name_aside(folder: Path) -> Path:
    """Returns a name in a folder that nobody else uses."""
    return folder / f".aside-{uuid.uuid4().hex}"


def write_flushed(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Has `write` fill a new file, and sees that it is on the disk."""
    with open(path, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


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
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        if not path.is_dir():  # some file systems cannot flush a directory
            raise


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(value: Any) -> Any:
    """Returns what JSON can hold; NaN and infinities become `None`."""
    if isinstance(value, dict):
        return {legible(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # an array or a scalar of NumPy
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return legible(value) if isinstance(value, str) else value


def floats_of(kind: type, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the entries of a record, NaN for a float that `plain` wrote.

    Args:
        kind: the dataclass. A field whose type is `float` has no `None`.
        content: what JSON holds of it.
    """
    floats = {f.name for f in dataclasses.fields(kind) if f.type is float}
    return {
        name: math.nan if value is None and name in floats else value
        for name, value in content.items()
    }


def json_bytes(value: Any) -> bytes:
    """Returns JSON that a person can read: a list of numbers on one line."""
    text = json.dumps(
        plain(value), indent=2, ensure_ascii=False, allow_nan=False
    )
    one_line = _NUMBERS.sub(lambda m: f"[{' '.join(m[1].split())}]", text)
    return f"{one_line}\n".encode()
