"""Records how long each test takes, and marks and orders tests by it."""

import collections
import json
import pathlib

import pytest

FILE = pathlib.Path(__file__).with_name("durations.json")
SLOW_SECONDS = 0.75  # without these tests, the others take 90 s on two cores
LEAST_SECONDS = 0.1  # what is shorter is not stored


def name_of(nodeid):
    """Returns the file and the function of a test, without its parameters."""
    return nodeid.partition("[")[0]


def mark_and_sort(items):
    """Marks slow tests; puts long files first, so that workers end together."""
    stored = json.loads(FILE.read_text()) if FILE.exists() else {}
    files = collections.Counter()
    for name, seconds in stored.items():
        files[name.partition("::")[0]] += seconds
    for item in items:
        if stored.get(name_of(item.nodeid), 0) >= SLOW_SECONDS:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: -files[item.nodeid.partition("::")[0]])


class Recorder:
    """Sums the seconds of each test function; stores them at the end."""

    def __init__(self):
        self.seconds = collections.Counter()

    def pytest_runtest_logreport(self, report):
        self.seconds[name_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self):
        kept = {
            name: round(seconds, 2)
            for name, seconds in sorted(self.seconds.items())
            if seconds >= LEAST_SECONDS
        }
        FILE.write_text(json.dumps(kept, indent=0) + "\n")
