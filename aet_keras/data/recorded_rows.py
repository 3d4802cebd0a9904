"""Reads the rows that a server was asked and kept.

The folder of `aet-keras serve --record` holds `recording.json`, which says
what is kept, and a folder for each day (UTC) with a file for each kept row
(`recorded_row`). Logs of TensorFlow Serving: `serving_logs`.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aet_keras import _regular_file
from aet_keras._check import first_line
from aet_keras._wording import counted, listed
from aet_keras.data import serving_logs
from aet_keras.data.recorded_row import RecordedRow, begins_as_row, decode_row
from aet_keras.errors import DataError

FORMAT = 1
DESCRIPTION = "recording.json"
SUFFIX = ".row"

_OWNER = "read_recorded_rows"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def is_recorded(path: str | os.PathLike) -> bool:
    """Says whether a path holds requests that a server kept.

    Args:
        path: str or path-like.

    Returns:
        True for a folder that `aet-keras serve --record` wrote, one day's
        folder of it, and a file or a folder of logs of TensorFlow Serving.

    Example:

    >>> aet_keras.data.recorded_rows.is_recorded("photos")
    False
    """
    path = Path(path)
    return (
        home_of(path) is not None
        or _holds_rows(path)
        or serving_logs.is_log(path)
    )


def read_recorded_rows(
    path: str | os.PathLike,
    *,
    say: Callable[[str], None] = lambda sentence: None,
) -> list[RecordedRow]:
    """Reads the rows that a server kept.

    Rows that are damaged or were written in part are left out, and `say` is
    told how many. Rows that a server deletes meanwhile are left out, too.

    Args:
        path: str or path-like. What `aet-keras serve --record` wrote, one
            day's folder of it, or a file or folder of TensorFlow Serving's
            logs: TFRecords of `PredictionLog`, plain or as gzip. Of these
            predict requests are read; what follows a damaged record in a
            file is left out.
        say: function that is called with a sentence for a person.

    Returns:
        List of `RecordedRow`, by time.

    Raises:
        DataError: if the path holds no such requests, or a later version of
            aet-keras wrote them.
        ImportError: of logs, if `tensorflow-serving-api` is not installed.

    Example:

    >>> import pathlib
    >>> import tempfile
    >>> from aet_keras.data import recorded_row, recorded_rows
    >>> row = recorded_row.RecordedRow(
    ...     "a-0", 1.0, 3, {"text": "good"}, {"probabilities": np.ones(2)}
    ... )
    >>> with tempfile.TemporaryDirectory() as home:
    ...     day = pathlib.Path(home, "2026-11-29")
    ...     day.mkdir()
    ...     _ = (day / "00.row").write_bytes(recorded_row.encode_row(row))
    ...     about = recorded_rows.describe(name="films", keeps="inputs")
    ...     _ = pathlib.Path(home, "recording.json").write_text(about)
    ...     rows = recorded_rows.read_recorded_rows(home, say=print)
    >>> rows[0].id, rows[0].inputs
    ('a-0', {'text': 'good'})
    """
    path = Path(path)
    home = home_of(path)
    if home == path:
        read_description(home)
        found = _read_days(path, days_of(home), say)
    elif home is not None or _holds_rows(path):
        found = _read_days(path, [path], say)
    elif serving_logs.is_log(path):
        found = _read_logs(path, say)
    else:
        raise DataError(
            f"{_OWNER}: the path must hold requests that a server kept. "
            f"Received: {os.fspath(path)}, without `{DESCRIPTION}`, and no "
            "log of TensorFlow Serving. Name the folder that `aet-keras serve "
            "--record` was given, or a TFRecord file of `PredictionLog`."
        )
    return sorted(found, key=lambda row: (row.time, row.id))


def _read_days(path, days, say):
    found: list[RecordedRow] = []
    damaged: list[str] = []
    for day in days:
        _read_day(day, found, damaged)
    if damaged:
        say(
            f"{os.fspath(path)}: {counted(len(damaged), 'row')} of "
            f"{len(found) + len(damaged)} could not be read and "
            f"{'is' if len(damaged) == 1 else 'are'} left out. The first: "
            f"{damaged[0]}."
        )
    return found


def _read_logs(path, say):
    problems: list[str] = []
    rows = list(serving_logs.read_logs(path, problems))
    if problems:
        say(
            f"{os.fspath(path)}: {counted(len(rows), 'row')} could be read, "
            f"not all. Left out: {listed(problems)}."
        )
    return rows


def describe(**about: Any) -> str:
    """Returns the content of `recording.json`."""
    return json.dumps({"format": FORMAT, **about}, indent=2) + "\n"


def read_description(home: str | os.PathLike) -> dict[str, Any]:
    """Reads `recording.json` of a folder of kept requests.

    Raises:
        DataError: if it is damaged, or a later version wrote it.
    """
    try:
        about = _regular_file.read_object(
            _OWNER, Path(home, DESCRIPTION), "a recording's description"
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it holds no JSON object"
        raise DataError(
            f"{_OWNER}: `{DESCRIPTION}` must say what the folder holds. "
            f"Received: {os.fspath(home)}, where it cannot be read "
            f"({why}). Start `aet-keras serve --record` with "
            "another folder."
        ) from error
    if about.get("format") == FORMAT:
        return about
    raise DataError(
        f"{_OWNER}: the folder must be of the format {FORMAT}, because "
        "another cannot be read. Received: "
        f"{os.fspath(home)}, of the format {about.get('format')!r}. Read it "
        "with the version of aet-keras that wrote it."
    )


def days_of(home: Path) -> list[Path]:
    """Returns the folders of days, the oldest first."""
    inside = [each for each in home.iterdir() if _DAY.fullmatch(each.name)]
    return sorted(each for each in inside if each.is_dir())


def home_of(path: str | os.PathLike) -> Path | None:
    """Returns the folder with the description, for it or for one day's."""
    path = Path(path)
    if not _regular_file.is_folder(path):
        return None
    if not _regular_file.why_not(path / DESCRIPTION):
        return path
    above = path.absolute().parent
    is_day = _DAY.fullmatch(path.absolute().name) is not None
    if is_day and not _regular_file.why_not(above / DESCRIPTION):
        return above
    return None


def _holds_rows(path):
    """Says whether a folder has a row itself, as a copy of a day has."""
    if not _regular_file.is_folder(path):
        return False
    return any(map(begins_as_row, path.glob(f"*{SUFFIX}")))


def _read_day(day, found, damaged):
    for file in sorted(day.glob(f"*{SUFFIX}")):
        try:
            found.append(decode_row(file.read_bytes()))
        except FileNotFoundError:  # a server has just deleted it
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            damaged.append(f"{file}, {first_line(error)}")
