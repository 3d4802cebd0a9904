"""Is a sample of each day kept, and never another folder's?"""

import json
import os

import pytest
from recorded_requests import DAY, Kept, offer, wait_until

from aet_keras.errors import DataError


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "requests")


def test_a_day_goes_on_after_a_restart(kept):
    kept.offer("a", day_rows=3)
    kept.offer("b", "c", day_rows=3)

    (day,) = kept.folder.glob("2026-11-29")
    assert len(kept.ids()) == 3
    assert json.loads((day / "day.json").read_text()) == {
        "asked": 6,
        "missed": 0,
        "is_full": True,
    }


def test_midnight_begins_another_day(kept):
    recorder = kept.recorder(day_rows=2)
    for name in ("a", "b", "c"):
        offer(recorder, name)
        kept.clock.go(DAY / 2)
    recorder.close()

    assert kept.days() == ["2026-11-29", "2026-11-30"]
    assert len(kept.ids()) == 4


@pytest.mark.parametrize("jump", [-40 * 365 * DAY, -DAY, 50 * 365 * DAY])
def test_a_clock_that_jumps_loses_no_row(kept, jump):
    recorder = kept.recorder(days=7)
    offer(recorder, "before")
    kept.clock.now += jump
    offer(recorder, "meanwhile")
    kept.clock.now -= jump
    offer(recorder, "after")
    recorder.close()
    kept.clock.now += jump
    kept.offer("again", days=7)  # looks at all days as it starts

    assert {each.partition("-")[0] for each in kept.ids()} == {
        "before",
        "meanwhile",
        "after",
        "again",
    }


def test_older_days_are_deleted_and_others_stay(kept):
    kept.offer("a", days=3)
    for name in "bcd":
        kept.clock.go(DAY)
        kept.offer(name, days=3)

    assert kept.days() == ["2026-11-30", "2026-12-01", "2026-12-02"]


def test_after_a_long_pause_days_are_deleted_once_the_clock_is_trusted(kept):
    kept.offer("a", days=3)
    kept.clock.go(60 * DAY)
    recorder = kept.recorder(days=3)
    offer(recorder, "b")
    wait_until(lambda: len(kept.days()) == 2)
    kept.clock.go(3600)
    recorder.close()

    assert kept.days() == ["2027-01-28"]


def test_rows_of_a_day_to_come_are_deleted_in_time(kept):
    kept.clock.now += 365 * DAY  # a wrong clock
    kept.offer("a", days=3)
    kept.clock.now -= 365 * DAY
    later = kept.folder / "2027-11-29"
    os.utime(later, (kept.clock.now - 4 * DAY,) * 2)

    recorder = kept.recorder(days=3)
    kept.clock.go(3600)
    recorder.close()

    assert kept.days() == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "shoes"}, "must hold rows of shoes alone"),
        ({"keeps": "outputs"}, "with rows of `--record-what inputs`"),
    ],
    ids=["another model", "another kind"],
)
def test_a_folder_of_other_rows_is_refused(kept, settings, words):
    kept.offer("a")

    with pytest.raises(ValueError, match=words):
        kept.recorder(**settings)

    kept.offer("b")  # and it is free again


def test_a_folder_of_other_files_or_of_another_server_is_refused(kept):
    kept.folder.mkdir()
    (kept.folder / "2020-01-01").mkdir()
    with pytest.raises(ValueError, match="with other files"):
        kept.recorder()
    (kept.folder / "2020-01-01").rmdir()
    recorder = kept.recorder()

    with pytest.raises(ValueError, match="one server at a time"):
        kept.recorder()

    recorder.close()


def test_a_damaged_description_is_refused(kept):
    kept.offer("a")
    (kept.folder / "recording.json").write_text("{")

    with pytest.raises(DataError, match="cannot be read"):
        kept.recorder()
