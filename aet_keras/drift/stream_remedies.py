"""Adapts the model of a stream from where it stood, within a budget."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import reading
from aet_keras.drift.comparison import compare_outputs
from aet_keras.drift.model_outputs import (
    ModelOutputs,
    OutputReader,
    sum_of_weights,
)
from aet_keras.drift.priors import calibrate
from aet_keras.drift.reference import Reference, as_cells
from aet_keras.drift.row_batches import UNKNOWN
from aet_keras.drift.shift import Shift
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule

_EPOCHS = 15  # at most; those of `aet_keras.adapt`
# Of a training, in passes of the model over its rows: half of a batch is old
# rows, a step costs three passes, and up to three trainings are tried.
_PASSES_OF_EPOCH = 2 * 3 * 3
_PASSES, _OLD_ROWS = 8, 500  # of what needs no labels
_START, _MODEL, _REFERENCE = "start/", "model/", "reference/"
_FIELDS = ("probabilities", "labels", "projections", "center", "basis", "model")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Says what came of an adaptation.

    Args:
        is_kept: bool. Whether the model has it now.
        why: str. The sentence of the log.
    """

    is_kept: bool
    why: str


class StreamRemedies:
    """Holds a model, where it started, and what may change it.

    Each adaptation begins from the start, because a remedy that needs no
    labels is relative to it. What was learned from labels becomes the start.

    Args:
        model: `keras.Model`, to which `reference` belongs.
        reference: `Reference`.
        adapt: optional function with the signature of `aet_keras.adapt`.
        old: optional tuple `(x, y)` of old rows.
        most_seconds: float > 0. Expected of one adaptation, at most.
        batch_size: int >= 1. Of passes of the model.
    """

    def __init__(
        self,
        model: keras.Model,
        reference: Reference,
        *,
        adapt: Callable | None,
        old: tuple | None,
        most_seconds: float,
        batch_size: int,
    ):
        self.model, self.reference = model, reference
        self.adapt, self.old = adapt, old
        self.most_seconds, self.batch_size = most_seconds, batch_size
        self.is_learned = False  # from labels, and not settled yet
        self._start: list[np.ndarray] | None = None  # None: the model is there
        self._is_same_reference = True
        self._reader = OutputReader(model)
        self._row_seconds = 0.0
        self._pace = 3.0  # measured seconds to those of the passes alone

    @property
    def is_moved(self) -> bool:
        """Whether the model is not what it started as."""
        return self._start is not None

    def read(self, rows: Any) -> ModelOutputs:
        """Returns what the model makes of rows."""
        begun = time.perf_counter()
        outputs = self._reader.read(rows, batch_size=self.batch_size)
        seconds = (time.perf_counter() - begun) / outputs.row_count
        # The fastest: the first ones trace the model.
        self._row_seconds = min(seconds, self._row_seconds or seconds)
        return dataclasses.replace(outputs, labels=None)

    def compare(
        self, rows: Any, outputs: ModelOutputs, labels: np.ndarray
    ) -> Shift:
        """Compares rows with what the model at its start makes of them.

        Args:
            rows: as `predict` takes them.
            outputs: what the model as it is now makes of them.
            labels: ints, -1 where the class is not known.
        """
        if self._start is not None:
            now = self.model.get_weights()
            self.model.set_weights(self._start)
            try:
                outputs = self.read(rows)
            finally:
                self.model.set_weights(now)
        known = labels if (labels != UNKNOWN).any() else None
        return compare_outputs(
            self.reference, dataclasses.replace(outputs, labels=known)
        )

    def go_back(self) -> None:
        """Gives the model the weights that it started with."""
        if self._start is not None:
            self.model.set_weights(self._start)
        self._start, self.is_learned = None, False

    def answer(
        self, kind: str, rows: Any, labels: np.ndarray | None
    ) -> Outcome:
        """Adapts the model to rows, and keeps what is allowed.

        Args:
            kind: str. Of the shift.
            rows: as `predict` takes them.
            labels: optional ints, -1 where the class is not known: what is
                learned from. Without, the remedy's own criterion decides.
        """
        assert self.adapt is not None
        epochs, expected = self._epochs(reading.row_count(rows), labels)
        if expected > self.most_seconds:
            return Outcome(
                False,
                f"not tried: it would take about {expected:.2g} s, and "
                f"{self.most_seconds:g} s are allowed",
            )
        now = self.model.get_weights()
        self.model.set_weights(start := self._start or now)
        begun = time.perf_counter()
        try:
            found = self.adapt(
                self.model,
                rows,
                labels,
                old=self.old,
                shift=kind,
                reference=self.reference,
                epochs=epochs,
            )
        except ValueError as error:
            self.model.set_weights(now)
            return Outcome(False, f"not tried: {check.first_line(error)}")
        except BaseException:
            self.model.set_weights(now)
            raise
        seconds = time.perf_counter() - begun
        self._pace = max(1.0, self._pace * seconds / max(expected, 1e-9))
        is_kept = _is_allowed(found, labels)
        why = _told(found, is_kept, seconds, self.most_seconds)
        if not is_kept:
            self.model.set_weights(now)
            return Outcome(False, why)
        self._start, self.is_learned = start, labels is not None
        if found.model is not self.model:  # a wider head
            self.model = found.model
            self._reader = OutputReader(self.model)
        return Outcome(True, why)

    def _epochs(self, count, labels):
        """Returns how many epochs fit, at least 1, and the seconds expected."""
        old = 0 if self.old is None else len(self.old[1])
        passes = _PASSES * (count + min(old, _OLD_ROWS))
        known = 0 if labels is None else int((labels != UNKNOWN).sum())
        second = self._pace * self._row_seconds
        free, epoch = second * passes, second * _PASSES_OF_EPOCH * known
        if not known:
            return _EPOCHS, free
        fitting = int((self.most_seconds - free) / max(epoch, 1e-9))
        epochs = max(1, min(_EPOCHS, fitting))
        return epochs, free + epochs * epoch

    def settle(self, outputs: ModelOutputs, labels: np.ndarray) -> Reference:
        """Returns a reference of rows that the model answers as it is now.

        Rows without a label get one drawn by the model's own probabilities,
        calibrated as those of the start were: shares and confidence are then
        as expected, and an accuracy that is taken from it is no measurement.
        If the model has learned from labels, it starts from here.
        """
        found = settled_reference(self.reference, self.model, outputs, labels)
        if self.is_learned:
            self.reference, self._is_same_reference = found, False
            self._start, self.is_learned = None, False
        return found

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns where the model started and stands, as arrays.

        Without weights, while the model is what it was constructed with.
        """
        state = {
            "is_learned": np.array(self.is_learned),
            "pace": np.array([self._pace, self._row_seconds]),
        }
        if self._start is not None or not self._is_same_reference:
            state |= _numbered(_MODEL, self.model.get_weights())
        if self._start is not None:
            state |= _numbered(_START, self._start)
        if not self._is_same_reference:
            state |= reference_arrays(self.reference, _REFERENCE)
        return state

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on from what `get_state` returned."""
        self.is_learned = bool(state["is_learned"])
        self._pace, self._row_seconds = state["pace"].tolist()
        weights = _listed(_MODEL, state)
        if weights:
            self.model.set_weights(weights)
        self._start = _listed(_START, state) or None
        self._is_same_reference = _REFERENCE + "model" not in state
        if not self._is_same_reference:
            self.reference = reference_of(state, _REFERENCE)


def settled_reference(
    start: Reference,
    model: keras.Model,
    outputs: ModelOutputs,
    labels: np.ndarray,
) -> Reference:
    """Makes a reference of a stream's rows; see `StreamRemedies.settle`."""
    probabilities = outputs.probabilities
    likely = probabilities.astype("float64")
    is_same = probabilities.shape[1] == start.class_count
    if is_same:
        likely = calibrate(start.probabilities, start.labels).apply(likely)
    sums = np.cumsum(likely, axis=1)
    points = np.random.default_rng(0).random((len(likely), 1)) * sums[:, -1:]
    drawn = (points >= sums).sum(axis=1)
    is_known = (labels >= 0) & (labels < probabilities.shape[1])
    return Reference(
        probabilities,
        np.where(is_known, labels, drawn).astype("int64"),
        start.project(outputs.features),
        start.center,
        start.basis,
        sum_of_weights(model),
        columns={
            name: as_cells(outputs.columns[name]) for name in start.columns
        },
        class_names=start.class_names,
        rule=start.rule if is_same else LIKELIEST,
    )


def reference_arrays(
    reference: Reference, prefix: str
) -> dict[str, np.ndarray]:
    """Returns the arrays of a reference that has no moments."""
    return {
        **{prefix + n: np.asarray(getattr(reference, n)) for n in _FIELDS},
        prefix + "class_names": np.array(reference.class_names, dtype=str),
        prefix + "rule": np.array(reference.rule.to_numbers()),
        **{
            f"{prefix}column/{name}": each
            for name, each in reference.columns.items()
        },
    }


def reference_of(state: Mapping[str, np.ndarray], prefix: str) -> Reference:
    """Returns the reference of `reference_arrays`."""
    known: dict[str, Any] = {n: state[prefix + n] for n in _FIELDS}
    column = f"{prefix}column/"
    return Reference(
        **{**known, "model": str(known["model"])},
        columns={
            name.removeprefix(column): each
            for name, each in state.items()
            if name.startswith(column)
        },
        class_names=tuple(state[prefix + "class_names"].tolist()),
        rule=AnswerRule.of_numbers(state.get(prefix + "rule", ())),
    )


def _is_allowed(found, labels):
    if labels is None:
        return bool(found.kept)
    return found.verdict is not None and found.verdict.is_better


def _told(found, is_kept, seconds, most):
    parts = [found.reason if is_kept else f"undone ({found.reason})"]
    if found.verdict is not None:
        parts.append(f"{found.verdict.outcome}: {found.verdict.reason}")
    over = f", more than the {most:g} s expected" if seconds > most else ""
    parts.append(f"{seconds:.1f} s{over}")
    return "; ".join(parts)


def _numbered(prefix, arrays):
    return {f"{prefix}{place}": each for place, each in enumerate(arrays)}


def _listed(prefix, state):
    count = sum(name.startswith(prefix) for name in state)
    return [np.asarray(state[f"{prefix}{place}"]) for place in range(count)]
