"""Recorders with a clock that tests can set, and what they kept."""

import datetime
import time

import numpy as np

from aet_keras.data.recorded_rows import read_recorded_rows
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


def wait_until(holds):
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
