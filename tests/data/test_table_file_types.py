"""Are Parquet and JSON read as the text that a `.csv` of them would hold?"""

import datetime
import decimal
import gzip
import json

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from aet_keras import data
from aet_keras.errors import DataError


def write_parquet(path, **columns):
    parquet.write_table(pyarrow.table(columns), path)
    return path


def cells(path):
    return data.read_csv("credit", path).fillna("").to_dict("list")


def test_typed_values_of_parquet_become_their_text(tmp_path):
    path = write_parquet(
        tmp_path / "a.parquet",
        whole=[7, None],
        real=[0.5, None],
        single=np.array([0.1, 2], "float32"),
        flag=[True, None],
        day=[datetime.date(2024, 3, 17), None],
        moment=[datetime.datetime(2024, 3, 17, 12, 30), None],
        midnight=[datetime.datetime(2024, 3, 17), None],
        money=[decimal.Decimal("1.50"), None],
        word=["a, b", None],
    )

    assert cells(path) == {
        "whole": ["7", ""],
        "real": ["0.5", ""],
        "single": ["0.1", "2.0"],
        "flag": ["true", ""],
        "day": ["2024-03-17", ""],
        "moment": ["2024-03-17 12:30:00", ""],
        "midnight": ["2024-03-17", ""],
        "money": ["1.50", ""],
        "word": ["a, b", ""],
    }


def test_a_column_of_lists_is_read_as_json_has_it(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", tags=[["a", "b, c"], []])

    frame = data.read_csv("credit", path)

    assert frame["tags"].tolist() == ['["a", "b, c"]', "[]"]


def test_a_column_of_objects_is_refused_by_name(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", tags=[[{"a": 1}], []])

    with pytest.raises(DataError, match="`tags`. Write it as text"):
        data.read_csv("credit", path)


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"age,city\n1,2\n"])
def test_what_is_no_parquet_is_refused(tmp_path, raw):
    (tmp_path / "a.parquet").write_bytes(raw)

    with pytest.raises(DataError, match="a whole Parquet file"):
        data.read_csv("credit", tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"n": 1.50, "w": "a"}\n\n{"n": null, "w": "b\\u00e9"}\n'),
        ("a.json", '[{"n": 1.50, "w": "a"}, {"w": "b\\u00e9"}]'),
        ("a.json", '[\n{"n": 1.50, "w": "a"},\n{"n": NaN, "w": "bé"}\n]\n'),
        ("a.ndjson.gz", '{"n": 1.50, "w": "a"}\r\n{"n": null, "w": "bé"}\r\n'),
    ],
)
def test_objects_become_rows_and_numbers_stay_as_written(tmp_path, name, text):
    raw = text.encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)

    assert cells(path) == {"n": ["1.50", ""], "w": ["a", "bé"]}


def test_what_stands_inside_a_cell_is_json_again(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": [1, {"b": "c"}], "t": true}\n')

    assert cells(path) == {"a": ['[1, {"b": "c"}]'], "t": ["true"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}\n{"a": 2\n', "line 2 is not JSON"),
        ("[1, 2]", "record 1 is no object"),
        ('{"a": 1}\n7\n', "row 2 is no object"),
        ('{"a": 1, "a": 2}\n', "`a` stands twice"),
        ("[" * 100_000, "line 1"),
        ("[]", "which holds no row with a value"),
        ("", "which holds no row with a value"),
        ("[{}, {}]", "which holds no row with a value"),
        ('{"a": "b\\ud800c"}\n', "half of a sign .* in 'b"),
        ('{"a\\udfff": 1}\n', "half of a sign"),
        ('{"a": [{"b": "\\ud800"}]}\n', "half of a sign"),
    ],
    ids="cut list number twice deep none empty bare half name inside".split(),
)
def test_other_json_is_refused_with_its_line(tmp_path, text, said):
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(DataError, match=said):
        data.read_csv("credit", tmp_path / "a.json")


def test_json_lines_train_as_the_same_csv(tmp_path):
    rows = [{"x": i % 7, "y": "no yes".split()[i % 2]} for i in range(60)]
    lines = "\n".join(map(json.dumps, rows))
    (tmp_path / "a.jsonl").write_text(lines)
    text = "x,y\n" + "".join(f"{r['x']},{r['y']}\n" for r in rows)
    (tmp_path / "a.csv").write_text(text)

    one, other = (
        data.read_table(tmp_path / name, target="y").train
        for name in ("a.jsonl", "a.csv")
    )

    np.testing.assert_array_equal(one.inputs["x"], other.inputs["x"])
    np.testing.assert_array_equal(one.labels, other.labels)
