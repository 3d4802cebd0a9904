"""Is a table the same in whatever blocks, and wherever, its cells are kept?"""

import csv
import errno
import gzip
import io
import tempfile

import csv_dialects
import numpy as np
import pandas
import pytest

from aet_keras import data
from aet_keras.data import (
    number_cells,
    number_columns,
    table_cells,
    table_file_types,
    table_rows,
    table_store,
    text_blocks,
)
from aet_keras.data import table_column_kinds as kinds
from aet_keras.data.specifications import CellFormat
from aet_keras.errors import DataError


def noise(seed):
    """Returns a text of odd cells, as Python's writer quotes them."""
    random = np.random.default_rng(seed)
    signs = ['"', ",", "\r\n", "\n", "\r", "ä", "€", "𝄞", "1,5", "", "x", "'"]
    cells = random.choice(signs, (40, 3, 4))
    written = io.StringIO(newline="")
    ends = ["\r\n", "\n", "\r"][seed % 3]
    writer = csv.writer(written, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(["".join(cell) + "." for cell in row] for row in cells)
    return written.getvalue()


FILES = {
    **{name: raw for name, (raw, _) in csv_dialects.CASES.items()},
    **{f"noise {seed}": noise(seed).encode() for seed in range(6)},
    "a mark": b"\xef\xbb\xbf" + noise(0).encode(),
    "UTF-16": noise(1).encode("utf-16"),
    "ragged, then a quote": b'a,b\n1,2\n1,2,3\n"x"y,4\n',
    "a quote, late": b"a,b\n" + b"1,2\n" * 9 + b'"x"y,4\n',
    "numbers of rows": b"a,b\n" + b"".join(b"%d,x,y\n" % i for i in range(9)),
    "an empty column": b"a,b,c\n" + b"1,,2\n" * 9,
    "a long comment": b"# " + b"so " * 99 + b"\r\n#\r\na,b\r\n1,2\r\n",
    "blank lines first": b"\r\n\n  \n" + b"a,b\n1,2\n" * 2,
    "late single quotes": b"a,b\n" + b"'x, y',1\n" * 5 + b",2\n",
    "half in single quotes": b"a,b\n" + b"'x',1\n" * 5 + b"x,2\n",
    "zero bytes": b"a,b\n1,\0\n",
    "cut inside a sign": "a,b\n1,ä".encode()[:-1],
    "no line end": b"a,b\n1,2",
}


def said_of(path):
    """Returns the cells, notes and signs of a file, or its error."""
    try:
        frame = data.read_csv("credit", path)
    except DataError as error:
        return str(error)
    return frame.fillna("").to_dict("list"), frame.attrs


@pytest.fixture
def tiny(monkeypatch):
    """Makes blocks of some bytes and two rows, and puts cells on the disk."""

    def make():
        monkeypatch.setattr(text_blocks, "_BLOCK", 7)
        monkeypatch.setattr(text_blocks, "_HEAD", 3)
        monkeypatch.setattr(table_rows, "_LEAST_ROWS", 2)
        monkeypatch.setattr(table_rows, "_MOST_CELLS", 1)
        monkeypatch.setattr(table_file_types, "_BLOCK_ROWS", 2)
        monkeypatch.setattr(table_store, "_SHARE", 0.0)

    return make


def test_small_blocks_on_the_disk_change_nothing(tmp_path, tiny):
    paths = {name: tmp_path / f"{n}.csv" for n, name in enumerate(FILES)}
    for name, path in paths.items():
        path.write_bytes(FILES[name])
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(FILES["noise 0"]))
    cut = tmp_path / "b.csv.gz"
    cut.write_bytes(packed.read_bytes()[:-9])
    every = [*paths.values(), packed, cut]
    once = [said_of(path) for path in every]
    tiny()

    for path, expected in zip(every, once, strict=True):
        assert said_of(path) == expected, path


@pytest.mark.parametrize("seed", range(6))
def test_cells_are_those_of_the_csv_module(tmp_path, tiny, seed):
    path = tmp_path / "a.csv"
    path.write_bytes(noise(seed).encode())
    rows = [*csv.reader(io.StringIO(noise(seed), newline=""))]
    tiny()

    frame = data.read_csv("credit", path).fillna("")

    assert frame.values.tolist() == [[c.strip() for c in r] for r in rows[1:]]


def test_a_parquet_file_in_blocks_is_the_same(tmp_path, tiny):
    frame = pandas.DataFrame(
        {
            "a": [" x\u2003", "", "y"],
            "b": [1, 2, 3],
            "c": [True, False, True],
            "d": [0.1, None, 1e30],
            "e": pandas.Categorical(["u", None, "v"]),
            "f.g": np.array(
                ["2024-01-01", "NaT", "2024-01-02T03:04"], "datetime64[ns]"
            ),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    frame.drop(columns="f.g").to_parquet(tmp_path / "b.parquet")
    once = [said_of(tmp_path / f"{name}.parquet") for name in "ab"]
    tiny()

    assert [said_of(tmp_path / f"{name}.parquet") for name in "ab"] == once
    assert once[0][0] == {
        "a": ["x", "", "y"],
        "b": ["1", "2", "3"],
        "c": ["true", "false", "true"],
        "d": ["0.1", "", "1e+30"],
        "e": ["u", "", "v"],
        "f.g": ["2024-01-01", "", "2024-01-02 03:04:00"],
    }


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, tiny, monkeypatch):
    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.csv"
    path.write_bytes(FILES["noise 0"])
    tiny()
    made = Full()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: made)

    with pytest.raises(DataError, match="No space left.*set `TMPDIR`"):
        data.read_csv("credit", path)
    assert made.closed


def test_a_disk_that_stays_full_to_the_end_is_said(tmp_path, tiny, monkeypatch):
    class Full(io.BytesIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):  # as a file does that still holds what it wrote
            super().close()
            self.flush()

    path = tmp_path / "a.csv"
    path.write_bytes(FILES["no line end"])
    tiny()
    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(DataError, match="No space left.*set `TMPDIR`"):
        data.read_csv("credit", path)
    monkeypatch.undo()

    tiny()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(DataError, match="gone, No such file.*set `TMPDIR`"):
        data.read_csv("credit", path)


@pytest.mark.parametrize(
    "later", [b"a,b\n1,\xff\n", None], ids=["other", "gone"]
)
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, later):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n")
    blocks, _ = text_blocks.open_text("credit", path, "auto")

    path.unlink()
    if later:
        path.write_bytes(later)

    with pytest.raises(DataError, match="must stay as it is.*Read a copy"):
        [*blocks.lines()]


COLUMNS = {
    "decimals": ["1.5", "-2", "+.5e1", "1e9", "0.1234567890123456789"],
    "gaps": ["1.25", "", "NA", "?", "7"],
    "thousands or decimals": ["1.234", "2.345", "3.456"],
    "thousands": ["1,234.5", "2.5", "3"],
    "overflow": ["1e999", "1.5", "2"],
    "huge": ["1e39", "1.5", "-1e39"],
    "a word": ["1.5", "2.5", "word"],
    "one value": ["1.5", "1.5", "1.5"],
    "one value, two texts": ["1.5", "1.50", "1.5"],
    "whole": ["1.0", "2.0", "3"],
    "a sentinel": ["1.5", "-999", "-999.0", "2.5"],
    "parentheses": ["1.5", "(2.5)", "3"],
    "others": ["１.5", "1.5\u0660", "1_0.5", "2.5", "3.25"],
    "nothing": ["", "", ""],
    "a point": [".", "1.5", "2.5"],
}


@pytest.mark.parametrize("title", COLUMNS)
@pytest.mark.parametrize("words", [(), ("-999",)])
def test_numbers_read_at_once_are_those_read_one_by_one(title, words):
    base = CellFormat(missing=(*CellFormat().missing, *words))
    cells = pandas.Series(COLUMNS[title] * 20, dtype="str")
    markers = table_cells.MARKERS | set(words)
    each = cells.astype(object)

    for decimal in (None, ".", ","):
        meant = kinds.find_meaning(
            "x",
            table_cells.words_of(each, base),
            base=base,
            markers=markers,
            decimal=decimal,
        )
        plain = kinds.plain_measure(cells, base, markers, decimal)
        assert plain is None or plain == meant
        if title in ("decimals", "gaps", "huge") and decimal != ",":
            assert plain is not None
    np.testing.assert_array_equal(
        number_columns.to_numbers(cells, meant.format),
        number_columns.to_numbers(each, meant.format),
    )
    plain = number_columns.to_numbers(cells, base)
    expected = [number_cells.read_number(text, base) for text in each]
    with np.errstate(over="ignore"):
        expected = np.array(expected).astype("float32")
    is_gone = np.isin(expected, number_cells.missing_numbers(base))
    expected[is_gone | np.isinf(expected)] = np.nan
    np.testing.assert_array_equal(plain, expected)
