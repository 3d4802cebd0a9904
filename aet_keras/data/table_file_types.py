"""Reads Parquet and JSON files as columns of text."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aet_keras import _check as check
from aet_keras._optional import needing, optional
from aet_keras._wording import repeated
from aet_keras.data.table_store import (
    CellStore,
    Column,
    MemoryBudget,
    pool,
    release,
)
from aet_keras.errors import DataError

_WORDS = {True: "true", False: "false", None: ""}
_BLOCK_ROWS = 2**13


def read_parquet(owner: str, path: Path) -> tuple[list[str], list[Column]]:
    """Returns the names of a Parquet file, and its columns as text.

    Columns are read one by one, each in blocks.

    Raises:
        DataError: if it is none, or a column holds no text, numbers or dates.
    """
    with needing("training"):
        import pyarrow
        from pyarrow import parquet

    budget = MemoryBudget()
    try:
        # A file object: a path with `*` or `=` in it would mean several.
        with path.open("rb") as opened:
            file = parquet.ParquetFile(opened)
            names = list(file.schema_arrow.names)
            columns = [
                _stored(owner, path, name, blocks, budget)
                for name, blocks in _blocks(file, names)
            ]
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"{owner}: the file must be a whole Parquet file. Received: {path}"
            f", {check.first_line(error)[:200].rstrip('.')}. Write it again."
        ) from error
    return names, columns


def _blocks(file, names):
    """Yields the name and the blocks of each column."""
    if not repeated(names) and not any("." in name for name in names):
        for name in names:
            batches = file.iter_batches(
                _BLOCK_ROWS, columns=[name], use_threads=False
            )
            yield name, (batch.column(0) for batch in batches)
            release()
        return
    # A point would mean a field inside of a column.
    table = file.read()
    for place, name in enumerate(names):
        yield name, table.column(place).chunks


def _stored(owner, path, name, blocks, budget):
    """Keeps a column as text: its values take more memory in Python."""
    store = CellStore(owner, budget)
    for values in blocks:
        text = _text_as_it_is(values)
        if text is not None:
            store.add_arrays([text])
        else:
            store.add([[*_column(owner, path, name, values)]])
    return (store.columns() or [Column([])])[0]


def _text_as_it_is(values):
    """Returns stripped text if Arrow writes values as Python does."""
    pyarrow: Any = optional("pyarrow", extra="training")
    compute: Any = optional("pyarrow.compute", extra="training")

    types = pyarrow.types
    kind = values.type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if not (
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_boolean(kind)
    ):
        return None
    text = compute.cast(values, pyarrow.large_string(), memory_pool=pool())
    text = compute.utf8_trim_whitespace(text, memory_pool=pool())
    is_empty = compute.equal(text, "")
    return compute.if_else(is_empty, None, text, memory_pool=pool())


def _column(owner, path, name, column) -> Iterator[str]:
    import numpy as np

    pyarrow = optional("pyarrow", extra="training")

    values = column.to_pylist()
    if pyarrow.types.is_float32(column.type):
        # As float64, 0.1 would become 0.10000000149011612.
        values = [None if v is None else np.float32(v).item() for v in values]
        yield from ("" if v is None else _shortest(v) for v in values)
        return
    try:
        yield from map(_as_text, values)
    except TypeError as error:
        raise DataError(
            f"{owner}: a column must hold texts, numbers, dates or true and "
            f"false. Received: {path}, with {column.type} in `{name}`. Write "
            "it as text, or leave it out."
        ) from error


def _shortest(value):
    import numpy as np

    return "" if value != value else str(np.float32(value))


def _as_text(value):
    if value is None or value is True or value is False:
        return _WORDS[value]
    if isinstance(value, float) and value != value:
        return ""
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time() and value.tzinfo is None
        return str(value.date() if is_day else value)
    if isinstance(value, bytes):
        return _utf8(value)
    if isinstance(value, list) and all(
        isinstance(each, str | int | float) for each in value
    ):
        return json.dumps(value, ensure_ascii=False)  # tags, as in JSON lines
    if isinstance(value, list | dict | tuple):
        raise TypeError(type(value).__name__)
    return str(value)


def _utf8(value):
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TypeError("bytes") from error


def read_json(
    owner: str, path: Path, text: str
) -> tuple[list[str], list[Column]]:
    """Returns the names of a JSON file, and its columns as text.

    One object a line, or one list of objects. Numbers stay as they are
    written, lists and objects inside a cell are JSON again, null is empty.

    Raises:
        DataError: if it is neither, naming the line.
    """
    is_list = text.lstrip().startswith("[")
    records = _parsed(owner, path, text, 1) if is_list else []
    if not is_list:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                records.append(_parsed(owner, path, line, number))
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            place = f"record {number}" if is_list else f"row {number}"
            raise _no_records(owner, path, f"{place} is no object")
    names = list(dict.fromkeys(key for record in records for key in record))
    if not names:
        raise _no_records(owner, path, "which holds no row with a value")
    _check_writable(owner, path, names)
    store = CellStore(owner, MemoryBudget())
    for begin in range(0, len(records), _BLOCK_ROWS):
        block = records[begin : begin + _BLOCK_ROWS]
        rows = [[_text_of(record.get(n)) for n in names] for record in block]
        for row in rows:
            _check_writable(owner, path, row)
        store.add([*zip(*rows, strict=True)])
    return names, store.columns()


def _check_writable(owner, path, texts):
    """Refuses half of a sign, which JSON can hold and no file of text."""
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            place = text[max(0, error.start - 10) : error.end + 10]
            problem = f"with half of a sign (a lone surrogate) in {place!r}"
            raise _no_records(owner, path, problem) from error


def _parsed(owner, path, text, line):
    try:
        # Numbers as they are written: 007 is none, 1.50 stays 1.50.
        return json.loads(
            text,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=lambda word: "",
            object_pairs_hook=_once,
        )
    except json.JSONDecodeError as error:
        place = line + error.lineno - 1
        problem = f"line {place} is not JSON: {error.msg}"
        raise _no_records(owner, path, problem) from error
    except (RecursionError, _Twice) as error:
        problem = str(error) if isinstance(error, _Twice) else "nested too deep"
        raise _no_records(owner, path, f"line {line}: {problem}") from error


class _Number(str):
    """Is a number as the file spells it."""


class _Twice(ValueError):
    """Says which name an object has twice."""


def _once(pairs):
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"`{twice}` stands twice in one object")
    return made


def _text_of(value: Any) -> str:
    if isinstance(value, list | dict):
        return _json(value)
    return str(value) if isinstance(value, str) else _WORDS[value]


def _json(value):
    """Returns a list or an object as JSON, its numbers as they were."""
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)}: {_json(v)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, _Number):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _no_records(owner, path, problem):
    return DataError(
        f"{owner}: the file must hold one JSON object a line, or one list of "
        f"objects, a row each. Received: {path}, {problem}. Write it again, as "
        "pandas' `to_json(orient='records', lines=True)` does."
    )
