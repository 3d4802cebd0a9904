"""Watches rows as they come, and adapts a model after a shift."""

import collections
import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._wording import counted
from aet_keras.drift.alarm import DELTA, Alarm
from aet_keras.drift.comparison import compare_outputs
from aet_keras.drift.recent_rows import RecentRows
from aet_keras.drift.reference import Reference
from aet_keras.drift.row_batches import UNKNOWN, checked_row_count
from aet_keras.drift.shift import LEAST_ROWS, Shift
from aet_keras.drift.stream_log import (
    COLLECTING,
    SETTLING,
    WATCHING,
    StreamEvent,
    StreamLog,
    StreamPlace,
    part_of,
)
from aet_keras.drift.stream_remedies import (
    StreamRemedies,
    reference_arrays,
    reference_of,
)

_WITHOUT_LABELS = ("label", "input")  # kinds that have a remedy then
_PARTS = _ROWS, _REMEDIES, _ALARM = "rows/", "remedies/", "alarm/"
_WATCHED = "watched/"


class Stream:
    """Answers rows as they come, notices a shift, and adapts the model.

    1. It watches the model's confidence, how far rows lie from all that are
       known, and where, by ADWIN (`[drift]`, river), and, where labels come,
       whether answers are right.
    2. After an alarm it collects the rows since the change. `wait_rows` of
       them are compared with the reference, which names the shift.
    3. With `adapt`, the model is adapted to them: at once if the kind needs
       no labels, and when `least_labels` of these rows have one. Kept is what
       `judge_change` calls better by the labels, or, without labels, what the
       remedy's own criterion allows. Every adaptation begins from the weights
       that the stream started with, or that labels taught last.
    4. The next `wait_rows` rows are not watched: the detectors and what they
       compare with start anew from them. If rows look like those of the
       start again, it goes back; 30 rows may show that.

    It holds `most_rows` rows, 20,000 numbers of each detector, 1,000 events.

    Args:
        model: `keras.Model`, as `compare` takes it. It is adapted in place;
            `stream.model` is another one after new classes were learned.
        reference: `Reference` of the model, a classifier.
        adapt: optional function: `aet_keras.adapt`, or a `functools.partial`
            of it. Defaults to `None`: shifts are noticed and named.
        old: optional tuple `(x, y)` of old rows, which `adapt` is given.
        most_rows: int. Rows that are kept, and that an adaptation is given at
            most; labels of older ones are lost. Defaults to `1000`.
        wait_rows: int from 30 to `most_rows`. Rows after a change, before it
            is named, and after an adaptation. With fewer than 100,
            BatchNormalization is not moved. Defaults to `200`.
        least_labels: int >= 20. Labelled rows since the change, before they
            are learned from; twice as many, if that was not kept. Defaults
            to `100`.
        most_seconds: float > 0. An adaptation that is expected to take longer
            runs for fewer epochs, or not at all. Expected by the pace of this
            model's passes and earlier adaptations. Defaults to `120`.
        delta: float above 0 and at most 1, of ADWIN: higher is sooner, with
            more false alarms. Defaults to `0.25`, with which about 4 % of
            streams of 2,400 rows raise one.
        batch_size: int >= 1. Defaults to `128`.
        clock: function that returns seconds, for the log. Defaults to
            `time.time`.

    Raises:
        ImportError: if river is not installed.
        ValueError: if an argument is out of its range.

    Example:

    >>> random = np.random.default_rng(0)
    >>> x = random.normal(size=(900, 8)).astype("float32")
    >>> y = (x[:, 0] > 0).astype("int64")
    >>> model = keras.Sequential([
    ...     keras.Input((8,)), keras.layers.Dense(2, activation="softmax")
    ... ])
    >>> reference = aet_keras.drift.Reference.measure(
    ...     model, x[:200], (x[200:400], y[200:400])
    ... )
    >>> stream = aet_keras.drift.Stream(model, reference)
    >>> stream.predict(x[400:600]).shape, stream.log
    ((200, 2), ())
    >>> _ = [stream.predict(x[row : row + 50] + 2) for row in range(0, 300, 50)]
    >>> [event.what for event in stream.log], stream.shift.kind
    (['alarm', 'shift'], 'input')

    Reference:
        [Press et al., 2023](https://arxiv.org/abs/2306.05401), of going back
        to the start. Of the alarm: `Alarm`.
    """

    def __init__(
        self,
        model: keras.Model,
        reference: Reference,
        *,
        adapt: Callable | None = None,
        old: tuple | None = None,
        most_rows: int = 1000,
        wait_rows: int = 200,
        least_labels: int = 100,
        most_seconds: float = 120.0,
        delta: float = DELTA,
        batch_size: int = 128,
        clock: Callable[[], float] = time.time,
    ):
        check.instance(self, of=Reference, reference=reference)
        kind = reference.target_kind
        if kind != "classes":
            raise ValueError(
                "Stream: the reference must be of a classifier, because labels "
                f"are classes. Received: {kind}. Compare "
                "rows in batches: `drift.compare`."
            )
        reference.check_model(model)
        self.most_rows = check.positive_int(self, most_rows=most_rows)
        self.wait_rows = check.whole(
            self, least=LEAST_ROWS, up_to=most_rows, wait_rows=wait_rows
        )
        self.least_labels = check.whole(
            self, least=20, up_to=most_rows, least_labels=least_labels
        )
        self.delta = delta
        self._remedies = StreamRemedies(
            model,
            reference,
            adapt=adapt,
            old=old,
            most_seconds=check.positive(self, most_seconds=most_seconds),
            batch_size=check.positive_int(self, batch_size=batch_size),
        )
        self._rows = RecentRows(most_rows)
        self._log = StreamLog(clock)
        self._labelled: collections.deque = collections.deque(maxlen=most_rows)
        self._at = StreamPlace(labels_due=self.least_labels)
        self.shift: Shift | None = None
        self._watch(reference)

    @property
    def model(self) -> keras.Model:
        """The model that answers now."""
        return self._remedies.model

    @property
    def log(self) -> tuple[StreamEvent, ...]:
        """What it did, the newest 1,000 events."""
        return self._log.events

    @property
    def row_count(self) -> int:
        """How many rows it has seen."""
        return self._at.count

    def predict(
        self, rows: Any, *, ids: Sequence[str] | None = None
    ) -> np.ndarray:
        """Answers new rows, and watches them.

        Args:
            rows: array, or dict of arrays, as the model's `predict` takes
                them; one row or many.
            ids: optional sequence of str, one a row, by which labels come
                later. Defaults to the numbers of rows, `"0"` first.

        Returns:
            Floats `(rows, classes)`, probabilities by the model as it was
            before these rows.

        Raises:
            ValueError: if there are no rows, an id comes twice among the
                rows that are kept, or there is not one for each row.
        """
        count = checked_row_count("Stream.predict", rows)
        ids = self._rows.checked_ids(ids, count, first=self._at.count)
        outputs = self._remedies.read(rows)
        self._rows.add(rows, ids, outputs, first=self._at.count)
        first, self._at.count = self._at.count, self._at.count + count
        if self._at.phase == WATCHING:
            change = self._alarm.update(outputs)
            if change is not None:
                place = first + change.place
                self._raise(change.signal, place - change.since, place)
        self._proceed()
        return outputs.probabilities

    def add_labels(self, labels: Mapping[str, int]) -> int:
        """Takes the classes of rows that came before.

        Ids that are not kept (never seen, or too old) and ids that have a
        label already are left out, and counted in the log.

        Args:
            labels: dict from ids to classes, ints >= 0. A class that the
                model does not have is a new one.

        Returns:
            How many were used.
        """
        known, twice, unknown = [], 0, 0
        for name, label in labels.items():
            check.whole(self, label=label)
            if str(name) not in self._rows:
                unknown += 1
            elif self._rows.labels([str(name)])[0] != UNKNOWN:
                twice += 1
            else:
                self._rows.set_label(str(name), int(label))
                known.append(str(name))
        if unknown or twice:
            self._say(
                "labels",
                f"{unknown} of {len(labels)} are of rows that are not kept, "
                f"and {twice} of rows that have one: left out",
            )
        self._watch_accuracy(known)
        self._proceed()
        return len(known)

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns all that it has learned, as arrays without objects.

        `numpy.savez(path, **stream.get_state())` keeps it. The weights are in
        it once the model was adapted; of a model with new classes the layers
        are not: save `stream.model`, and construct the next stream with it.
        """
        place = dataclasses.asdict(self._at)
        about = {"place": place, "log": self._log.get_state()}
        about["labelled"] = list(self._labelled)
        state = {"about": np.array(json.dumps(about))}
        parts: tuple[Any, ...] = (self._rows, self._remedies, self._alarm)
        for prefix, part in zip(_PARTS, parts, strict=True):
            state |= {prefix + n: a for n, a in part.get_state().items()}
        if self._watched is not self._remedies.reference:
            state |= reference_arrays(self._watched, _WATCHED)
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` returned.

        Args:
            state: the dict, or what `numpy.load` returns of its file. This
                stream must be constructed as that one was.

        Raises:
            ValueError: if it is no state of a stream.
        """
        arrays = {name: np.asarray(each) for name, each in state.items()}
        if "about" not in arrays:
            raise ValueError(
                "Stream: the state must be what `get_state` returned. "
                f"Received: {sorted(arrays)[:5]}. Start anew."
            )
        about = json.loads(str(arrays["about"]))
        self._remedies.set_state(part_of(arrays, _REMEDIES))
        self._rows.set_state(part_of(arrays, _ROWS))
        watched = self._remedies.reference
        if _WATCHED + "model" in arrays:
            watched = reference_of(arrays, _WATCHED)
        self._watch(watched)
        self._alarm.set_state(part_of(arrays, _ALARM))
        self._at = check.record(StreamPlace, state=about["place"])
        self._labelled.extend(about["labelled"])
        self._log.set_state(about["log"])

    def _say(self, what, why):
        self._log.say(self._at.count, what, why)

    def _watch(self, reference):
        """Begins to watch, by what the model makes of rows like these."""
        self._watched = reference
        self._alarm = Alarm(reference, delta=self.delta)
        self._at.watch()
        self._labelled.clear()

    def _watch_accuracy(self, ids):
        watched = set(self._rows.since(self._at.watched_from))
        ids = [each for each in ids if each in watched]
        if self._at.phase != WATCHING or not ids:
            return
        self._labelled.extend(self._rows.number(each) for each in ids)
        rows = self._rows.outputs(ids).probabilities
        answers = self._watched.answers(rows)
        change = self._alarm.update_accuracy(answers == self._rows.labels(ids))
        if change is not None:
            numbers = list(self._labelled)
            last = len(numbers) - len(ids) + change.place
            first = min(numbers[max(0, last - change.since) : last + 1])
            self._raise(change.signal, first, numbers[last])

    def _raise(self, signal, since, place):
        due = self.least_labels
        self._at.collect(since, labels_due=due, looks_at=LEAST_ROWS)
        self._say(
            "alarm",
            f"{signal} has changed since row {since}, noticed at row {place}",
        )

    def _proceed(self):
        """Does what is due."""
        is_due = self._at.waited >= self.wait_rows
        if self._at.phase == COLLECTING and (is_due or self._is_back()):
            self._name()
        elif self._at.phase == SETTLING and is_due:
            self._settle()
        if not self._at.kind or self._remedies.adapt is None:
            return
        ids = self._rows.since(self._at.since)
        labels = self._rows.labels(ids)
        if self._at.take_labels(int((labels != UNKNOWN).sum())):
            self._adapt(ids, labels)

    def _name(self):
        """Names the shift, and tries what needs no labels."""
        ids = self._rows.since(self._at.since)[-self.wait_rows :]
        self._at.waits_from = self._at.count
        self.shift = self._compared(ids)
        if not self.shift.is_shifted:
            if self._can_end(ids):
                self._end()
            return
        if not self._at.name(self.shift.kind):
            return
        self._say("shift", self.shift.to_text().partition("\n")[0])
        if self._remedies.adapt and self._at.kind in _WITHOUT_LABELS:
            self._adapt(self._rows.since(self._at.since), None)

    def _compared(self, ids):
        rows = self._rows
        return self._remedies.compare(
            rows.inputs(ids), rows.outputs(ids), rows.labels(ids)
        )

    def _is_back(self):
        """Looks early whether rows refute the moved model, not its start."""
        waited = self._at.waited
        if not self._remedies.is_moved or waited < self._at.looks_at:
            return False
        self._at.looks_at = 2 * waited
        ids = self._rows.since(self._at.since)
        now = compare_outputs(self._watched, self._rows.outputs(ids))
        return now.is_shifted and not self._compared(ids).is_shifted

    def _can_end(self, ids):
        """Says whether these rows would show the shift if it were there."""
        known = (self._rows.labels(ids) != UNKNOWN).sum()
        return self._at.kind != "output" or known >= LEAST_ROWS

    def _end(self):
        """Watches again as at the start, because no shift is found."""
        why = "the rows look like those of the start"
        if self._remedies.is_moved:
            why += ", and the model has gone back to it"
        self._remedies.go_back()
        self._at.kind = ""
        self._say("quiet", f"{why}; p = {self.shift.p:.2g}")
        self._watch(self._remedies.reference)

    def _adapt(self, ids, labels):
        classes = self._rows.outputs(ids[-1:]).probabilities.shape[1]
        is_new = labels is not None and labels.max() >= classes
        kind = "classes" if is_new else self._at.kind
        found = self._remedies.answer(kind, self._rows.inputs(ids), labels)
        known = 0 if labels is None else int((labels != UNKNOWN).sum())
        self._say(
            "adapted" if found.is_kept else "not adapted",
            f"{kind}, {counted(len(ids), 'row')}, {counted(known, 'label')}: "
            f"{found.why}",
        )
        if found.is_kept:
            self._at.settle(is_over=labels is not None)

    def _settle(self):
        """Watches again, by the rows since the adaptation."""
        ids = self._rows.since(self._at.waits_from)
        reference = self._remedies.settle(
            self._rows.outputs(ids), self._rows.labels(ids)
        )
        rows = counted(len(ids), "row")
        self._say("settled", f"rows are compared with the last {rows} from now")
        self._watch(reference)
