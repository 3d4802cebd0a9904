"""Is a day's sample uniform, bounded, and the same after a restart?"""

import collections
import os
import random

import pytest

from aet_keras.data.recorded_rows import SUFFIX
from aet_keras.serving import _reservoir
from aet_keras.serving._reservoir import ALL, Reservoir

BLOCK = 4096


def opened(folder, *, most_bytes=2**20, most_rows=1000):
    return Reservoir(folder, most_bytes=most_bytes, most_rows=most_rows)


def kept(folder):
    files = folder.glob(f"*{SUFFIX}")
    return [file.read_bytes() for file in files]


def bytes_on_disk(folder):
    return sum(each.stat().st_blocks for each in folder.iterdir()) * 512


def test_every_row_of_a_day_has_the_same_chance_across_restarts(tmp_path):
    draw, hits = random.Random(3).getrandbits, collections.Counter()
    trials, rows, most_rows = 300, 25, 5

    for trial in range(trials):
        day = tmp_path / str(trial)
        reservoir = opened(day, most_rows=most_rows)
        for row in range(rows):
            if row in (3, 8, 15):  # before it is full, and after
                reservoir.save()
                reservoir = opened(day, most_rows=most_rows)
            reservoir.add(draw(64), str(row).encode())
        hits.update(map(int, kept(day)))

    assert sum(hits.values()) == trials * most_rows
    expected = trials * most_rows / rows
    statistic = sum((hits[r] - expected) ** 2 / expected for r in range(rows))
    assert statistic < 36.4  # 95 % of chi-squared with 24 degrees of freedom


def test_rows_of_any_size_have_the_same_chance(tmp_path):
    draw, hits = random.Random(0).getrandbits, collections.Counter()
    sizes = [BLOCK if row % 2 else 8 * BLOCK for row in range(40)]

    for trial in range(100):
        day = tmp_path / str(trial)
        reservoir = opened(day, most_bytes=170 * BLOCK)
        for row, size in enumerate(sizes):
            reservoir.add(draw(64), str(row).encode().ljust(size))
        hits.update(int(content) % 2 for content in kept(day))

    # About 35 of 40 are kept; without the keys, small ones nearly all are.
    assert hits[1] / hits[0] == pytest.approx(1, abs=0.03)


def test_no_more_bytes_are_on_the_disk_than_allowed(tmp_path):
    random_ = random.Random(0)
    most_bytes, most = 2**17, 0
    reservoir = opened(tmp_path / "day", most_bytes=most_bytes)

    for _ in range(300):
        content = random_.randbytes(random_.choice((10, 5000, 6000, 60_000)))
        reservoir.add(random_.getrandbits(64), content)
        most = max(most, bytes_on_disk(tmp_path / "day"))

    assert 0.8 * most_bytes < most <= most_bytes
    assert reservoir.row_count > 10  # none of the largest


def test_a_row_that_is_too_large_is_not_kept_and_takes_no_place(tmp_path):
    reservoir = opened(tmp_path / "day")
    reservoir.add(5, b"small")

    assert not reservoir.add(1, bytes(2**20 // 20 + 1))
    assert kept(tmp_path / "day") == [b"small"]
    assert reservoir.threshold == ALL


def test_the_smallest_keys_are_kept(tmp_path):
    reservoir = opened(tmp_path / "day", most_rows=2)

    kept_now = [reservoir.add(key, str(key).encode()) for key in (5, 9, 7, 8)]

    assert kept_now == [True, True, True, False]
    assert sorted(kept(tmp_path / "day")) == [b"5", b"7"]
    assert reservoir.threshold == 8


def test_counts_come_back_after_a_restart(tmp_path):
    reservoir = opened(tmp_path / "day")
    reservoir.asked, reservoir.missed = 1000, 3
    reservoir.save()

    again = opened(tmp_path / "day")

    assert (again.asked, again.missed) == (1000, 3)


def test_what_a_killed_server_left_is_removed(tmp_path):
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / ".aside-row").write_bytes(b"half")
    (tmp_path / "day" / "note.txt").write_bytes(b"of a person")

    reservoir = opened(tmp_path / "day")

    assert os.listdir(tmp_path / "day") == ["note.txt"]
    assert reservoir.row_count == 0


def test_without_its_state_a_large_day_takes_no_larger_keys(tmp_path):
    reservoir = opened(tmp_path / "day", most_rows=30)
    for key in range(100, 0, -1):
        reservoir.add(key, b"row")
    (tmp_path / "day" / "day.json").write_text("{")

    again = opened(tmp_path / "day", most_rows=30)

    assert again.threshold == 31
    assert again.row_count == 30


def test_a_lower_limit_drops_the_largest_keys(tmp_path):
    reservoir = opened(tmp_path / "day")
    for key in range(10):
        reservoir.add(key, str(key).encode())

    again = opened(tmp_path / "day", most_rows=3)

    assert sorted(kept(tmp_path / "day")) == [b"0", b"1", b"2"]
    assert again.threshold == 3


def test_a_full_disk_drops_no_row(tmp_path, monkeypatch):
    reservoir = opened(tmp_path / "day", most_rows=2)
    for key in (5, 9, 7):
        reservoir.add(key, str(key).encode())

    def full(file, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_reservoir, "_write_all", full)
    with pytest.raises(OSError, match="No space left"):
        reservoir.add(1, b"1")

    assert sorted(kept(tmp_path / "day")) == [b"5", b"7"]
    monkeypatch.undo()
    assert reservoir.add(1, b"1")
    assert sorted(kept(tmp_path / "day")) == [b"1", b"5"]
