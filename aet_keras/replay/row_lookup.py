"""Replays data whose rows may change, by looking each row up."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras.split_graph import Boundary
from aet_keras.errors import CacheFull
from aet_keras.replay.recorder import Recorder
from aet_keras.replay.sums import sums_of_rows

# Where fewer rows than this share come again, recording costs more than it
# gives: they are augmented, for example.
_LEAST_SHARE = 0.1
# Of a row, in bytes: what takes more is no target of a head that is solved.
_MOST_TARGETS = 4096
_COUNTS = ("old_count", "read_count", "seen", "found", "tried")


class RowLookup:
    """Reads each batch, and takes from the record what is known of its rows.

    A row is found by the sum of its inputs. What is not known is computed and
    recorded. Order, length, targets and weights are those of the data set, so
    that any data set may be read. Known features and new ones are rounded
    alike. It stands where `PassReader` stands for rows that are proved to stay.

    Args:
        recorder: `Recorder`.
        pass_count: optional int. After how many batches the data set begins
            anew, where that is known.
    """

    what = "what"  # it records of the frozen groups, for a sentence
    padding = None
    unused = None  # it never reads ahead
    postponed = None  # it reads from iterators
    wants_batch = True

    def __init__(self, recorder: Recorder, pass_count: int | None = None):
        self.recorder = recorder
        self.place = None
        self._pass_count = pass_count
        self._batch_count = 0
        self._pass: list[Any] = []
        self._seen = 0
        self._found = 0
        self._start_record()
        recorder.last_pass = self._last_pass

    def begin(
        self, boundary: Boundary, *, batch_count: int = 0, seed=0
    ) -> None:
        """Starts an epoch; the arguments are those of `PassReader.begin`."""
        self._boundary = boundary
        self._batch_count = batch_count
        self.is_recording = self.recorder.record is None
        if self.is_recording:
            self._start_record()
        self._begin_epoch()

    def enter(self, iterator, *, goes_on: bool) -> None:
        """Notes what the epoch reads from.

        Args:
            iterator: gives its batches.
            goes_on: bool. Whether the epoch before ended in its middle.
        """
        if not (goes_on and self._pass_count):
            self._pass = []

    def end(self) -> None:
        """Notes that the data set has no more batches."""

    def surrender(self) -> str | None:
        """Says that too few rows came again in the last epoch, or `None`."""
        is_first = self._old_count < (self._pass_count or 1)
        if is_first or self._found >= _LEAST_SHARE * self._seen:
            return None
        return (
            f"of {self._seen} rows of the last epoch {self._found} had been "
            "seen before (augmentation, for example)"
        )

    @property
    def holds_pass(self) -> bool:
        """Whether the last pass was a whole one, and is recorded."""
        if not self._pass:
            return False
        whole = self._pass_count or self._batch_count or len(self._pass)
        return len(self._pass) == whole and all(
            rows.min(initial=0) >= 0 for rows, *_ in self._pass
        )

    def step(self, batch, later=None):
        """Runs the next step, and returns its logs; as `PassReader.step`."""
        x, targets = self.recorder.read(batch)
        rows, crossing = self._look_up(batch, x)
        self._note(rows, targets)
        return self.recorder.run_on((crossing, targets), self._boundary)

    def record_again(self, batch, boundary: Boundary) -> None:
        """Records a batch that an interrupted run had recorded."""
        self._boundary = boundary
        x, targets = self.recorder.read(batch)
        counts = self._seen, self._found
        rows, _ = self._look_up(batch, x)
        self._seen, self._found = counts
        place = self._again.pop(0)
        if len(self._again) < self._pass_length:
            self._pass.append((rows, targets, place))

    def get_state(self) -> dict:
        """Returns what a resumed run has to know to record the same again."""
        last = [] if self._pass is None else [each[2] for each in self._pass]
        listed = {tuple(place) for place in self._added}
        listed |= {place for place in last if place is not None}
        return {
            "passes": _runs(sorted(listed)),
            "pass_length": len(last),
            "old_count": self._old_count,
            "read_count": self._read_count,
            "seen": self._seen,
            "found": self._found,
            "tried": self._tried,
        }

    def set_state(self, state: dict) -> None:
        """Brings back what `get_state` returned."""
        check.entries(self, state, (*_COUNTS, "passes", "pass_length"))
        self._start_record()
        self._pass_length = state["pass_length"]
        self._added = [
            (number, first + offset)
            for (number, first), count in state["passes"]
            for offset in range(count)
        ]
        self._again = list(self._added)
        self._old_count = state["old_count"]
        self._read_count = state["read_count"]
        self._seen = state["seen"]
        self._found = state["found"]
        self._tried = state["tried"]

    def _start_record(self):
        self._added: list[tuple[int, int]] = []  # places of recorded batches
        self._computed: dict[int, int] = {}  # batches: first row, how many
        self._pass: list | None = []
        self._again: list[tuple[int, int]] = []  # to be recorded again
        self._read_count = self._pass_length = self._tried = 0
        self._is_full = False
        self._begin_epoch()

    def _begin_epoch(self):
        self._old_count = self._read_count
        self._seen = self._found = 0
        self._offset = 0

    def _look_up(self, batch, x):
        """Returns the numbers of rows, and their features."""
        recorder, sums = self.recorder, sums_of_rows(x)
        rows = np.full(len(sums), -1)
        if recorder.record is not None:
            rows = recorder.record.known(sums)
            self._check(batch, rows)
        is_new = rows < 0
        self._seen += len(rows)
        self._found += len(rows) - int(is_new.sum())
        if not is_new.any():
            return rows, recorder.tensors(
                recorder.held(rows, self._boundary), self._boundary
            )
        first: dict[bytes, int] = {}
        for place in np.flatnonzero(is_new):
            first.setdefault(sums[place], int(place))
        features = self._compute(x, list(first.values()))
        self._record(x, features, first)
        found = recorder.record.known(sums)
        if found.min() >= 0:
            return found, recorder.tensors(
                recorder.held(found, self._boundary), self._boundary
            )
        places = {each: number for number, each in enumerate(first)}
        fresh = [places[sums[place]] for place in np.flatnonzero(is_new)]
        return rows, self._joined(rows, is_new, features, fresh)

    def _compute(self, x, places):
        """Returns the features of some rows of a batch."""
        boundary = self._boundary
        if self.recorder.record is not None:
            boundary = boundary.recording(self.recorder.held_keys)
        if not self.recorder.is_compiled_by_size:
            return self.recorder.obtain(_rows_of(x, places), boundary)
        found = self.recorder.obtain(x, boundary)
        return {
            key: each if each is None else tf.gather(each, places)
            for key, each in found.items()
        }

    def _record(self, x, features, first):
        """Records rows that are new, as far as there is room."""
        recorder, places = self.recorder, list(first.values())
        count = 0 if recorder.record is None else recorder.record.count
        if self._is_full:
            return
        try:
            recorder.append(
                _rows_of(x, places),
                [],
                features,
                self._boundary,
                self._batch_count * len(x[0]),
                None,
                list(first),
            )
        except CacheFull:
            if recorder.record is None or not count:
                raise
            recorder.record.cut_to(count)
            self._is_full = True
            return
        self._computed[count] = len(places)
        if self.place is not None:
            number, begun = self.place
            self._added.append((number, begun + self._offset))

    def _joined(self, rows, is_new, features, fresh):
        """Returns what crosses the boundary, of known rows and of others."""
        recorder, boundary = self.recorder, self._boundary
        known = recorder.held(rows[~is_new], boundary)
        arrays = []
        for old, new in zip(
            known, recorder.rounded(features, boundary), strict=True
        ):
            array = np.empty((len(rows), *new.shape[1:]), new.dtype)
            array[~is_new], array[is_new] = old, new[fresh]
            arrays.append(array)
        return recorder.tensors(arrays, boundary)

    def _check(self, batch, rows):
        """Has known rows computed anew: once, and once in other batches.

        What no flag shows shows here: a layer that draws, or that mixes the
        rows of a batch.
        """
        known = rows[rows >= 0]
        if self._tried > 1 or not len(known):
            return
        is_same = self._computed.get(int(rows[0])) == len(rows) and bool(
            (np.diff(rows) == 1).all()
        )
        if is_same and self._tried:
            return
        self.recorder.compare(
            batch, [None if row < 0 else row for row in rows], self._boundary
        )
        self._tried = 1 if is_same else 2

    def _note(self, rows, targets):
        """Notes the rows of a step, for a head to be solved on."""
        self._read_count += 1
        place = None
        if self.place is not None:
            number, begun = self.place
            place = number, begun + self._offset
        self._offset += 1
        if self._pass is not None and len(self._pass) == self._pass_count:
            self._pass = []  # an iterator that goes on has begun a new pass
        width = sum(int(np.prod(t.shape[1:])) * t.dtype.size for t in targets)
        if self._pass is not None and width <= _MOST_TARGETS:
            self._pass.append((rows, targets, place))
        else:
            self._pass = None

    def _last_pass(self):
        """Returns the numbers of the last pass's rows, and the targets."""
        rows = np.concatenate([rows for rows, *_ in self._pass])
        targets = zip(*(targets for _, targets, _ in self._pass), strict=True)
        return rows, [np.concatenate([*map(np.asarray, t)]) for t in targets]


def _rows_of(x, places: Sequence[int]):
    """Returns some rows of tensors; the tensors themselves if it is all."""
    if len(places) == len(x[0]):
        return x
    return [tf.gather(each, places) for each in x]


def _runs(places):
    """Returns neighbouring places as lists of the first one and a count."""
    runs = []
    for _, group in itertools.groupby(
        enumerate(places), lambda each: (each[1][0], each[1][1] - each[0])
    ):
        group = [place for _, place in group]
        runs.append([list(group[0]), len(group)])
    return runs
