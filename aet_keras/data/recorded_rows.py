"""Reads the rows that a server was asked and kept.

The folder of `aet-keras serve --record` holds `recording.json`, which says
what is kept, and a folder for each day (UTC) with a file for each kept row. A
file begins with the sum of the rest of it: a file that was cut off or damaged
is noticed. Then comes one line of JSON that a person can read, and then the
bytes of arrays and files. Logs of TensorFlow Serving: `serving_logs`.
"""

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from aet_keras import _regular_file
from aet_keras._check import first_line
from aet_keras._wording import counted, listed
from aet_keras.data import serving_logs
from aet_keras.errors import DataError

FORMAT = 1
DESCRIPTION = "recording.json"
SUFFIX = ".row"

_OWNER = "read_recorded_rows"
_MAGIC = b"aet-keras row 1 "
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBERS = "biuf"  # kinds of arrays that are kept as their bytes


@dataclasses.dataclass(frozen=True, eq=False)
class RecordedRow:
    """Holds one row that a server was asked, and what it answered.

    Args:
        id: str. That of the request, `-`, and the number of the row in it.
            Logs of TensorFlow Serving have no ids of requests: there it is
            the file's name, `:`, and the number of the record.
        time: float. When it was asked, in seconds since 1970 (UTC); that of
            the file, if a log does not say it.
        version: int. The number of the version that answered; 0 if unknown.
        inputs: dict from the name of each input to its value, as an instance
            of a predict request has it: bytes, str, number or array; a
            missing number is NaN, a missing text `""`. None where only
            outputs were kept.
        outputs: dict from `"probabilities"` `(classes,)` to an array, and
            from `"embeddings"` `(width,)` where they were kept. Other models
            than classifiers have the names of their own outputs. Empty where
            a log holds no responses.

    Example: see `read_recorded_rows`.

    >>> row = aet_keras.data.recorded_rows.RecordedRow(
    ...     "a-0", 1.0, 3, {"age": 31.0}, {"probabilities": np.ones(1)}
    ... )
    >>> row.inputs["age"]
    31.0
    """

    id: str
    time: float
    version: int
    inputs: Mapping[str, Any] | None
    outputs: Mapping[str, np.ndarray]


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
        _home_of(path) is not None
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
    >>> from aet_keras.data import recorded_rows
    >>> row = recorded_rows.RecordedRow(
    ...     "a-0", 1.0, 3, {"text": "good"}, {"probabilities": np.ones(2)}
    ... )
    >>> with tempfile.TemporaryDirectory() as home:
    ...     day = pathlib.Path(home, "2026-11-29")
    ...     day.mkdir()
    ...     _ = (day / "00.row").write_bytes(recorded_rows.encode_row(row))
    ...     about = recorded_rows.describe(name="films", keeps="inputs")
    ...     _ = pathlib.Path(home, "recording.json").write_text(about)
    ...     rows = recorded_rows.read_recorded_rows(home, say=print)
    >>> rows[0].id, rows[0].inputs
    ('a-0', {'text': 'good'})
    """
    path = Path(path)
    home = _home_of(path)
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
    rows = [
        RecordedRow(row.id, row.time, row.version, row.inputs, row.outputs)
        for row in serving_logs.read_logs(path, problems)
    ]
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
        raise DataError(
            f"{_OWNER}: `{DESCRIPTION}` must say what the folder holds. "
            f"Received: {os.fspath(home)}, where it cannot be read "
            f"({first_line(error)}). Start `aet-keras serve --record` with "
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


def encode_row(row: RecordedRow) -> bytes:
    """Returns the bytes of a row's file."""
    blobs: list[bytes] = []
    about = {
        "id": row.id,
        "time": row.time,
        "version": row.version,
        "inputs": _all(_packed, row.inputs, blobs),
        "outputs": _all(_packed, row.outputs, blobs),
    }
    line = json.dumps(about, separators=(",", ":")).encode()
    rest = b"".join([line, b"\n", *blobs])
    return b"%b%b\n%b" % (_MAGIC, _sum(rest), rest)


def decode_row(content: bytes) -> RecordedRow:
    """Returns the row that a file holds.

    Raises:
        ValueError: if it is damaged, with the reason.
    """
    head, _, rest = content.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise ValueError("it is no row")
    if head[len(_MAGIC) :] != _sum(rest):
        raise ValueError("its sum is another")
    line, _, blobs = rest.partition(b"\n")
    about = json.loads(line)
    return RecordedRow(
        about["id"],
        about["time"],
        about["version"],
        _all(_unpacked, about["inputs"], blobs),
        _all(_unpacked, about["outputs"], blobs),
    )


def _home_of(path: Path) -> Path | None:
    """Returns the folder with the description, for it or for one day's."""
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
    return any(map(_begins_as_row, path.glob(f"*{SUFFIX}")))


def _begins_as_row(file):
    try:
        with file.open("rb") as opened:
            return opened.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def _read_day(day, found, damaged):
    for file in sorted(day.glob(f"*{SUFFIX}")):
        try:
            found.append(decode_row(file.read_bytes()))
        except FileNotFoundError:  # a server has just deleted it
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            damaged.append(f"{file}, {first_line(error)}")


def _sum(rest):
    return xxhash.xxh3_128_hexdigest(rest).encode()


def _all(do, named, blobs):
    if named is None:
        return None
    return {name: do(value, blobs) for name, value in named.items()}


def _packed(value, blobs):
    """Returns what JSON holds of a value; bytes are put into `blobs`."""
    if isinstance(value, bytes):
        return {"bytes": _put(value, blobs)}
    if isinstance(value, list | tuple):
        return [_packed(each, blobs) for each in value]
    if isinstance(value, np.generic) and not isinstance(value, np.void):
        return value.item()
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind not in _NUMBERS:
        return _packed(value.tolist(), blobs)
    return {
        "dtype": value.dtype.str,
        "shape": list(value.shape),
        "array": _put(value.tobytes(), blobs),
    }


def _put(content, blobs):
    start = sum(map(len, blobs))
    blobs.append(content)
    return [start, len(content)]


def _unpacked(value, blobs):
    if isinstance(value, list):
        return [_unpacked(each, blobs) for each in value]
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return _got(value["bytes"], blobs)
    content = _got(value["array"], blobs)
    array = np.frombuffer(content, np.dtype(value["dtype"])).copy()
    return array.reshape(value["shape"])


def _got(place, blobs):
    start, length = place
    return blobs[start : start + length]
