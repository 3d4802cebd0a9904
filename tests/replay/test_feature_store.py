import errno
import os
import pathlib
import random
import shutil
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from aet_keras.replay import feature_store
from aet_keras.replay.feature_store import FeatureStore

# Loaded by its path: the package would load Keras in each process.
KEEPER = """
import runpy, sys, types
import numpy as np

bare = sys.modules["aet_keras"] = types.ModuleType("aet_keras")
bare.__path__ = [sys.argv[1].rpartition("/replay/")[0]]
store = runpy.run_path(sys.argv[1])["FeatureStore"]
random = np.random.default_rng(int(sys.argv[3]))
for turn in range(40):
    chosen = random.choice(60, 20, replace=False)
    rows = np.repeat(chosen[:, None], 8, axis=1).astype("float16")
    sums = [bytes([n]) * 16 for n in chosen]
    kept = store(sys.argv[2])
    kept.keep("prefix", sums, rows, "float32")
    found, _ = kept.find("prefix", sums)
    assert np.array_equal(found, rows)
"""


def test_processes_that_keep_and_find_at_once_see_whole_rows(tmp_path):
    path = pathlib.Path(feature_store.__file__)
    command = [sys.executable, "-c", KEEPER, str(path), str(tmp_path)]
    keepers = [
        subprocess.Popen([*command, str(seed)], stderr=subprocess.PIPE)
        for seed in range(3)
    ]

    errors = [keeper.communicate(timeout=60)[1] for keeper in keepers]

    assert errors == [b""] * 3
    rows, _ = FeatureStore(tmp_path).find(
        "prefix", [bytes([n]) * 16 for n in range(60)]
    )
    assert np.array_equal(rows[:, 0], np.arange(60))
    assert not list(tmp_path.glob("*/.aside-*"))


SUMS = [bytes([number]) * 16 for number in range(12)]
ROWS = np.random.default_rng(0).normal(size=(12, 5)).astype("float16")


def keep(folder, name="prefix", rows=ROWS, **settings):
    """Keeps rows; returns the folder of the part that they are in."""
    store = FeatureStore(folder, **settings)
    store.keep(name, SUMS[: len(rows)], rows, "float32")
    return next((folder / name).glob("[!.]*"))


def harm(path, draw):
    """Damages a file as disks, copies and full disks do."""
    raw = bytearray(path.read_bytes())
    place, bit = draw.randrange(len(raw)), 1 << draw.randrange(8)
    kind = draw.choice(("flip", "cut", "zero", "grow", "empty", "delete"))
    if kind == "flip":
        raw[place] ^= bit
    elif kind == "zero":
        raw[place : place + 8] = bytes(len(raw[place : place + 8]))
    elif kind == "grow":
        raw += bytes(8)
    elif kind in ("cut", "empty"):
        raw = raw[: place if kind == "cut" else 0]
    path.write_bytes(raw)
    if kind == "delete":
        path.unlink()


def test_no_damage_gives_wrong_features_or_an_error(tmp_path):
    files = list(keep(tmp_path).iterdir())
    good = {path: path.read_bytes() for path in files}
    draw, misses = random.Random(0), 0

    for _ in range(400):
        path = draw.choice(files)
        harm(path, draw)
        store = FeatureStore(tmp_path)
        found = store.find_rows("prefix", SUMS)
        rows = [
            (row, ROWS[i]) for i, row in enumerate(found) if row is not None
        ]
        assert all(np.array_equal(row, kept) for row, kept in rows)
        is_damaged = not path.exists() or path.read_bytes() != good[path]
        assert bool(store.take_sentences()) == is_damaged
        misses += is_damaged and store.find("prefix", SUMS) is None
        path.write_bytes(good[path])

    assert misses > 300
    assert np.array_equal(FeatureStore(tmp_path).find("prefix", SUMS)[0], ROWS)


@pytest.mark.parametrize("file", ["rows.bin", "index.bin", "part.json"])
def test_files_of_another_part_are_not_taken(file, tmp_path):
    part = keep(tmp_path)
    other = keep(tmp_path / "other", rows=ROWS[::-1].copy())

    (part / file).write_bytes((other / file).read_bytes())

    assert FeatureStore(tmp_path).find("prefix", SUMS) is None


def test_a_part_that_was_moved_to_other_layers_is_not_taken(tmp_path):
    part = keep(tmp_path, "these layers")
    (tmp_path / "those layers").mkdir()
    part.rename(tmp_path / "those layers" / part.name)
    store = FeatureStore(tmp_path)

    assert store.find("those layers", SUMS) is None
    assert "it was kept for other layers" in store.take_sentences()[0]


def test_a_damaged_row_is_kept_again_and_the_others_are_used(tmp_path):
    part = keep(tmp_path)
    with open(part / "rows.bin", "r+b") as file:
        file.write(b"\xff")
    store = FeatureStore(tmp_path)

    assert store.find("prefix", SUMS[1:]) is not None
    assert store.find("prefix", SUMS) is None
    assert store.keep("prefix", SUMS, ROWS, "float32") == 1
    assert np.array_equal(FeatureStore(tmp_path).find("prefix", SUMS)[0], ROWS)
    assert "rows.bin is not what was written" in store.take_sentences()[0]
    assert store.take_sentences() == []


def test_what_an_earlier_release_kept_has_no_sums_and_is_not_taken(tmp_path):
    part = tmp_path / "prefix" / ("0" * 32)
    part.mkdir(parents=True)
    np.save(part / "rows.npy", ROWS.view("u2"))
    np.save(part / "digests.npy", np.frombuffer(b"".join(SUMS), "u1"))
    (part / "dtype.json").write_text('{"kept": "float16", "computed": "f4"}')
    store = FeatureStore(tmp_path)

    assert store.find("prefix", SUMS) is None
    assert "earlier release kept it, without sums" in store.take_sentences()[0]


def test_rows_of_another_rounding_are_not_taken(tmp_path):
    keep(tmp_path, rounding="bfloat16")

    assert (
        FeatureStore(tmp_path, rounding="float32").find("prefix", SUMS) is None
    )
    assert FeatureStore(tmp_path, rounding="bfloat16").find("prefix", SUMS)


def test_foreign_names_in_a_folder_are_left_alone(tmp_path):
    part = keep(tmp_path)
    (part.parent / "notes.txt").write_text("mine")
    (part.parent / f"{part.name} (copy)").mkdir()
    (part.parent / ("a" * 32)).write_text("a file in the place of a part")
    store = FeatureStore(tmp_path)

    assert store.find("prefix", SUMS) is not None
    (said,) = store.take_sentences()
    assert "1 part of" in said


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        keep(tmp_path)
    monkeypatch.undo()

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert FeatureStore(tmp_path).keep("prefix", SUMS, ROWS, "float32") == 12


def test_a_folder_that_another_run_removes_is_no_obstacle(tmp_path):
    store = FeatureStore(tmp_path / "features")
    store.keep("prefix", SUMS, ROWS, "float32")
    shutil.rmtree(tmp_path / "features")

    assert store.find("prefix", SUMS) is None
    assert store.keep("prefix", SUMS, ROWS, "float32") == len(SUMS)
    assert np.array_equal(store.find("prefix", SUMS)[0], ROWS)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "bfloat16"])
def test_rows_come_back_bit_equal_in_their_dtype(dtype, tmp_path):
    rows = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    rows = rows.astype(np.dtype(dtype))
    FeatureStore(tmp_path).keep("prefix", SUMS[:2], rows, dtype)

    found, computed = FeatureStore(tmp_path).find("prefix", SUMS[:2])

    assert (found.dtype, computed) == (rows.dtype, dtype)
    np.testing.assert_array_equal(found, rows)
