"""Is a sample of what is asked kept, and never in the way of an answer?"""

import datetime
import json
import os
import time

import numpy as np
import pytest
import served_models
import tensorflow as tf
from served_models import encoded_image, noise_images

from aet_keras.data.recorded_rows import read_recorded_rows
from aet_keras.errors import DataError
from aet_keras.serving import _reservoir
from aet_keras.serving.app import build_app
from aet_keras.serving.loaded_version import LoadedVersion
from aet_keras.serving.recording import Recorder
from aet_keras.serving.settings import Recording

DAY = 86400.0
NOON = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC).timestamp()
VERSION = LoadedVersion(3, {}, {})
OUTPUTS = {
    "probabilities": np.array([[0.25, 0.75], [1, 0]], "float32"),
    "classes": np.array([[b"a", b"b"]] * 2, object),
}
TEXTS = {"texts": np.array([b"good", b"bad"], object)}


class Clock:
    """Is two clocks; only one of them can be set.

    Args:
        now: float. Seconds since 1970.
    """

    def __init__(self, now=NOON):
        self.now, self.since = now, 100.0

    def __call__(self):
        return self.now

    def steady(self):
        return self.since

    def go(self, seconds):
        self.now += seconds
        self.since += seconds


class Kept:
    """Lends recorders on one folder, and reads what they kept."""

    def __init__(self, folder, **settings):
        self.folder, self.said, self.clock = folder, [], Clock()
        self.settings = settings

    def recorder(self, name="films", **settings):
        return Recorder(
            Recording(self.folder, **{**self.settings, **settings}),
            name,
            say=self.said.append,
            clock=self.clock,
            steady=self.clock.steady,
        )

    def offer(self, *names, inputs=TEXTS, outputs=OUTPUTS, **settings):
        """Has a recorder take an answer for each name, and ends it."""
        recorder = self.recorder(**settings)
        for name in names:
            offer(recorder, name, inputs, outputs)
        recorder.close()

    def ids(self):
        return sorted(row.id for row in read_recorded_rows(self.folder))

    def days(self):
        return sorted(p.name for p in self.folder.iterdir() if p.is_dir())


def offer(recorder, name, inputs=TEXTS, outputs=OUTPUTS):
    recorder.offer(name, "predict", "serving_default", VERSION, inputs, outputs)


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "requests")


def asked(client, path=":predict", **content):
    response = client.post(path, **content)
    assert response.status_code == 200, response.text
    return response


@pytest.fixture
def ask(shared, kept):
    """Returns a function that asks with a recorder, and gives back rows."""

    def ask(path, body, headers=None, **settings):
        recorder = kept.recorder("clothes", **settings)
        recorder.warm_up(shared.current)
        client = served_models.Client(build_app(shared, record=recorder.offer))
        response = asked(client, path, json=body, headers=headers)
        recorder.close()
        rows = read_recorded_rows(kept.folder)
        return response, sorted(rows, key=lambda row: row.id)

    return ask


def test_rows_are_kept_as_they_were_asked(ask):
    body = {"instances": noise_images().tolist()}

    response, rows = ask(":predict", body, headers={"x-request-id": "mine:7"})

    assert response.headers["x-request-id"] == "mine:7"
    assert [row.id for row in rows] == ["mine:7-0", "mine:7-1", "mine:7-2"]
    for row, image, answer in zip(
        rows, noise_images(), response.json()["predictions"], strict=True
    ):
        np.testing.assert_array_equal(row.inputs["images"], image)
        assert list(row.outputs) == ["probabilities"]
        np.testing.assert_allclose(
            row.outputs["probabilities"], answer["probabilities"], rtol=1e-6
        )
        assert (row.version, row.time) == (1, NOON)


def test_encoded_images_are_kept_as_their_files(ask):
    encoded = encoded_image(noise_images()[0])
    body = {"signature_name": "bytes", "instances": [encoded]}

    _, (row,) = ask(":predict", body)

    assert row.inputs["image_bytes"].startswith(b"\x89PNG")


def examples(encoded):
    return {"signature_name": "classify", "examples": [{"image": encoded}]}


def test_examples_to_classify_are_kept_as_predict_would_have_them(ask):
    encoded = encoded_image(noise_images()[0])

    response, (row,) = ask(":classify", examples(encoded))

    assert row.inputs["image_bytes"].startswith(b"\x89PNG")
    ((_, score), *_) = response.json()["results"][0]
    assert row.outputs["probabilities"][0] == pytest.approx(score)


@pytest.mark.parametrize("path", [":predict", ":classify"])
def test_outputs_hold_embeddings_and_no_inputs(path, ask, shared, kept):
    image = noise_images()[:1]
    encoded = encoded_image(image[0])
    body = {"instances": image.tolist()}
    if path == ":classify":
        body = examples(encoded)

    _, (row,) = ask(path, body, keeps="outputs")

    assert row.inputs is None
    expected = shared.current.call("embeddings", {"images": image})
    np.testing.assert_allclose(
        row.outputs["embeddings"], expected["embeddings"][0], atol=1e-6
    )
    files = [f.read_bytes() for f in kept.folder.rglob("*.row")]
    assert files and not any(image.tobytes() in each for each in files)


def test_what_asks_for_embeddings_is_not_kept(ask):
    body = {
        "signature_name": "embeddings",
        "instances": noise_images().tolist(),
    }

    _, rows = ask(":predict", body)

    assert rows == []


def test_cells_of_a_table_are_texts_and_numbers(kept):
    cells = {
        "age": np.array([31, np.nan], "float32"),
        "job": np.array(["é".encode(), b"\xff"], object),
    }

    kept.offer("a", inputs=cells)

    one, other = read_recorded_rows(kept.folder)
    assert one.inputs == {"age": 31.0, "job": "é"}
    assert np.isnan(other.inputs["age"]) and other.inputs["job"] == b"\xff"


def test_an_example_of_a_table_has_all_of_its_columns(kept):
    def spec(dtype):
        return tf.TensorSpec((None,), dtype)

    specs = {name: spec(tf.float32) for name in ("age", "income")}
    signature = type("S", (), {"inputs": specs | {"job": spec(tf.string)}})()
    version = LoadedVersion(
        3, {"serving_default": signature}, {}, cells=frozenset(signature.inputs)
    )
    numbers = tf.train.Feature(float_list=tf.train.FloatList(value=[31]))
    features = tf.train.Features(feature={"age": numbers})
    example = tf.train.Example(features=features).SerializeToString()

    recorder = kept.recorder()
    recorder.offer(
        "a",
        "classify",
        "classify",
        version,
        {"inputs": np.array([example], object)},
        {"scores": np.ones((1, 2))},
    )
    recorder.close()

    (row,) = read_recorded_rows(kept.folder)
    assert row.inputs["age"] == 31.0 and row.inputs["job"] == ""
    assert np.isnan(row.inputs["income"])


@pytest.mark.parametrize(
    "given",
    ["", "with space", "a,b", "=1+1", "x" * 129, "é", 'a"b'],
    ids=["none", "space", "comma", "formula", "long", "accent", "quote"],
)
def test_an_id_that_a_csv_file_would_not_hold_is_replaced(given, client):
    headers = {"x-request-id": given.encode()}

    response = asked(client, json=_one_image(), headers=headers)

    found = response.headers["x-request-id"]
    assert len(found) == 32 and int(found, 16)


def _one_image():
    return {"instances": noise_images(1).tolist()}


def test_refusals_have_the_id_and_the_body_is_what_it_was(client, ask):
    headers = {"x-request-id": "a"}

    refused = client.post(json={}, headers=headers)
    recorded, _ = ask(":predict", _one_image(), headers=headers)

    assert refused.status_code == 400
    assert refused.headers["x-request-id"] == "a"
    assert recorded.content == asked(client, json=_one_image()).content


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


def wait_until(holds):
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


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
