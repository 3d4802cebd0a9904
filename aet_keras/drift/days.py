"""Says on which day rows with a time began to differ, and how they do now."""

import dataclasses
import datetime
from collections.abc import Sequence

import numpy as np

from aet_keras.drift.alarm import Alarm
from aet_keras.drift.comparison import compare_outputs
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference
from aet_keras.drift.shift import LEAST_ROWS, Shift
from aet_keras.drift.target_kinds import KINDS

_MOST_ROWS = 500  # the newest, that are compared
_LEVEL = 0.05
_ANSWERS_ALONE = (
    "Neither inputs nor embeddings were kept: what is answered is compared "
    "alone, so that rows that look otherwise and are answered as ever are "
    "missed."
)


@dataclasses.dataclass(frozen=True)
class Day:
    """Holds what a model made of the rows of a day.

    Args:
        name: str. The date (UTC), as `2026-11-29`.
        row_count: int.
        confidence: float from 0 to 1. How sure the model was of a row, the
            mean: its highest probability, of tags the mean of the surer one
            of yes and no. None of a number.
        number: float. The mean number that was predicted; None of classes
            and tags.

    Example:

    >>> from aet_keras.drift.days import Day
    >>> Day("2026-11-29", 40, 0.9).confidence
    0.9
    """

    name: str
    row_count: int
    confidence: float | None
    number: float | None = None


@dataclasses.dataclass(frozen=True)
class DayAlarm:
    """Says when rows began to differ.

    Args:
        time: float. Of the first row that differs, in seconds since 1970.
        noticed: float. Of the row at which ADWIN was sure, likewise.
        signal: str. What differs, as in `Change`.
        row_count: int. Rows from the first one that differs on.

    Example:

    >>> from aet_keras.drift.days import DayAlarm
    >>> DayAlarm(0.0, 86400.0, "distance", 60).to_text()
    'alarm: since 1970-01-01 00:00 UTC, noticed 1970-01-02 00:00, by distance'
    """

    time: float
    noticed: float
    signal: str
    row_count: int

    @property
    def day(self) -> str:
        """The date (UTC) of the first row that differs."""
        return day_of(self.time)

    def to_text(self) -> str:
        """Returns it in a line."""
        return (
            f"alarm: since {_minute(self.time)} UTC, noticed "
            f"{_minute(self.noticed)}, by {self.signal}"
        )


@dataclasses.dataclass(frozen=True)
class DaysWatched:
    """Holds what was found in the rows of some days.

    Args:
        shift: `Shift`, of the newest 500 rows since the alarm, or of all if
            there is none.
        rows: tuple of ints. The numbers of these rows.
        days: tuple of `Day`, the oldest first.
        alarm: `DayAlarm`, or None.
    """

    shift: Shift
    rows: tuple[int, ...]
    days: tuple[Day, ...]
    alarm: DayAlarm | None


def watch_days(
    reference: Reference, outputs: ModelOutputs, times: Sequence[float]
) -> DaysWatched:
    """Looks for the row from which on rows differ, then names the shift.

    ADWIN goes over the rows by their times (`Alarm`). An alarm whose newest
    rows do not differ from the reference is over, or was false: it goes on
    behind it. Without an alarm the newest rows are compared too, and called
    shifted if p is below 0.05 divided by the number of days: whoever looks
    each day sees a false one in 20 such periods.

    Rows whose features are of the width 0 are compared by what the model
    answers alone.

    Args:
        reference: `Reference`.
        outputs: `ModelOutputs` of the rows, of the same model.
        times: of each row, in seconds since 1970; in any order.

    Example:

    >>> random = np.random.default_rng(0)
    >>> labels, times = np.arange(300) % 2, np.arange(300.0) * 3600
    >>> outputs = aet_keras.drift.model_outputs.ModelOutputs(
    ...     random.normal(size=(300, 4)), np.full((300, 2), 0.5), labels
    ... )
    >>> reference = aet_keras.drift.Reference.of_outputs(outputs, outputs)
    >>> from aet_keras.drift.days import watch_days
    >>> watched = watch_days(reference, outputs.take(np.arange(99)), times[:99])
    >>> watched.alarm, watched.days[0].row_count, watched.shift.kind
    (None, 24, 'none')
    """
    if not outputs.features.shape[1]:
        reference, outputs = _by_answers(reference, outputs)
    order = np.argsort(np.asarray(times, "float64"), kind="stable")
    ordered = outputs.take(order)
    moments = np.asarray(times, "float64")[order]
    days = _days(reference.target_kind, ordered, moments)
    found = _alarm(reference, ordered, moments)
    if found is None:
        newest = np.arange(len(order))[-_MOST_ROWS:]
        shift = compare_outputs(reference, ordered.take(newest))
        found = None, newest, looked_at_daily(shift, len(days))
    alarm, newest, shift = found
    if not reference.has_features:
        notes = (*shift.notes, _ANSWERS_ALONE)
        shift = dataclasses.replace(shift, notes=notes)
    return DaysWatched(shift, tuple(order[newest].tolist()), days, alarm)


def day_of(time: float) -> str:
    """Returns the date (UTC) of a time in seconds since 1970."""
    return _utc(time).date().isoformat()


def _by_answers(reference, outputs):
    """Puts what is answered in the place of what goes into the head."""
    count = reference.class_count
    known = dataclasses.replace(
        reference,
        projections=reference.probabilities,
        center=np.zeros(count, "float32"),
        basis=np.eye(count, dtype="float32"),
        columns={},
        moments=None,
    )
    return known, dataclasses.replace(outputs, features=outputs.probabilities)


def _days(target_kind, outputs, times):
    names = np.array([day_of(each) for each in times.tolist()])
    certainties = KINDS[target_kind].certainties(outputs.probabilities)
    is_number = target_kind == "number"
    made = []
    for name in np.unique(names):
        of_day = certainties[names == name]
        mean = float(of_day.mean(dtype="float64"))
        pair = (None, mean) if is_number else (mean, None)
        made.append(Day(str(name), len(of_day), *pair))
    return tuple(made)


def _alarm(reference, outputs, times):
    """Returns the first alarm that holds, its newest rows and their shift."""
    start, count = 0, outputs.row_count
    while start < count:
        rest = outputs.take(np.arange(start, count))
        change = Alarm(reference).update(rest)
        if change is None:
            return None
        place = start + change.place
        first = max(start, place - change.since)
        newest = np.arange(first, count)[-_MOST_ROWS:]
        shift = compare_outputs(reference, outputs.take(newest))
        if shift.is_shifted or len(newest) < LEAST_ROWS:
            alarm = DayAlarm(
                float(times[first]),
                float(times[place]),
                change.signal,
                count - first,
            )
            return alarm, newest, shift
        start = place + 1
    return None


def looked_at_daily(shift, days):
    """Calls a shift none whose p is no rarer than one of many days'."""
    if not shift.is_shifted or shift.p <= _LEVEL / days:
        return shift
    note = (
        f"p = {shift.p:.2g} of the newest rows is no alarm: who compares each "
        f"day, {days} of them, meets it by chance."
    )
    return dataclasses.replace(
        shift,
        is_shifted=False,
        kind="none",
        priors=None,
        columns=(),
        notes=(*shift.notes, note),
    )


def _utc(time):
    return datetime.datetime.fromtimestamp(time, datetime.UTC)


def _minute(time):
    return _utc(time).strftime("%Y-%m-%d %H:%M")
