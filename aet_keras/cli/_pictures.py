"""How does a command read the pictures it was given?"""

import pathlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """Holds what became of one picture.

    Args:
        path: `pathlib.Path`.
        pixels: uint8 array `(height, width, 3)`, or None.
        reason: str. Why there are none.
    """

    path: pathlib.Path
    pixels: Any = None
    reason: str = ""


def read_pictures(
    paths: Iterable[pathlib.Path], image_size: tuple[int, int]
) -> Iterator[Reading]:
    """Reads each picture as training does, bad ones too."""
    from aet_keras.data.decoding import bombs_refused

    with bombs_refused():
        for path in paths:
            yield _read(path, image_size)


def named(bad: list[Reading]) -> str:
    """Returns the first three of some pictures, each with its reason."""
    said = "; ".join(f"{each.path} ({each.reason})" for each in bad[:3])
    return said + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")


def _read(path, image_size):
    from PIL import UnidentifiedImageError

    from aet_keras import _regular_file
    from aet_keras.data.decoding import decode

    reason = _regular_file.why_not(path)
    if reason not in ("", "not there"):  # to open a pipe would wait
        return Reading(path, reason=reason)
    try:
        return Reading(path, decode(path, image_size)[0])
    except UnidentifiedImageError:
        return Reading(path, reason="not a picture")
    except Exception as error:  # as damage is met: see `decode`
        return Reading(
            path, reason=getattr(error, "strerror", None) or str(error)
        )
