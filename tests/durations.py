"""Records how long each test takes, and marks and orders tests by it."""

import collections
import json
import pathlib

import pytest

FILE = pathlib.Path(__file__).with_name("durations.json")
SLOW_SECONDS = 0.6  # the tests below it take 90 s on two quiet cores
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
    slow = {name for name, each in stored.items() if each >= SLOW_SECONDS}
    for item in [*_sharing(items, slow)]:
        item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: -files[item.nodeid.partition("::")[0]])


def _sharing(items, slow):
    """Yields slow tests, and those that would wait for the same fixtures.

    The first test of a file that needs a fixture of its module is the one
    whose seconds were recorded with the fixture's; without that test, the
    next one would pay.
    """
    payers = {}
    for item in items:
        costs = [item.nodeid, *map(str, _module_fixtures(item))]
        first = [payers.setdefault(each, item.nodeid) for each in costs]
        if any(name_of(each) in slow for each in first):
            yield item


def _module_fixtures(item):
    """Returns file and name of each fixture that a module sets up once."""
    path = item.nodeid.partition("::")[0]
    return [
        (path, name)
        for name, made in item._fixtureinfo.name2fixturedefs.items()
        if made[-1].scope == "module"
    ]


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
