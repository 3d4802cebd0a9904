"""Does an alarm come with a shift, where it began, and not without one?"""

import drift_samples
import numpy as np
import pytest
from river.drift import ADWIN

from aet_keras.drift.alarm import Alarm, RowSignals


@pytest.fixture(scope="module")
def reference():
    return drift_samples.reference()


def rows(count, seed, **settings):
    return drift_samples.outputs(count, seed, **settings)


def test_signals_are_ranks_in_the_reference(reference):
    outputs = rows(5, 7)
    known = reference.projections.astype("float64")
    mean, scale = known.mean(axis=0), known.std(axis=0)
    new = (outputs.features - reference.center) @ reference.basis

    def rank(old, value):
        return np.mean(old < value) + np.mean(old == value) / 2

    signals = RowSignals(reference)
    found = signals.of_outputs(outputs)

    usual = np.linalg.norm((known - mean) / scale, axis=1)
    far = np.linalg.norm((new - mean) / scale, axis=1)
    sure = reference.probabilities.max(axis=1)
    for row in range(5):
        confidence = outputs.probabilities[row].max()
        assert found[row, 0] == rank(sure, confidence)
        assert found[row, 1] == pytest.approx(rank(usual, far[row]), abs=0.01)
        assert found[row, 4] == pytest.approx(
            rank(known[:, 2], new[row, 2]), abs=0.01
        )


def test_signals_of_rows_like_the_reference_are_uniform(reference):
    found = RowSignals(reference).of_outputs(rows(4000, 9))

    assert found.mean(axis=0) == pytest.approx([0.5] * 10, abs=0.06)


def test_an_alarm_comes_when_adwin_of_a_signal_says_so(reference):
    new = rows(300, 5, moved=0.8)
    alarm = Alarm(reference, delta=0.1)

    change = alarm.update(new)

    signals = RowSignals(reference)
    place = signals.names.index(change.signal)
    assert change.signal.startswith("component")
    detector = ADWIN(delta=0.1 * 0.4 / 8, clock=8)
    known = signals.of_reference()[:, place]
    for value in known:
        detector.update(value)
    found = []
    for value in signals.of_outputs(new)[:, place]:
        detector.update(value)
        found.append(detector.drift_detected)
    assert change.place == found.index(True)


def test_it_finds_where_rows_began_to_differ(reference):
    alarm = Alarm(reference)
    assert alarm.update(rows(300, 4)) is None

    change = alarm.update(rows(200, 5, moved=1.5))

    began = change.place - change.since
    assert -5 <= began <= 10


def test_a_stream_that_is_shifted_from_the_start_raises_an_alarm(reference):
    change = Alarm(reference).update(rows(400, 5, moved=1.0))

    assert change.place < 160


def test_few_quiet_streams_raise_an_alarm():
    found = [
        Alarm(drift_samples.reference(2 * seed)).update(rows(1200, 9000 + seed))
        for seed in range(40)
    ]

    assert sum(each is not None for each in found) <= 3


def test_wrong_answers_raise_an_alarm_where_labels_come(reference):
    alarm = Alarm(reference)
    assert alarm.update_accuracy(np.arange(200) % 10 > 0) is None

    change = alarm.update_accuracy(np.arange(200) % 2 > 0)

    assert change.signal == "accuracy"


def test_it_goes_on_from_its_state(reference):
    whole, first, second = (Alarm(reference) for _ in range(3))
    quiet, moved = rows(333, 4), rows(200, 5, moved=1.0)
    whole.update(quiet)
    first.update(quiet)

    second.set_state(first.get_state())

    assert second.update(moved) == whole.update(moved)


def test_what_it_remembers_is_bounded(reference, monkeypatch):
    monkeypatch.setattr("aet_keras.drift.alarm._MOST_VALUES", 100)
    alarm = Alarm(reference)

    alarm.update(rows(990, 4))

    assert {len(each) for each in alarm.get_state().values()} <= {0, 90}
