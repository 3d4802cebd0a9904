"""Recorders with a clock that tests can set, what they kept, and recordings."""

import datetime
import time

import numpy as np

from aet_keras.cli import _adapted_rows
from aet_keras.cli._new_rows import Asked, load_model
from aet_keras.data.recorded_row import RecordedRow, encode_row
from aet_keras.data.recorded_rows import describe, read_recorded_rows
from aet_keras.drift.reference import load_reference
from aet_keras.serving.loaded_version import LoadedVersion
from aet_keras.serving.recording import Recorder
from aet_keras.serving.settings import Recording

DAY = 86400.0
START = 1_793_491_200.0  # 2026-11-01 00:00 UTC
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


def wait_until(holds):
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def write(home, rows, *, version=1, name="saved"):
    """Writes a recording of rows: the time since `START`, inputs, outputs."""
    home.mkdir()
    about = describe(name=name, keeps="inputs")
    (home / "recording.json").write_text(about)
    for key, (time_, inputs, outputs) in enumerate(rows):
        day = home / f"2026-11-{1 + int(time_ // DAY):02}"
        day.mkdir(exist_ok=True)
        own = f"r{key}-0"
        row = RecordedRow(own, START + time_, version, inputs, outputs)
        (day / f"{key:016x}.row").write_bytes(encode_row(row))
    return home


def incoming(version, kind, what, labels=None):
    """Returns the rows that `adapt` learns from, as it reads them."""
    model, reference = load_model(version), load_reference(version)
    takes = ("item", "tags", "number")
    is_labelled = labels is None
    asked = Asked(
        "adapt", version, model, [str(what)], None, is_labelled, takes
    )
    labels = labels and str(labels)
    return _adapted_rows._incoming(asked, kind, labels, reference, print)
