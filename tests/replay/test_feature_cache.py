import os
import shutil
import tempfile
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from aet_keras.errors import CacheFull
from aet_keras.replay import FeatureCache
from aet_keras.replay.growing_array import GrowingArray
from aet_keras.replay.storage_budget import StorageBudget


def features(count=4, width=3, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, width)).astype("float32")


def keys(numbers):
    return [bytes([number]) for number in numbers]


def recorded(cache, *arrays, **settings):
    """Returns a record of one batch, its rows called 0, 1, 2..."""
    record = cache.new_record(arrays, **settings)
    record.append(keys(range(len(arrays[0]))), arrays)
    return record


def test_rows_come_back_by_their_numbers_in_any_order():
    rows = features()
    record = recorded(FeatureCache("memory", dtype="float32"), rows)

    (taken,) = record.take([2, 0, 2])

    np.testing.assert_array_equal(taken, rows[[2, 0, 2]])
    assert record.count == 4


def test_rows_are_found_by_their_sums_each_once():
    record = FeatureCache("memory").new_record([features()])

    record.append(keys([7, 8, 7, 9]), [features()])

    assert record.find(keys([9, 7, 7, 7, 5])) == [3, 0, 2, None, None]


def test_equal_rows_have_equal_sums_wherever_they_stand():
    x, y = features(), np.array([1, 2, 3, 1])
    x[3] = x[0]
    cache = FeatureCache()

    first, again = cache.digests([x, y]), cache.digests([x[1:], y[1:]])

    assert first[0] == first[3]
    assert first[1:] == again
    assert len(set(first)) == 3


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([features(), np.zeros(4)], [features(), np.ones(4)]),
        ([np.array([b"a", b"b"], object)], [np.array([b"a", b"c"], object)]),
        ([np.zeros(2, "int64")], [np.array([0, 2**40])]),
        ([np.zeros((2, 4, 6))], [np.zeros((2, 6, 4))]),
        ([np.zeros(2, "float32")], [np.zeros(2, "int32")]),
    ],
    ids=["targets", "text", "large numbers", "shapes", "dtypes"],
)
def test_rows_that_differ_have_other_sums(left, right):
    sums = FeatureCache().digests(left), FeatureCache().digests(right)

    assert sums[0][-1] != sums[1][-1]


def test_text_has_the_same_sum_in_another_array():
    texts = np.array([[b"a long sentence"], [b"b"]], object)
    copied = np.array([[b"a long " + b"sentence"]], object)

    cache = FeatureCache()

    assert cache.digests([texts])[0] == cache.digests([copied])[0]


@pytest.mark.parametrize(
    ("dtype", "unit"), [("float16", 2**-11), ("bfloat16", 2**-8)]
)
def test_features_are_rounded_and_what_goes_with_them_is_not(dtype, unit):
    rows, targets = features(), features(seed=1)
    cache = FeatureCache("memory", dtype=dtype)
    record = recorded(cache, rows, targets, feature_count=1)

    kept, beside = record.take([0, 1, 2, 3])

    assert kept.dtype == np.dtype(getattr(ml_dtypes, dtype, dtype))
    np.testing.assert_allclose(kept.astype("float32"), rows, rtol=unit)
    np.testing.assert_array_equal(beside, targets)


def test_features_asked_for_exactly_are_not_rounded():
    rows = np.array([[2049.0], [2051.0]], "float32")  # float16 has even ones
    record = recorded(FeatureCache("memory"), rows, rows, exact=[1])

    rounded, exact = record.take([0, 1])

    assert not np.array_equal(rounded, rows)
    np.testing.assert_array_equal(exact, rows)


@pytest.mark.parametrize(
    "odd", [1e6, 1e-6, np.inf, np.nan], ids=["huge", "tiny", "inf", "nan"]
)
def test_a_batch_that_float16_cannot_hold_widens_the_record(odd):
    first, second = features(), np.full((2, 3), odd, "float32")
    record = FeatureCache("memory").new_record([first])
    record.append(keys(range(4)), [first])

    record.append(keys([4, 5]), [second])

    (taken,) = record.take(range(6))
    assert taken.dtype == np.float32
    np.testing.assert_allclose(taken[:4], first, rtol=2**-11)
    np.testing.assert_array_equal(taken[4:], second)


def test_zeros_do_not_widen_the_record():
    record = recorded(FeatureCache("memory"), np.zeros((2, 3), "float32"))

    assert record.take([0])[0].dtype == np.float16


def test_more_rows_than_expected_are_kept():
    limit = 3 * 400 * 3 * 4  # what they take, and that again to move them
    cache = FeatureCache("memory", dtype="float32", limit_bytes=limit)
    record = cache.new_record([features()], expected=4)

    for seed in range(100):
        record.append(keys([seed] * 4), [features(seed=seed)])

    (taken,) = record.take(range(396, 400))
    np.testing.assert_array_equal(taken, features(seed=99))
    assert record.byte_count == 400 * 3 * 4


def test_a_full_memory_is_said_before_anything_is_kept():
    cache = FeatureCache("memory", limit_bytes=20)

    with pytest.raises(CacheFull, match="no room for"):
        cache.new_record([features()], expected=4)


def test_a_full_memory_goes_on_in_a_file():
    rows = features()
    record = recorded(FeatureCache("auto", limit_bytes=20), rows, expected=4)

    (taken,) = record.take([3, 1])

    assert record.is_on_disk
    np.testing.assert_array_equal(taken, rows[[3, 1]].astype("float16"))


def test_a_record_that_outgrows_the_memory_moves_to_a_file():
    cache = FeatureCache("auto", limit_bytes=100, dtype="float32")
    record = cache.new_record([features()], expected=4)
    for seed in range(5):
        record.append(keys([seed] * 4), [features(seed=seed)])

    (taken,) = record.take(range(20))

    assert record.is_on_disk
    np.testing.assert_array_equal(taken[:4], features(seed=0))
    np.testing.assert_array_equal(taken[16:], features(seed=4))


def test_features_of_no_need_are_left_out_where_there_is_no_room():
    cache = FeatureCache("auto", limit_bytes=60, dtype="float32")
    rows, spare, targets = features(), features(width=9), np.zeros(4, "int8")

    record = cache.new_record(
        [rows, spare, targets], feature_count=2, required=1, expected=4
    )
    record.append(keys(range(4)), [rows, spare, targets])

    assert [record.has(place) for place in range(3)] == [True, False, True]
    assert not record.is_on_disk


def test_features_of_no_need_make_room_for_those_of_need():
    cache = FeatureCache("memory", limit_bytes=250, dtype="float32")
    rows = features()
    record = cache.new_record([rows, rows], required=1, expected=4)

    for seed in range(2):  # 48 bytes each, and twice that to move
        record.append(keys([seed] * 4), [features(seed=seed)] * 2)

    assert record.has(0)
    np.testing.assert_array_equal(
        record.take([4], [0])[0], features(seed=1)[:1]
    )


def test_dropped_features_are_not_asked_for_again():
    rows = features()
    record = recorded(FeatureCache("memory", dtype="float32"), rows, rows)

    record.drop(0)
    record.append(keys([4]), [None, rows[:1]])

    assert not record.has(0)
    np.testing.assert_array_equal(record.take([4], [1])[0], rows[:1])


@pytest.mark.parametrize("place", ["disk", "folder"])
def test_files_have_no_names_that_a_killed_run_leaves(
    place, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "new" / "folder"
    cache = FeatureCache(folder if place == "folder" else place)

    record = recorded(cache, features())

    assert record.is_on_disk
    assert [f for _, _, files in os.walk(tmp_path) for f in files] == []


def test_a_full_disk_is_said(monkeypatch):
    def refuse(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)

    with pytest.raises(CacheFull, match="on the disk"):
        FeatureCache("disk").new_record([features()])


def test_a_full_disk_leaves_the_budget_as_it_was(monkeypatch, tmp_path):
    def refuse(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: SimpleNamespace(free=2000)
    )
    budget = StorageBudget(0, tmp_path)  # half of it

    with pytest.raises(CacheFull):
        GrowingArray(budget, "uint8", (), expected=900)

    assert budget.take_disk(1000)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"place": "ram"}, "place='ram'. Name a folder here as './ram'"),
        ({"dtype": "float8"}, "dtype='float8'"),
        ({"limit_bytes": -1}, "limit_bytes=-1"),
    ],
    ids=["place", "dtype", "limit"],
)
def test_settings_that_cannot_be_are_refused(settings, advice):
    with pytest.raises(ValueError, match=advice):
        FeatureCache(**settings)


def test_pages_of_a_file_are_let_go_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr("aet_keras.replay.growing_array._TOUCHED_BYTES", 100)
    rows = np.random.default_rng(0).normal(size=(300, 64)).astype("float32")
    record = FeatureCache("disk", dtype="float32").new_record([rows[:1]])

    for begin in range(0, 300, 30):
        part = rows[begin : begin + 30]
        record.append([bytes([begin % 7])] * 30, [part])

    order = np.random.default_rng(1).permutation(300)
    np.testing.assert_array_equal(record.take(order)[0], rows[order])
    assert record.is_on_disk
