"""Says whether a file can be read to its end without waiting, and reads it."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe, which may never end",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def why_not(path: str | os.PathLike) -> str:
    """Returns why a path is no regular file, or `""` if it is one.

    The path is looked at, not opened: to open a named pipe waits for whoever
    writes into it.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        is_link = os.path.islink(path)
        return "a link to nothing" if is_link else "not there"
    except ValueError:  # a zero byte, or bytes that are no text
        return "no path"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        return error.strerror or type(error).__name__
    if stat.S_ISREG(mode):
        return ""
    return _KINDS.get(stat.S_IFMT(mode), "no regular file")


def load_model(path: str | os.PathLike) -> Any:
    """Returns the `keras.Model` in a `.keras` file, not compiled.

    Raises:
        OSError: if the path is no regular file. A damaged file surfaces as
            nearly every kind of exception.
    """
    import keras  # late: whoever asks about a path waits for nothing

    if problem := why_not(path):
        raise OSError(f"`{Path(path).name}`, which is {problem}")
    return keras.models.load_model(path, compile=False)


def is_folder(path: str | os.PathLike) -> bool:
    """Says whether a path is a folder; what is no path is none."""
    return why_not(path) == _KINDS[stat.S_IFDIR]


def require(
    must: str, path: str | os.PathLike, *, error: type[Exception]
) -> None:
    """Raises an error unless a path is that of a regular file.

    Args:
        must: str. The sentence until "Received", without its full stop.
        path: path. To open a named pipe, for example, would wait for ever.
        error: exception to raise.
    """
    if problem := why_not(path):
        raise error(
            f"{must}. Received: {path}, which is {problem}. Check the path; "
            f"it is relative to {Path.cwd()}."
        )


def read_text(owner: str, path: str | os.PathLike, what: str) -> str:
    """Returns the text of a small UTF-8 file, such as one of JSON.

    Args:
        owner: str. A sentence starts with it.
        path: str or path.
        what: str. What the file should be, such as `"a recipe"`.

    Raises:
        OSError: if the file is none, or cannot be read.
        ValueError: if it is not UTF-8.
    """
    require(f"{owner}: {what} must be a file", path, error=_NotRegular)
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{owner}: {what} must be a text file in UTF-8. Received: {path}, "
            f"whose byte {error.start} is not valid UTF-8. Write it again."
        ) from error


def read_object(
    owner: str, path: str | os.PathLike, what: str
) -> dict[str, Any]:
    """Returns the JSON object in a small file.

    Raises:
        OSError: if the file is none, or cannot be read.
        ValueError: if it holds no object.
    """
    try:
        content = json.loads(read_text(owner, path, what))
        reason = "" if isinstance(content, dict) else "no object"
    except json.JSONDecodeError as error:
        reason = str(error)
    except RecursionError:
        reason = "lists nested too deep"
    if reason:
        raise ValueError(
            f"{owner}: {what} must be a JSON file of one object. Received: "
            f"{path}, with {reason}. Publish again, or bring it back from a "
            "copy."
        )
    return content


class _NotRegular(OSError, ValueError):
    """Is an `OSError` to those who read, a wrong argument to the command."""
