"""Raises an alarm as soon as a model's rows are no longer what they were."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._optional import optional
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference
from aet_keras.drift.target_kinds import KINDS

DISTANCE, ACCURACY = "distance", "accuracy"
# Of all signals together, and the share of each: what is answered, the
# distance, and accuracy; the rest is that of the components. Chosen on other
# streams than `tests/benchmarks/streams.py` draws.
DELTA = 0.25
_ANSWERED, _FAR, _RIGHT = 0.08, 0.4, 0.12
_CLOCK = 8  # rows from test to test
# What one detector remembers: beyond it, the older half is forgotten.
_MOST_VALUES = 20_000


@dataclasses.dataclass(frozen=True)
class Change:
    """Says where rows began to differ.

    Args:
        place: int. Row of the batch at which it was noticed.
        since: int. How many rows before that one differ already.
        signal: str. What differs: `"confidence"`, or of a number
            `"prediction"`; `"distance"`, `"component 3"`, or `"accuracy"`.

    Example:

    >>> from aet_keras.drift.alarm import Change
    >>> Change(10, 4, "confidence").since
    4
    """

    place: int
    since: int
    signal: str


class RowSignals:
    """Turns rows into numbers from 0 to 1 which a shift moves.

    Each is the share of the reference's rows that have less: of rows like
    these the numbers are uniform, whatever the model.

    - `confidence`: the highest probability, of tags the mean of the surer
      one of yes and no; or `prediction`, of a model of a number what it says.
    - `distance`: from the reference's mean, in principal components of unit
      variance. It moves where rows look like none known, of which a model
      may be as sure as of others.
    - `component 1` and so on: the principal components themselves.

    Args:
        reference: `Reference`.

    Example:

    >>> features = np.random.default_rng(0).normal(size=(50, 2))
    >>> labels = np.arange(50) % 2
    >>> outputs = aet_keras.drift.model_outputs.ModelOutputs(
    ...     features, np.eye(2)[labels], labels
    ... )
    >>> reference = aet_keras.drift.Reference.of_outputs(outputs, outputs)
    >>> signals = aet_keras.drift.alarm.RowSignals(reference)
    >>> signals.names
    ('confidence', 'distance', 'component 1', 'component 2')
    >>> signals.of_outputs(outputs).shape
    (50, 4)
    """

    def __init__(self, reference: Reference):
        self._reference = reference
        kind = KINDS[reference.target_kind]
        self._certainties = kind.certainties
        self._mean = reference.projections.mean(axis=0)
        self._scale = reference.projections.std(axis=0) + 1e-12
        self._known = np.sort(
            self._raw(reference.probabilities, reference.projections), axis=0
        )
        count = len(self._mean)
        components = (f"component {n}" for n in range(1, count + 1))
        self.names = (kind.signal, DISTANCE, *components)

    def of_reference(self) -> np.ndarray:
        """Returns those of the reference's rows, in a fixed random order."""
        reference = self._reference
        raw = self._raw(reference.probabilities, reference.projections)
        return np.random.default_rng(0).permutation(self._ranked(raw))

    def of_outputs(self, outputs: ModelOutputs) -> np.ndarray:
        """Returns those of new rows, `(rows, signals)`."""
        rows = self._reference.project(outputs.features)
        return self._ranked(self._raw(outputs.probabilities, rows))

    def _raw(self, probabilities, projections):
        rows = (projections - self._mean) / self._scale
        distances = np.linalg.norm(rows, axis=1)
        columns = (self._certainties(probabilities), distances, *rows.T)
        return np.stack(columns, axis=1)

    def _ranked(self, raw):
        pairs = zip(self._known.T, raw.T, strict=True)
        return np.stack([_shares_below(*pair) for pair in pairs], axis=1)


class Alarm:
    """Watches rows one after the other by ADWIN.

    ADWIN splits what it has seen of a number wherever the means of the older
    and the newer part differ by more than chance. It watches each number of
    `RowSignals`, and whether classes are right where labels come. Each has
    seen the reference's rows before, so that rows which are shifted from the
    first one on raise an alarm, too. `delta` is divided among all: two fifths
    of it watch distances, two fifths the components, the rest answers and
    confidence, which most shifts move late.

    Args:
        reference: `Reference` of the model that answers.
        delta: float above 0 and at most 1. The higher, the sooner, and the
            more false alarms. ADWIN's bound is wide: with the default
            `0.25` about 4 % of streams of 2,400 rows raise a false one.

    Raises:
        ImportError: if river is not installed.

    Example: see `Stream`.

    Reference:
        [Bifet and Gavalda, 2007](
        https://doi.org/10.1137/1.9781611972771.42).
    """

    def __init__(self, reference: Reference, *, delta: float = DELTA):
        self.delta = check.positive_ratio(self, delta=delta)
        self._signals = RowSignals(reference)
        known = self._signals.of_reference()
        count = known.shape[1] - 2
        rest = (1 - _ANSWERED - _FAR - _RIGHT) / count
        shares = (_ANSWERED, _FAR, *[rest] * count)
        signals = zip(self._signals.names, known.T, shares, strict=True)
        self._detectors = {
            name: _Detector(values, self.delta * share)
            for name, values, share in signals
        }
        if reference.target_kind != "classes":
            return
        right = reference.right_answers.astype("float64")
        self._detectors[ACCURACY] = _Detector(
            np.random.default_rng(0).permutation(right), self.delta * _RIGHT
        )

    def update(self, outputs: ModelOutputs) -> Change | None:
        """Takes new rows, and returns where they began to differ.

        Rows behind the one at which that is noticed are not looked at.
        """
        signals = self._signals.of_outputs(outputs)
        for place, row in enumerate(signals.tolist()):
            found = [
                Change(place, since, name)
                for name, value in zip(self._signals.names, row, strict=True)
                if (since := self._detectors[name].update(value)) is not None
            ]
            if found:  # the last to change is the surest to be new
                return min(found, key=lambda each: each.since)
        return None

    def update_accuracy(self, is_right: np.ndarray) -> Change | None:
        """Takes whether rows, whose labels came, were answered rightly."""
        for place, value in enumerate(np.asarray(is_right, float).tolist()):
            since = self._detectors[ACCURACY].update(value)
            if since is not None:
                return Change(place, since, ACCURACY)
        return None

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns what it has seen, as arrays."""
        return {
            name: np.array(each.values)
            for name, each in self._detectors.items()
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` returned, of the same reference."""
        check.entries(self, state, list(self._detectors))
        for name, each in self._detectors.items():
            each.restart(np.asarray(state[name]).tolist())


class _Detector:
    """Is ADWIN, with a memory of bounded size that can be kept."""

    def __init__(self, known, delta):
        self._known, self._delta = known.tolist(), delta
        self.restart([])

    def restart(self, values):
        """Starts anew with the reference's values, and some that came."""
        adwin = optional("river.drift", extra="drift").ADWIN
        self._adwin = adwin(delta=self._delta, clock=_CLOCK)
        self.values = []
        for value in self._known:
            self._adwin.update(value)
        for value in values:
            self.update(value)

    def update(self, value):
        """Returns how many rows before this one have changed, if any."""
        self._adwin.update(value)
        self.values.append(value)
        if self._adwin.drift_detected:
            return _rows_since_change(self._known, self.values) - 1
        if len(self.values) >= _MOST_VALUES:
            self.restart(self.values[_MOST_VALUES // 2 :])
        return None


def _rows_since_change(known, values):
    """Returns how many of the newest values differ from all before.

    Where the means of both parts differ most, in standard errors. ADWIN's own
    windows end where its buckets do, dozens of rows off.
    """
    sums = np.cumsum([*known, *values])
    total = len(sums)
    before = np.arange(max(1, len(known)), total)  # none of the reference's
    after = total - before
    gaps = sums[before - 1] / before - (sums[-1] - sums[before - 1]) / after
    place = np.argmax(before * after * np.square(gaps))
    return int(after[place])


def _shares_below(known, values):
    """Returns the share of sorted values that are lower; equal ones half."""
    below = np.searchsorted(known, values, "left")
    up_to = np.searchsorted(known, values, "right")
    return (below + up_to) / (2 * len(known))
