"""Does what goes wrong while recording disturb nobody, and is it said?"""

import json

import numpy as np
import pytest
from recorded_requests import VERSION, Kept, offer, wait_until

from aet_keras.serving import _reservoir


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "requests")


def test_a_full_disk_is_said_once_and_recording_goes_on_later(
    kept, monkeypatch
):
    recorder = kept.recorder()
    offer(recorder, "a")
    wait_until(lambda: len(kept.ids()) == 2)

    def full(file, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_reservoir, "_write_all", full)
    for name in "bcd":
        offer(recorder, name)
        kept.clock.go(5)
    wait_until(lambda: recorder.missed == 6)
    monkeypatch.undo()
    kept.clock.go(5)
    offer(recorder, "e")
    recorder.close()

    assert kept.ids() == ["a-0", "a-1", "e-0", "e-1"]
    assert kept.said == [
        "Recording: rows cannot be written now (No space left on device). "
        "Serving goes on, and recording once they can be.",
        "Recording: rows are written again; 6 could not be kept meanwhile.",
    ]


def test_a_folder_that_someone_deletes_is_made_again(kept):
    recorder = kept.recorder()
    offer(recorder, "a")
    wait_until(lambda: len(kept.ids()) == 2)
    for path in sorted(kept.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    kept.folder.rmdir()

    offer(recorder, "b")
    recorder.close()

    assert kept.ids() == ["b-0", "b-1"]
    assert kept.folder.stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_a_row_disturbs_nobody(kept):
    recorder = kept.recorder()
    offer(recorder, "odd", inputs={"texts": np.array([object()] * 2)})
    recorder.offer("odd", "predict", "serving_default", None, None, None)
    offer(recorder, "uneven", inputs={"texts": np.array([b"one"], object)})
    offer(recorder, "a")
    recorder.close()

    assert kept.ids() == ["a-0", "a-1"]
    assert len(kept.said) == 1 and "a row was not kept" in kept.said[0]


def test_rows_that_are_too_many_at_once_are_counted(kept, monkeypatch):
    monkeypatch.setattr("aet_keras.serving.recording._MOST_WAITING", 2000)
    large = {"texts": np.array([bytes(5000)] * 2, object)}

    kept.offer("large", "large", inputs=large)
    kept.offer("small")

    assert kept.ids() == ["small-0", "small-1"]
    (day,) = kept.folder.glob("2026-11-29")
    state = json.loads((day / "day.json").read_text())
    assert (state["asked"], state["missed"]) == (6, 4)
    assert len(kept.said) == 1 and "faster than" in kept.said[0]


def test_a_row_that_is_too_large_is_said(kept):
    large = {"texts": np.array([bytes(5000), b"small"], object)}

    kept.offer("a", inputs=large, day_bytes=2**16)

    assert kept.ids() == ["a-1"]
    assert len(kept.said) == 1 and "`--record-megabytes`" in kept.said[0]


def test_what_is_kept_is_said_before_it_is(kept):
    recorder = kept.recorder(keeps="outputs", days=1, day_bytes=5 * 2**20)
    recorder.warm_up(VERSION)
    recorder.close()

    said = recorder.description
    assert f"is kept in {kept.folder}, their embeddings" in said
    assert "no inputs" in said
    assert "At most 5 MB and 10000 rows a day (UTC) for 1 day;" in said
    assert "version 3 has no signature `embeddings`" in kept.said[0]
    assert kept.folder.stat().st_mode & 0o777 == 0o700
