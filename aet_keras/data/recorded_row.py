"""Holds a row that a server was asked, and makes it the bytes of a file.

A file begins with the sum of the rest of it: a file that was cut off or damaged
is noticed. Then comes one line of JSON that a person can read, and then the
bytes of arrays and files.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

_MAGIC = b"aet-keras row 1 "
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

    Example: see `recorded_rows.read_recorded_rows`.

    >>> row = aet_keras.data.recorded_row.RecordedRow(
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


def begins_as_row(file: Path) -> bool:
    """Says whether a file begins as that of a row does."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def as_instance(name: str, value: Any) -> Any:
    """Returns a value as an instance of a predict request has it.

    Bytes are a text, unless the name of the input ends in `_bytes`, as in the
    REST API, or they are no UTF-8.

    Args:
        name: str. The input's.
        value: bytes, number or array.
    """
    if isinstance(value, bytes):
        return value if name.endswith("_bytes") else _text(value)
    if isinstance(value, list):
        return [as_instance(name, each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return as_instance(name, value.tolist())
    return value


def _text(value):
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def as_numbers(value: Any) -> np.ndarray:
    """Returns an output as an array of a type that NumPy has by itself."""
    array = np.asarray(value)
    return array.astype("float32") if array.dtype.kind == "V" else array


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
