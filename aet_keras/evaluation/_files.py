"""How is a file written whole or not at all, and what may JSON hold?"""

import json
import math
import os
import re
import uuid
from pathlib import Path
from typing import Any

import numpy as np

# Lists of plain numbers; a JSON string never holds a raw line break.
_NUMBERS = re.compile(r'\[\n\s*([^\[\]{}"]*?)\n\s*\]')


def write_whole(path: str | os.PathLike, content: bytes) -> Path:
    """Writes a file aside and renames it, so that no reader sees a part.

    It is on the disk before it has its name: after a power cut the file is
    the old one or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".aside-{uuid.uuid4().hex}")
    try:
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def plain(value: Any) -> Any:
    """Returns what JSON can hold; NaN and infinities become `None`."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_bytes(value: Any) -> bytes:
    """Returns JSON that a person can read: a list of numbers on one line."""
    text = json.dumps(
        plain(value), indent=2, ensure_ascii=False, allow_nan=False
    )
    one_line = _NUMBERS.sub(lambda m: f"[{' '.join(m[1].split())}]", text)
    return f"{one_line}\n".encode()
