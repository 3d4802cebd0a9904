"""Keeps the cells of a table column by column: in memory, or on the disk."""

import contextlib
import mmap
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from aet_keras import _memory
from aet_keras._optional import optional
from aet_keras.errors import DataError

# Of the free memory: cells that take more are written to a temporary file,
# whose pages the system may take back.
_SHARE = 0.25
_MOST_REPEATED = 0.25  # of the cells of a block; they are kept once each


def memory_to_take() -> int:
    """Returns the bytes of cells that are kept in memory."""
    return int(_SHARE * _memory.free_memory())


class MemoryBudget:
    """Counts the bytes that the cells of one table may still take in memory.

    Args:
        limit_bytes: optional int. Defaults to `memory_to_take`.
    """

    def __init__(self, limit_bytes: int | None = None):
        if limit_bytes is None:
            limit_bytes = memory_to_take()
        self.left_bytes = limit_bytes


class CellStore:
    """Takes blocks of rows, and hands back columns.

    Beyond the limit all blocks are in a temporary file without a name, which
    the system removes with the process however that ends. What is read from
    it is mapped and never copied.

    Args:
        owner: str. Who asks, for a sentence.
        budget: `MemoryBudget`, which the stores of one table share.
    """

    def __init__(self, owner: str, budget: MemoryBudget):
        self._owner, self._budget = owner, budget
        self._blocks: list[list[Any]] = []
        self._file: IO[bytes] | None = None
        self._writer: Any = None
        self._taken = 0
        self.count = 0

    def add(self, columns: Sequence[Sequence[str]]) -> None:
        """Takes a block: the cells of each column, stripped or not."""
        pyarrow: Any = optional("pyarrow", extra="training")
        kind = pyarrow.large_string()
        self.add_arrays(
            [
                pyarrow.array(
                    [cell.strip() or None for cell in cells],
                    kind,
                    memory_pool=pool(),
                )
                for cells in columns
            ]
        )

    def add_arrays(self, block: Sequence[Any]) -> None:
        """Takes a block of stripped cells as Arrow arrays, empty ones null."""
        self.count += len(block[0]) if block else 0
        if self._writer is None:
            kept = [_compact(cells) for cells in block]
            size = sum(cells.nbytes for cells in kept)
            self._blocks.append(kept)
            self._taken += size
            self._budget.left_bytes -= size
            if self._budget.left_bytes < 0:
                self._to_disk()
            return
        self._write(block)

    def columns(self) -> list["Column"]:
        """Returns the columns; nothing can be added behind."""
        blocks = self._blocks if self._writer is None else self._mapped()
        self._blocks = []
        return [Column(list(chunks)) for chunks in zip(*blocks, strict=True)]

    def drop(self) -> None:
        """Forgets all cells."""
        self._blocks, self._writer = [], None
        self._budget.left_bytes += self._taken
        self._taken = 0
        if self._file is not None:
            # On a full disk what is not written yet cannot be, and is not
            # needed any more.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _to_disk(self):
        pyarrow: Any = optional("pyarrow", extra="training")
        blocks, self._blocks = self._blocks, []
        kind = pyarrow.large_string()
        schema = pyarrow.schema((str(i), kind) for i in range(len(blocks[0])))
        try:
            self._file = tempfile.TemporaryFile()
            self._writer = pyarrow.ipc.new_file(self._file, schema)
        except OSError as error:
            self._refuse(error)
        for place, block in enumerate(blocks):
            self._write(
                [cells.cast(kind, memory_pool=pool()) for cells in block]
            )
            blocks[place] = []
        self._budget.left_bytes += self._taken
        self._taken = 0

    def _write(self, block):
        pyarrow: Any = optional("pyarrow", extra="training")
        names = [str(place) for place in range(len(block))]
        try:
            self._writer.write_batch(
                pyarrow.RecordBatch.from_arrays(list(block), names)
            )
        except OSError as error:
            self._refuse(error)

    def _mapped(self):
        pyarrow: Any = optional("pyarrow", extra="training")
        try:
            self._writer.close()
            self._file.flush()
        except OSError as error:
            self._refuse(error)
        with self._file as file:
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pyarrow.ipc.open_file(pyarrow.py_buffer(pages))
        for place in range(reader.num_record_batches):
            yield reader.get_batch(place).columns

    def _refuse(self, error):
        """Says that a table does not fit on the disk."""
        self.drop()
        folder = tempfile.tempdir or "no folder that can be written"
        raise DataError(
            f"{self._owner}: the cells of a table that take more than a "
            "quarter of the free memory must fit in the temporary folder. "
            f"Received: {folder}, {error.strerror or error}. "
            "Make space there, or set `TMPDIR` to a folder on a larger disk."
        ) from error


def release() -> None:
    """Gives memory back that Arrow has taken and no longer needs."""
    pyarrow: Any = optional("pyarrow", extra="training")
    pyarrow.default_memory_pool().release_unused()


def pool() -> Any:
    """Returns where Arrow takes memory from: what is let go is free at once.

    Its own allocator keeps as much as a column takes, for later ones.
    """
    pyarrow: Any = optional("pyarrow", extra="training")
    return pyarrow.system_memory_pool()


class Column:
    """Holds the cells of a column in chunks.

    Args:
        chunks: list of Arrow arrays of text, or of codes and texts.
    """

    def __init__(self, chunks: list[Any]):
        self._chunks = chunks

    def __len__(self):
        return sum(map(len, self._chunks))

    def text(self) -> Any:
        """Returns one Arrow array of `large_string`, empty cells null."""
        pyarrow: Any = optional("pyarrow", extra="training")
        kind = pyarrow.large_string()
        chunks = [
            cells.cast(kind, memory_pool=pool()) for cells in self._chunks
        ]
        return pyarrow.chunked_array(chunks, kind)

    def cells(self, most: int | None = None) -> Iterator[str]:
        """Yields the cells, empty ones as `""`."""
        left = len(self) if most is None else most
        for chunk in self._chunks:
            for cell in chunk.slice(0, left).to_pylist():
                yield cell or ""
            left -= len(chunk)
            if left <= 0:
                return

    def counts_from(self, first: int) -> bool:
        """Says whether the cells are whole numbers in a row."""
        pairs = enumerate(self.cells(), first)
        return all(cell == str(number) for number, cell in pairs)

    def is_empty(self) -> bool:
        """Says whether no cell holds anything."""
        return all(chunk.null_count == len(chunk) for chunk in self._chunks)


def _compact(cells):
    """Returns cells as codes of texts if most of these are met again."""
    pyarrow: Any = optional("pyarrow", extra="training")
    compute: Any = optional("pyarrow.compute", extra="training")
    coded = compute.dictionary_encode(cells, memory_pool=pool())
    count = len(coded.dictionary)
    if count > _MOST_REPEATED * len(cells):
        # Offsets of half the size; a text of 2 GB needs the larger ones.
        small = cells.nbytes < 2**31 - 1
        return (
            cells.cast(pyarrow.string(), memory_pool=pool()) if small else cells
        )
    width = "int8" if count < 2**7 else "int16" if count < 2**15 else "int32"
    return pyarrow.DictionaryArray.from_arrays(
        coded.indices.cast(width, memory_pool=pool()), coded.dictionary
    )


def as_series(text: Any, *, is_empty_missing: bool) -> Any:
    """Returns an Arrow array of text as a `pandas.Series` of str.

    Args:
        text: chunked array of `large_string`, empty cells null.
        is_empty_missing: bool. Whether an empty cell is NaN, else `""`.
    """
    pandas: Any = optional("pandas", extra="training")
    # pandas 3 has a type of its own for text, where 2 has objects.
    kind = pandas.Series(["a"]).dtype
    missing = float("nan") if is_empty_missing else ""
    if getattr(kind, "storage", "") != "pyarrow":
        cells = [missing if each is None else each for each in text.to_pylist()]
        return pandas.Series(cells, dtype=kind)
    if not is_empty_missing:
        text = _without_nulls(text)
    return pandas.Series(kind.__from_arrow__(text))


def as_text(cells: Any) -> Any | None:
    """Returns the Arrow array of a `pandas.Series` that is one, else None."""
    if getattr(cells.dtype, "storage", "") != "pyarrow":
        return None
    pyarrow: Any = optional("pyarrow", extra="training")
    text = pyarrow.array(cells)
    whole = isinstance(text, pyarrow.ChunkedArray)
    return text if whole else pyarrow.chunked_array([text])


def _without_nulls(text):
    """Returns texts with `""` for null; these take no bytes, which is proved.

    The bytes stay where they are: `fill_null` would copy a mapped file.
    """
    pyarrow: Any = optional("pyarrow", extra="training")
    chunks = []
    for chunk in text.chunks:
        if chunk.null_count:
            ends = np.frombuffer(
                chunk.buffers()[1], "int64", len(chunk) + 1, 8 * chunk.offset
            )
            is_null = chunk.is_null().to_numpy(zero_copy_only=False)
            if np.diff(ends)[is_null].any():
                chunk = chunk.fill_null("")
            else:
                chunk = pyarrow.LargeStringArray.from_buffers(
                    len(chunk), *chunk.buffers()[1:], offset=chunk.offset
                )
        chunks.append(chunk)
    return pyarrow.chunked_array(chunks, pyarrow.large_string())


class Columns:
    """Holds the columns of a table; one becomes a `pandas.Series` when asked.

    Its length, titles and cells are asked for as those of a DataFrame.

    Args:
        columns: dict of title to `Column`.
        attrs: dict, as that of the frame of `read_csv`.
        rows: optional bool array. The rows that are meant.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        attrs: Mapping[str, Any],
        rows: np.ndarray | None = None,
    ):
        self._columns, self._rows = dict(columns), rows
        self.attrs = dict(attrs)

    def __getitem__(self, title: str) -> Any:
        return self._series(title, is_empty_missing=False)

    def __contains__(self, title: object) -> bool:
        return title in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        if self._rows is not None:
            return int(self._rows.sum())
        return max(map(len, self._columns.values()), default=0)

    @property
    def columns(self) -> list[str]:
        """Returns the titles."""
        return list(self._columns)

    def frame(self) -> Any:
        """Returns a `pandas.DataFrame` of str; an empty cell is NaN."""
        pandas: Any = optional("pandas", extra="training")
        found = {t: self._series(t, is_empty_missing=True) for t in self}
        frame = pandas.DataFrame(found)
        frame.attrs.update(self.attrs)
        return frame

    def drop(self, *, columns: Iterable[str]) -> "Columns":
        """Returns the other columns."""
        gone = set(columns)
        others = {t: c for t, c in self._columns.items() if t not in gone}
        return Columns(others, self.attrs, self._rows)

    def of_rows(self, numbers: Any) -> "Columns":
        """Returns some of all rows.

        Args:
            numbers: ints, ascending, from 0 on.
        """
        count = max(map(len, self._columns.values()), default=0)
        if len(numbers) == count:
            return Columns(self._columns, self.attrs)
        rows = np.zeros(count, bool)
        rows[np.asarray(numbers)] = True
        return Columns(self._columns, self.attrs, rows)

    def _series(self, title, *, is_empty_missing):
        text = self._columns[title].text()
        if self._rows is not None:
            pyarrow: Any = optional("pyarrow", extra="training")
            compute: Any = optional("pyarrow.compute", extra="training")
            text = compute.filter(
                text, pyarrow.array(self._rows), memory_pool=pool()
            )
        return as_series(text, is_empty_missing=is_empty_missing)
