"""Reads the request logs of TensorFlow Serving: TFRecords of `PredictionLog`.

The server gives each record to a collector, which its owner registers, so that
names and folders are the owner's, too. A record holds a request and, as a
rule, its response. It has no id, and a time only where the collector's server
set one.
"""

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from aet_keras import _regular_file
from aet_keras._check import first_line
from aet_keras._optional import optional
from aet_keras.data.recorded_row import RecordedRow, as_instance, as_numbers

_GZIP = b"\x1f\x8b"
_PREFIX = 2**16  # bytes of a file that are looked at
_HEADER = struct.Struct("<QI")  # the length of a record, and its sum
_METADATA = 1  # fields of a `PredictionLog`; those behind are kinds of logs
_LOGS = range(2, 8)
_POLYNOMIAL = 0x82F63B78  # of CRC-32C, reflected


def is_log(path: Path) -> bool:
    """Says whether a file begins as such a log does, or a folder's first."""
    first = next(files_of(path), None)
    return first is not None and _begins_as_log(first)


def files_of(path: Path) -> Iterator[Path]:
    """Yields the files of a folder that may be logs, by name; or the file.

    Hidden and empty files are none, nor marks such as `_SUCCESS`.
    """
    if not _regular_file.is_folder(path):
        yield path
        return
    with os.scandir(path) as entries:
        found = [
            entry.path
            for entry in entries
            if not entry.name.startswith((".", "_")) and entry.is_file()
        ]
    for each in map(Path, sorted(found)):
        if each.stat().st_size:
            yield each


def read_logs(path: Path, problems: list[str]) -> Iterator[RecordedRow]:
    """Yields the rows of predict requests in a file or folder of logs.

    Args:
        path: of a file or folder.
        problems: list of str. What could not be read is added.

    Raises:
        ImportError: if `tensorflow-serving-api` is not installed.
    """
    log_pb2 = optional(
        "tensorflow_serving.apis.prediction_log_pb2", extra="training"
    )
    for file in files_of(path):
        if not _begins_as_log(file):
            problems.append(f"{file} is no log of requests")
            continue
        yield from _read_file(file, log_pb2.PredictionLog, problems)


def _read_file(file, kind, problems):
    written = file.stat().st_mtime
    others = 0
    for number, record in enumerate(_records(file, problems)):
        try:
            log = kind.FromString(record)
            if log.WhichOneof("log_type") != "predict_log":
                others += 1
                continue
            time = float(log.log_metadata.timestamp_secs or written)
            rows = list(_rows(log, f"{file.name}:{number}", time))
        # What is no proto, or no tensor, surfaces as one of several kinds.
        except Exception as error:
            problems.append(f"record {number} of {file}: {first_line(error)}")
            continue
        yield from rows
    if others:
        problems.append(f"{file} has {others} records of other calls")


def _records(file, problems):
    """Yields the records of a file, until one is damaged."""
    import tensorflow as tf  # late: who asks `is_log` waits for nothing

    compression = "GZIP" if _starts_with_gzip(file) else ""
    records = tf.data.TFRecordDataset(os.fspath(file), compression)
    count = 0
    try:
        for record in records.as_numpy_iterator():
            yield record
            count += 1
    except tf.errors.OpError as error:
        problems.append(
            f"{file} is damaged or half-written after {count} records: "
            f"{error.message.splitlines()[0]}"
        )


def _rows(log, name, time):
    """Yields the rows of a request with its response."""
    import tensorflow as tf

    request, response = log.predict_log.request, log.predict_log.response
    inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
    outputs = {k: tf.make_ndarray(v) for k, v in response.outputs.items()}
    counts = {each.shape[:1] for each in (*inputs.values(), *outputs.values())}
    if len(counts) != 1 or () in counts:
        raise ValueError("its tensors differ in their number of rows")
    ((count,),) = counts
    asked, told = request.model_spec, log.log_metadata.model_spec
    specs = (response.model_spec, told, asked)
    version = next((s.version.value for s in specs if s.version.value), 0)
    kept = {k: v for k, v in outputs.items() if v.dtype.kind in "biufV"}
    for row in range(count):
        yield RecordedRow(
            f"{name}-{row}",
            time,
            version,
            {k: as_instance(k, v[row]) for k, v in sorted(inputs.items())},
            {k: as_numbers(v[row]) for k, v in sorted(kept.items())},
        )


def _begins_as_log(path):
    """Says whether a file is a TFRecord whose first record is a log.

    The length of a record has a sum of its own, which other files do not
    begin with by chance. A `tf.train.Example` has no field behind the first.
    """
    try:
        prefix = _prefix(path)
        length, summed = _HEADER.unpack_from(prefix)
    except (OSError, EOFError, struct.error, zlib.error):
        return False
    if summed != _masked_sum(prefix[:8]):
        return False
    return _has_log(prefix[_HEADER.size :][:length])


def _prefix(path):
    if _regular_file.why_not(path):
        return b""
    is_packed = _starts_with_gzip(path)
    with gzip.open(path) if is_packed else open(path, "rb") as file:
        return file.read1(_PREFIX)


def _starts_with_gzip(path):
    with open(path, "rb") as file:
        return file.read(2) == _GZIP


def _masked_sum(content):
    """Returns the sum of bytes as TFRecord writes it, a masked CRC-32C."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _has_log(record):
    """Says whether one of the first fields is a log of a request."""
    at = 0
    while at < len(record):
        field, wire = record[at] >> 3, record[at] & 7
        if wire != 2 or field not in (_METADATA, *_LOGS):
            return False
        if field in _LOGS:
            return True
        length, at = _varint(record, at + 1)
        at += length
    return False


def _varint(content, at):
    value = shift = 0
    while at < len(content) and shift < 64:
        value |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 0x80:
            break
    return value, at
