"""Says what is adapted of a model for each kind of target, and how judged."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import graph
from aet_keras.drift import heads
from aet_keras.drift.priors import checked_probabilities
from aet_keras.drift.softmax_twin import Twin
from aet_keras.drift.target_kinds import KINDS, TargetKind, cross_entropies
from aet_keras.errors import DataError
from aet_keras.tasks.number_unit import Unit, value_end

_OWNER = "adapt"


@dataclasses.dataclass(eq=False)
class Target:
    """Holds a model as it is tried on, and how its rows are judged.

    Args:
        kind: `TargetKind`.
        model: the `keras.Model` that remedies change: it ends in one dense
            layer, if it can.
        activation: str. That of this layer.
        loss: str. What is trained.
        state: what a remedy may change beside weights; None of most.
    """

    kind: TargetKind
    model: keras.Model
    activation: str
    loss: str
    state: Any = None

    def learned(self, labels: np.ndarray) -> np.ndarray:
        """Returns labels as the model puts them out."""
        return labels

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """Returns what is answered of what the model puts out."""
        return self.kind.answers(outputs, self.state)

    def judged(
        self, outputs: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns how wrong each row's answer is, and its loss."""
        return self.errors(outputs, labels), cross_entropies(outputs, labels)

    def errors(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Returns how wrong each row's answer is."""
        return self.kind.errors(self.answers(outputs), labels)

    def width(self, outputs: np.ndarray) -> int:
        """Returns how many classes or tags the model knows; checks them."""
        return self.kind.as_outputs(_OWNER, outputs).shape[1]

    def check_labels(self, labels: np.ndarray, width: int, what: str) -> None:
        """Raises a `ValueError` if the model cannot learn such labels.

        Args:
            labels: those that are known, of `new` or `old`.
            width: int, of the model.
            what: str. Whose they are.
        """

    def adapted(self, result: keras.Model) -> keras.Model:
        """Returns what the user gets, of what was adapted."""
        return result


class ClassTarget(Target):
    """Judges classes, by right answers and cross-entropy."""

    def __init__(self, model: keras.Model, kind: TargetKind | None = None):
        self.twin = Twin.of(model)
        kind, loss = kind or KINDS["classes"], "sparse_categorical_crossentropy"
        super().__init__(kind, self.twin.twin, "softmax", loss)

    def judged(self, outputs, labels):
        errors, losses = super().judged(outputs, labels)
        nobody = np.full_like(labels, -1)  # what a row counts is lost then
        return errors, losses * self.kind.errors(nobody, labels)

    def width(self, outputs):
        return checked_probabilities(_OWNER, outputs).shape[1]

    def check_labels(self, labels, width, what):
        if what == "new" or labels.max() < width:
            return  # new ones may be of new classes
        raise ValueError(
            f"{_OWNER}: the classes of `old` must be known to the model, from "
            f"0 to {width - 1}. Received: {labels.max()}. Give rows with a "
            "new class as `new` and `labels`."
        )

    def adapted(self, result):
        return self.twin.adapted(result)


class NumberTarget(Target):
    """Judges a number by how far it is off, in its own unit.

    What is tried on ends in the value that the last layers bring into the
    unit. A model without such layers gets a head beside its own, that puts
    out a value of mean 0 and spread 1: what learns well at a usual rate.
    """

    def __init__(self, model: keras.Model, labels: np.ndarray):
        output, unit = value_end(model)
        self._model, self._head = model, None
        learner = model
        if unit is not None:
            inputs = graph.functional_of(model).input
            learner = keras.Model(inputs, output, name=model.name)
        else:
            unit = Unit(0.0, 1.0)
            self._head = _headed(model)
        if self._head is not None:
            unit = Unit.fitted(labels) if len(labels) else unit
            learner = _in_value(model, self._head, unit)
            self._start = learner.layers[-1].get_weights()
        self._unit = unit
        loss = "mean_squared_error"
        super().__init__(KINDS["number"], learner, "linear", loss)

    def learned(self, labels):
        return self._unit.values(labels).astype("float32")[:, None]

    def answers(self, outputs):
        return self._unit.numbers(super().answers(outputs))

    def judged(self, outputs, labels):
        errors = self.errors(outputs, labels)
        return errors, errors

    def check_labels(self, labels, width, what):
        if what == "old" or len(labels) < 2 or np.ptp(labels) > 0:
            return
        raise DataError(
            f"{_OWNER}: labels must be of two numbers or more, because one "
            f"alone does not tell what differs. Received: {len(labels)} "
            f"labels, all {labels[0]:g}. Label other rows too, or leave "
            "`labels` out."
        )

    def adapted(self, result):
        if self._head is not None:
            kernel, bias = found = result.layers[-1].get_weights()
            if all(map(np.array_equal, found, self._start)):
                return self._model  # there and back, weights would be rounded
            unit = self._unit
            whole = [kernel * unit.scale, bias * unit.scale + unit.mean]
            self._head.set_weights(whole)
        return self._model


class TagTarget(Target):
    """Judges tags by the F1 of each row, and by cross-entropy.

    Its `state` are the thresholds, from which probability on a row is said to
    have a tag.
    """

    def __init__(self, model: keras.Model, thresholds: Sequence[float]):
        limits = tuple(map(float, thresholds))
        loss = "binary_crossentropy"
        super().__init__(KINDS["tags"], model, "sigmoid", loss, limits)

    def learned(self, labels):
        return labels.astype("float32")

    def width(self, outputs):
        width = super().width(outputs)
        self.state = self.state or (0.5,) * width
        if len(self.state) == width:
            return width
        raise ValueError(
            f"{_OWNER}: `thresholds` must be one for each tag. Received: "
            f"{len(self.state)} for {width} tags. Give as many, or leave them "
            "out."
        )

    def check_labels(self, labels, width, what):
        if labels.shape[1] != width:
            raise DataError(
                f"{_OWNER}: labels must have a column for each tag that the "
                f"model knows. Received: {labels.shape[1]} columns for "
                f"{width} tags. Give 0 where a row has not a tag."
            )
        if what == "old" or len(labels) < 2 or (labels != labels[0]).any():
            return
        raise DataError(
            f"{_OWNER}: rows must have different tags, because equal ones do "
            f"not tell what differs. Received: {len(labels)} labels, all the "
            "same. Label other rows too, or leave `labels` out."
        )


def target_of(
    judge: TargetKind,
    model: keras.Model,
    labels: np.ndarray,
    thresholds: Sequence[float] | None,
) -> Target:
    """Returns what is adapted of a model.

    Args:
        judge: `TargetKind`.
        model: the `keras.Model` that a user gave.
        labels: those of new rows that are known.
        thresholds: as of `aet_keras.adapt`.
    """
    kind = judge.name
    if thresholds is not None and kind != "tags":
        raise ValueError(
            f"{_OWNER}: `thresholds` must go with tags. Received: "
            f"target_kind={kind!r}. Leave them out."
        )
    if kind == "number":
        return NumberTarget(model, labels)
    if kind == "tags":
        given = [
            check.number(_OWNER, least=0, most=1, thresholds=each)
            for each in thresholds or ()
        ]
        return TagTarget(model, given)
    return ClassTarget(model, judge)


def _headed(model):
    """Returns the head of a model of a number; None if it has none."""
    try:
        return heads.dense_head(_OWNER, model, "linear")
    except ValueError:
        return None


def _in_value(model, head, unit):
    """Returns the model with a head that puts out values of a unit."""
    own = keras.layers.Dense(1, name=head.name, dtype=head.dtype_policy)
    inputs = graph.functional_of(model).input
    made = keras.Model(inputs, own(head.input), name=model.name)
    kernel, bias = head.get_weights()
    own.set_weights([kernel / unit.scale, (bias - unit.mean) / unit.scale])
    return made
