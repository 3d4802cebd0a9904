"""Are the rows that a server kept read back, and bad ones left out?"""

import shutil

import numpy as np
import pytest

from aet_keras.data import recorded_rows
from aet_keras.data.recorded_row import RecordedRow, decode_row, encode_row
from aet_keras.data.recorded_rows import read_recorded_rows
from aet_keras.errors import DataError

SCORES = {"probabilities": np.array([0.25, 0.75], "float32")}


def row(name="a-0", time=1.0, **inputs):
    return RecordedRow(name, time, 3, inputs, SCORES)


@pytest.fixture
def home(tmp_path):
    """Returns a recording of two days, of two rows each."""
    about = recorded_rows.describe(name="clothes", keeps="inputs")
    (tmp_path / "recording.json").write_text(about)
    for day, times in (("2026-11-28", (4, 3)), ("2026-11-29", (9, 8))):
        for key, time in enumerate(times):
            write(tmp_path / day, key, row(f"r{time}-0", float(time)))
    return tmp_path


def write(day, key, kept):
    day.mkdir(exist_ok=True)
    path = day / f"{key:016x}.row"
    path.write_bytes(encode_row(kept))
    return path


def ids(path, **more):
    return [each.id for each in read_recorded_rows(path, **more)]


def test_a_row_is_the_same_after_a_file():
    images = np.arange(12, dtype="uint8").reshape(2, 2, 3)
    inputs = {"bytes": b"\x00\xff\n", "images": images, "age": 3.5, "vip": True}
    inputs |= {"job": "tailor é", "tags": ["a", b"b"], "none": None}

    kept = decode_row(encode_row(row(**inputs)))

    np.testing.assert_array_equal(kept.inputs["images"], images)
    assert kept.inputs["images"].dtype == "uint8"
    assert {**kept.inputs, "images": 0} == {**inputs, "images": 0}
    assert (kept.id, kept.time, kept.version) == ("a-0", 1.0, 3)
    np.testing.assert_array_equal(
        kept.outputs["probabilities"], SCORES["probabilities"]
    )


def test_a_missing_number_stays_missing_and_missing_inputs_do():
    missing = encode_row(row(age=np.float32("nan")))
    bare = encode_row(RecordedRow("a-0", 1.0, 3, None, SCORES))

    assert np.isnan(decode_row(missing).inputs["age"])
    assert decode_row(bare).inputs is None


def test_rows_come_by_time_of_all_days_or_of_one(home):
    assert ids(home) == ["r3-0", "r4-0", "r8-0", "r9-0"]
    assert ids(home / "2026-11-29") == ["r8-0", "r9-0"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"r3-0", b"r5-0"),
        lambda content: b"",
        lambda content: b"\x89PNG",
    ],
    ids=["last byte cut off", "half-written", "changed", "empty", "no row"],
)
def test_a_damaged_row_is_left_out_and_counted(home, damage):
    path = home / "2026-11-28" / f"{1:016x}.row"
    path.write_bytes(damage(path.read_bytes()))
    said = []

    found = ids(home, say=said.append)

    assert found == ["r4-0", "r8-0", "r9-0"]
    (sentence,) = said
    assert "1 row of 4 could not be read and is left out" in sentence
    assert path.name in sentence


def test_half_written_files_are_no_rows(home):
    (home / "2026-11-28" / ".aside-1").write_bytes(b"aet-keras row 1 ")
    said = []

    assert len(ids(home, say=said.append)) == 4
    assert not said


def test_what_is_recorded_is_known_by_its_description(home, tmp_path):
    other = tmp_path / "photos" / "2026-11-28"
    other.mkdir(parents=True)

    assert recorded_rows.is_recorded(home)
    assert recorded_rows.is_recorded(home / "2026-11-28")
    assert not recorded_rows.is_recorded(home / "photos")
    assert not recorded_rows.is_recorded(other)
    assert not recorded_rows.is_recorded(home / "recording.json")
    with pytest.raises(DataError, match="that `aet-keras serve --record` was"):
        read_recorded_rows(other)


def test_a_copy_of_a_day_is_read_under_any_name(home, tmp_path):
    copy = shutil.copytree(home / "2026-11-28", tmp_path / "copy")
    (copy / f"{0:016x}.row").write_bytes(b"")
    said = []

    assert recorded_rows.is_recorded(copy)
    assert ids(copy, say=said.append) == ["r3-0"]
    assert "1 row of 2" in said[0]


def test_a_day_without_rows_is_empty(home):
    (home / "2026-11-30").mkdir()

    assert recorded_rows.is_recorded(home / "2026-11-30")
    assert ids(home / "2026-11-30") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "{",
            r"\(it holds no JSON object\)\. Start `aet-keras serve --record`",
        ),
        ('{"format": 2}', "Read it with the version of aet-keras that wrote"),
    ],
    ids=["damaged", "later"],
)
def test_a_bad_description_is_one_sentence(home, content, words):
    (home / "recording.json").write_text(content)

    with pytest.raises(DataError, match=words):
        read_recorded_rows(home)
